/** How the delays between tries grow. */
export interface RetryDelayOptions {
  /** The first delay, before jitter. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** 0…1. */
  readonly random: () => number;
}

/** Delays that double up to a limit, each varied by ±20 % so that many peers do not come back at once. */
export class RetryDelays {
  readonly #options: RetryDelayOptions;
  #nextMs: number;

  constructor(options: RetryDelayOptions) {
    this.#options = options;
    this.#nextMs = options.firstMs;
  }

  /** The next delay; the one after it is longer. */
  next(): number {
    const { maxMs, random } = this.#options;
    const delayMs = Math.round(this.#nextMs * (0.8 + 0.4 * random()));
    this.#nextMs = Math.min(maxMs, this.#nextMs * 2);
    return delayMs;
  }

  /** All is well: begin with the first again. */
  reset(): void {
    this.#nextMs = this.#options.firstMs;
  }
}
