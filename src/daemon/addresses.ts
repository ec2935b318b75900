import { z } from "zod";
import { OUTPUTS } from "../outputs/index.ts";
import { SOURCES } from "../sources/index.ts";
import { VedetteError } from "../errors.ts";
import { redactUrl } from "../runtime/redact.ts";
import { configError, keysOf } from "../config/issues.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { Output } from "../contracts/output.ts";
import type { Source } from "../contracts/source.ts";

/** What kinds of sources and outputs have in common. */
interface Addressed {
  readonly kind: string;
  readonly schema: z.ZodType;
  readonly addresses: readonly string[];
  fromAddress(address: string): unknown;
}

/** Settings that flags add to whatever an address says (`--loop`, `--view`, …), by the name of the key. */
export type Overrides = Readonly<Record<string, unknown>>;

/** The source behind an address of the command line or configuration, or behind a configured object. */
export async function createSource(given: unknown, overrides: Overrides, context: KindContext): Promise<Source> {
  const { kind, config } = resolve(SOURCES, given, overrides, "E_SOURCE_SCHEME");
  return kind.create(config as never, { ...context, sourceAt: (address) => createSource(address, overrides, context) });
}

/** The output behind an address or a configured object. */
export async function createOutput(given: unknown, overrides: Overrides, context: KindContext): Promise<Output> {
  const { kind, config } = resolve(OUTPUTS, given, overrides, "E_OUTPUT_SCHEME");
  return kind.create(config as never, context);
}

function resolve<Kind extends Addressed>(
  kinds: readonly Kind[],
  given: unknown,
  overrides: Overrides,
  unknownCode: "E_SOURCE_SCHEME" | "E_OUTPUT_SCHEME",
): { kind: Kind; config: unknown } {
  if (typeof given !== "string") {
    const named = given as { kind: string };
    const kind = kinds.find((candidate) => candidate.kind === named.kind);
    if (kind === undefined) {
      throw new VedetteError(unknownCode, { source: named.kind, output: named.kind, expected: kinds.map((k) => k.kind).join(", ") });
    }
    return { kind, config: check(kind, { ...named, ...applicable(kind, overrides) }, named.kind) };
  }
  for (const kind of kinds) {
    const input = kind.fromAddress(given);
    if (input !== undefined) {
      return { kind, config: check(kind, { ...(input as object), ...applicable(kind, overrides) }, redactUrl(given)) };
    }
  }
  const shown = redactUrl(given);
  throw new VedetteError(unknownCode, { source: shown, output: shown, expected: kinds.flatMap((kind) => kind.addresses).join(", ") });
}

/** Those of the flags that this kind has a setting for. */
function applicable(kind: Addressed, overrides: Overrides): Overrides {
  const shape = kind.schema instanceof z.ZodObject ? (kind.schema.shape as Record<string, unknown>) : {};
  return Object.fromEntries(Object.entries(overrides).filter(([key, value]) => value !== undefined && key in shape));
}

function check(kind: Addressed, input: unknown, where: string): unknown {
  const parsed = kind.schema.safeParse(input);
  if (!parsed.success) {
    throw configError(parsed.error, where, keysOf(z.toJSONSchema(kind.schema, { io: "input", unrepresentable: "any" })));
  }
  return parsed.data;
}
