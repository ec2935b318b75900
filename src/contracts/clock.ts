import type { WallTimeMs } from "../domain/time.ts";

/** Time and timers, injected so that tests need no real waiting. */
export interface Clock {
  /** Wall-clock time. May jump. */
  now(): WallTimeMs;
  /** Milliseconds since an arbitrary start, with fractions. Never goes backwards. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it aborts, leaving no timer behind. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`. Disposing the timer cancels it; a cancelled timer never fires. */
  timer(ms: number, callback: () => void): Disposable;
}
