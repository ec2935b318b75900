/** Counts how often something happened a second, over the last few seconds. */
export class RateMeter {
  readonly #windowMs: number;
  readonly #timesMs: number[] = [];

  constructor(windowMs = 3000) {
    this.#windowMs = windowMs;
  }

  /** It happened, at a monotonic time in milliseconds. */
  mark(nowMs: number): void {
    this.#timesMs.push(nowMs);
    this.#forget(nowMs);
  }

  /** How often a second, as of now; 0 when there is nothing to tell from. */
  perSecond(nowMs: number): number {
    this.#forget(nowMs);
    const first = this.#timesMs[0];
    const last = this.#timesMs.at(-1);
    if (first === undefined || last === undefined || last <= first) {
      return 0;
    }
    return ((this.#timesMs.length - 1) * 1000) / (last - first);
  }

  #forget(nowMs: number): void {
    while ((this.#timesMs[0] ?? Infinity) < nowMs - this.#windowMs) {
      this.#timesMs.shift();
    }
  }
}
