import { VedetteError, toVedetteError } from "../errors.ts";
import { redactText } from "../runtime/redact.ts";

/** Prints the error as one line for people (`vedette: message`, then what to do) and returns the exit code. */
export function reportError(error: unknown): number {
  const known = toVedetteError(error);
  const lines = [`vedette: ${redactText(known.message)} [${known.code}]`, `  ${redactText(known.hint)}`];
  if (known.code === "E_INTERNAL" && known.cause instanceof Error && known.cause.stack !== undefined) {
    lines.push(redactText(known.cause.stack));
  }
  process.stderr.write(`${lines.join("\n")}\n`);
  return known.exit;
}

/** A usage error: exit code 2, with the reason. */
export function usage(reason: string): VedetteError {
  return new VedetteError("E_USAGE", { reason });
}
