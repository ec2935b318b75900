import { INTERRUPTED, isInterruption } from "./interrupt.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./report-error.ts";

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = isInterruption(error) ? INTERRUPTED : reportError(error);
}
