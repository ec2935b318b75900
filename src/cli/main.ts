import { INTERRUPTED, isInterruption } from "./interrupt.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./report-error.ts";

// A reader that has seen enough (`| head`) is no failure; outputs that write to it notice by themselves.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") {
    throw error;
  }
});
try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = isInterruption(error) ? INTERRUPTED : reportError(error);
}
