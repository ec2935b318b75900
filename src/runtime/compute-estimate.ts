/** How much a new measurement moves the estimate. */
const WEIGHT = 0.25;
/** How fast an estimate that keeps an idle engine from working is doubted. */
const DOUBT = 0.9;

/**
 * Learns how long a batch of each size computes. Errs on the low side where it knows little: an estimate that is too
 * high would drop work that could have been done.
 */
export class ComputeEstimate {
  readonly #ms = new Map<number, number>();

  /** A batch of `size` took `ms`. */
  learn(size: number, ms: number): void {
    const known = this.#ms.get(size);
    this.#ms.set(size, known === undefined ? ms : known + WEIGHT * (ms - known));
  }

  /** Milliseconds for a batch of `size`; 0 while nothing is known. */
  of(size: number): number {
    const exact = this.#ms.get(size);
    if (exact !== undefined) {
      return exact;
    }
    let below: [size: number, ms: number] | undefined;
    let above: [size: number, ms: number] | undefined;
    for (const entry of this.#ms) {
      if (entry[0] < size && (below === undefined || entry[0] > below[0])) {
        below = entry;
      }
      if (entry[0] > size && (above === undefined || entry[0] < above[0])) {
        above = entry;
      }
    }
    if (below !== undefined && above !== undefined) {
      return below[1] + ((above[1] - below[1]) * (size - below[0])) / (above[0] - below[0]);
    }
    // A smaller batch than any measured takes at least its share, a larger one at least as long as the smaller.
    return below?.[1] ?? (above === undefined ? 0 : (above[1] * size) / above[0]);
  }

  /**
   * Called when everything was dropped because of the estimates while the engine stood idle: after a few times one item
   * is let through again and measured. One slow batch can thus never stop a stream for good.
   */
  doubt(): void {
    for (const [size, ms] of this.#ms) {
      this.#ms.set(size, ms * DOUBT);
    }
  }
}
