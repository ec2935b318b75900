import { VedetteError } from "../errors.ts";

/**
 * Turns Ctrl-C and SIGTERM into an abort: the first asks everything to finish, so that outputs are whole; the second
 * ends the process on the spot.
 */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/** Exit code of a command that a signal ended. */
export const INTERRUPTED = 130;

/** Whether this error is what an interrupt leaves behind: a wait that was given up, not a failure. */
export function isInterruption(error: unknown): boolean {
  return (error instanceof Error && error.name === "AbortError") || (error instanceof VedetteError && error.code === "E_STOPPED");
}

/** One key press arrives twice under npm and `timeout`: from the terminal's process group and from the parent. */
const SAME_PRESS_MS = 500;

/** Listens from now on until disposed. */
export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  let firstMs = 0;
  const handle = (name: NodeJS.Signals): void => {
    if (!controller.signal.aborted) {
      firstMs = performance.now();
      controller.abort();
    } else if (performance.now() - firstMs > SAME_PRESS_MS) {
      // By the signal itself: process.exit would stop threads in the middle of native code, which aborts with a core dump.
      process.off(name, handle);
      process.kill(process.pid, name);
    }
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off("SIGINT", handle);
      process.off("SIGTERM", handle);
    },
  };
}
