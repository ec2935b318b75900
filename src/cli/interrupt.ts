/**
 * Turns Ctrl-C and SIGTERM into an abort: the first asks everything to finish, so that outputs are whole; the second
 * leaves at once.
 */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/** Exit code of a command that a signal ended. */
export const INTERRUPTED = 130;

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
