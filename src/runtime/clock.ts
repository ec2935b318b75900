import { wallTimeMs } from "../domain/time.ts";
import type { Clock } from "../contracts/clock.ts";

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => wallTimeMs(Date.now()),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
  timer: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return {
      [Symbol.dispose]: () => {
        clearTimeout(timer);
      },
    };
  },
};
