/** Bounds and start of the adaptive JPEG quality. */
export const QUALITY = { min: 10, max: 100, start: 95 } as const;

const ALPHA = 0.1;
const SHORTEST_S = 1e-6;

/**
 * NVSS's estimate of frames and bytes a second: exponential means (α = 0.1) of the momentary rates, both from 0, so that
 * they ramp up over some tens of frames. Printed by users' scripts: kept as it is, though bursts inflate it.
 */
export class RateMeter {
  #lastS: number;
  #fps = 0;
  #bytesPerS = 0;

  /** `nowS`: seconds on any steady clock. */
  constructor(nowS: number) {
    this.#lastS = nowS;
  }

  get fps(): number {
    return this.#fps;
  }

  /** Bytes of JPEG a second, headers not counted. */
  get bytesPerS(): number {
    return this.#bytesPerS;
  }

  /** One frame of that many bytes went by. */
  update(nowS: number, bytes: number): void {
    const momentary = 1 / Math.max(nowS - this.#lastS, SHORTEST_S);
    this.#lastS = nowS;
    this.#fps += ALPHA * (momentary - this.#fps);
    this.#bytesPerS += ALPHA * (bytes * momentary - this.#bytesPerS);
  }
}

/**
 * JPEG quality that follows a budget: one step up after every frame sent below it, one step down after every other one,
 * between 10 and 100. Without a budget it stays where it is (the original climbed to 100).
 */
export class QualityControl {
  readonly #budgetBytesPerS: number | undefined;
  #quality: number;

  constructor(start: number, budgetBytesPerS: number | undefined) {
    this.#quality = start;
    this.#budgetBytesPerS = budgetBytesPerS;
  }

  get quality(): number {
    return this.#quality;
  }

  /** A frame has been sent; `bytesPerS` is the rate with it. */
  sent(bytesPerS: number): void {
    if (this.#budgetBytesPerS !== undefined) {
      this.#quality =
        bytesPerS < this.#budgetBytesPerS ? Math.min(this.#quality + 1, QUALITY.max) : Math.max(this.#quality - 1, QUALITY.min);
    }
  }
}
