import { VedetteError } from "../errors.ts";
import { inputSchema } from "./manifest.ts";
import type { ModelFlags } from "./manifest.ts";

/** What the command line says about a model's pictures, as typed. */
export interface InputFlags {
  /** `--input-size 640x480` */
  readonly inputSize?: string | undefined;
  /** `--layout NCHW` */
  readonly layout?: string | undefined;
  /** `--color BGR` */
  readonly color?: string | undefined;
  /** `--normalise 0..1` */
  readonly normalise?: string | undefined;
  /** `--fit letterbox` */
  readonly fit?: string | undefined;
}

/** The `input` part of {@link ModelFlags}; undefined when nothing was said. Throws `E_USAGE` naming the flag and what it takes. */
export function parseInputFlags({ inputSize, layout, color, normalise, fit }: InputFlags): ModelFlags["input"] {
  const size = inputSize === undefined ? undefined : /^(\d+)[x×](\d+)$/.exec(inputSize);
  if (size === null) {
    throw new VedetteError("E_USAGE", { reason: `--input-size ${String(inputSize)}: expected WIDTHxHEIGHT, for example 640x480` });
  }
  const given = { layout, color, normalise, fit, ...(size === undefined ? {} : { width: Number(size[1]), height: Number(size[2]) }) };
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  if (said.length === 0) {
    return undefined;
  }
  const parsed = inputSchema.safeParse(Object.fromEntries(said));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new VedetteError("E_USAGE", { reason: `--${issue?.path.join(".") ?? "input"}: ${issue?.message ?? "not valid"}` });
  }
  return parsed.data;
}
