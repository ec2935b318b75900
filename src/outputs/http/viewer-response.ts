import type { ServerResponse } from "node:http";
import type { Clock } from "../../contracts/clock.ts";

/** A viewer that took nothing for this long is sent away: it holds a connection that others may need. */
const STALLED_MS = 30_000;

/**
 * Resolves when everything written has been handed to the system, or the connection is gone: the next thing to send is
 * fetched only then, so that what waits for a slow viewer is one item, and always the newest.
 */
export function drained(response: ServerResponse, clock: Clock): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const timer = clock.timer(STALLED_MS, () => response.destroy());
    const finish = (): void => {
      timer[Symbol.dispose]();
      response.off("drain", finish);
      response.off("close", finish);
      resolve();
    };
    response.on("drain", finish);
    response.on("close", finish);
  });
}

/** A signal that aborts when the viewer has gone, or with the given one. Disposing it lets go of both. */
export function watching(response: ServerResponse, stopped: AbortSignal): { readonly signal: AbortSignal } & Disposable {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  response.on("close", leave);
  stopped.addEventListener("abort", leave);
  if (response.destroyed || stopped.aborted) {
    leave();
  }
  return {
    signal: gone.signal,
    [Symbol.dispose]: () => {
      response.off("close", leave);
      stopped.removeEventListener("abort", leave);
    },
  };
}
