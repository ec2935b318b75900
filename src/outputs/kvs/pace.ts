import type { Clock } from "../../contracts/clock.ts";

/** The service takes 12.5 MB/s per stream; a tenth is left for what stands around the media. */
const MAX_BYTES_PER_MS = 11_250;

/** Holds back what was kept, so that it goes out at no more than so many times real time, and within the service's limit. */
export class Pace {
  readonly #clock: Clock;
  readonly #speed: number;
  #freeAtMs = 0;

  constructor(clock: Clock, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
  }

  /** Waits for the turn of a fragment that was kept. Rejects when the signal aborts. */
  async take(fragment: { readonly durationMs: number; readonly sizeBytes: number }, signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const waitMs = this.#freeAtMs - nowMs;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + Math.max(fragment.durationMs / this.#speed, fragment.sizeBytes / MAX_BYTES_PER_MS);
    if (waitMs > 1) {
      await this.#clock.sleep(waitMs, signal);
    }
  }
}
