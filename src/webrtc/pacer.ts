import type { Clock } from "../contracts/clock.ts";

/** A burst of this length goes out at once: two or three packets. */
const BURST_BYTES = 4000;
/** Timers are no finer. */
const TICK_MS = 4;

/**
 * Spreads packets over time: a keyframe sent in one burst overruns queues on its way, and much of it is lost. A leaky
 * bucket that empties at the given rate.
 */
export class Pacer {
  readonly #clock: Clock;
  #rateBps: number;
  #debtBytes = 0;
  #atMs: number;

  constructor(clock: Clock, rateBps: number) {
    this.#clock = clock;
    this.#rateBps = rateBps;
    this.#atMs = clock.monotonicMs();
  }

  /** Changes the rate. */
  setRate(rateBps: number): void {
    this.#settle();
    this.#rateBps = rateBps;
  }

  /** Waits until a packet of this size may go. Rejects when the signal aborts. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    this.#settle();
    while (this.#debtBytes > BURST_BYTES) {
      await this.#clock.sleep(Math.max(TICK_MS, ((this.#debtBytes - BURST_BYTES) * 8000) / this.#rateBps), signal);
      this.#settle();
    }
    this.#debtBytes += bytes;
  }

  #settle(): void {
    const nowMs = this.#clock.monotonicMs();
    // Credit for at most one tick too late, so that a late timer costs nothing in the long run.
    const paidBytes = ((nowMs - this.#atMs) * this.#rateBps) / 8000;
    this.#debtBytes = Math.max(-(this.#rateBps * TICK_MS * 2) / 8000, this.#debtBytes - paidBytes);
    this.#atMs = nowMs;
  }
}
