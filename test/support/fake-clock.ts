// A clock that moves only when the test says so.
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/contracts/clock.ts";
import { wallTimeMs, type WallTimeMs } from "../../src/domain/time.ts";

interface Waiting {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Time stands still until {@link advance}. Wall-clock time starts at `epochMs` and moves along. */
export class FakeClock implements Clock {
  readonly #epochMs: number;
  readonly #waiting = new Set<Waiting>();
  #nowMs = 0;
  #order = 0;

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  now(): WallTimeMs {
    return wallTimeMs(this.#epochMs + this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const timer = this.timer(ms, () => resolve(undefined));
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  timer(ms: number, callback: () => void): Disposable {
    const waiting: Waiting = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, fire: callback };
    this.#waiting.add(waiting);
    return { [Symbol.dispose]: () => void this.#waiting.delete(waiting) };
  }

  /** How many timers wait: 0 after everything was disposed. */
  get timers(): number {
    return this.#waiting.size;
  }

  /** Moves time on, firing what falls due in order; what runs in promises gets its turn before and after each. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms;
    await setImmediate();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#waiting.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fire();
      await setImmediate();
    }
    this.#nowMs = until;
  }

  #next(until: number): Waiting | undefined {
    let next: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (waiting.atMs <= until && (next === undefined || waiting.atMs < next.atMs || (waiting.atMs === next.atMs && waiting.order < next.order))) {
        next = waiting;
      }
    }
    return next;
  }
}
