import { VedetteError } from "../errors.ts";

/**
 * Turns Ctrl-C and SIGTERM into an abort: the first asks everything to finish, so that outputs are whole; the second
 * leaves at once.
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

/** Listens from now on until disposed. */
export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  const handle = (): void => {
    if (controller.signal.aborted) {
      process.exit(INTERRUPTED);
    }
    controller.abort();
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
