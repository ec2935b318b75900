/**
 * Decoding times from presentation times, in decoding order: RTP carries only the latter. Strictly rising, and not after
 * the presentation time where the reordering depth is known. The depth grows when pictures show that it was too small.
 */
export class DecodeTimes {
  #depth: number;
  #recent: number[] = [];
  #lastUs = Number.NEGATIVE_INFINITY;
  #lastPtsUs: number | undefined;
  #stepUs = 0;

  /** `depth`: how many pictures may come before one that is shown earlier (the SPS says). */
  constructor(depth = 0) {
    this.#depth = depth;
  }

  /** A new sequence parameter set. */
  setDepth(depth: number): void {
    this.#depth = depth;
  }

  /** Decoding time of the next picture. */
  next(ptsUs: number): number {
    if (this.#lastPtsUs !== undefined && ptsUs > this.#lastPtsUs) {
      this.#stepUs = this.#stepUs === 0 ? ptsUs - this.#lastPtsUs : Math.min(this.#stepUs, ptsUs - this.#lastPtsUs);
    }
    if (this.#depth === 0 && ptsUs <= this.#lastUs && ptsUs !== this.#lastPtsUs) {
      this.#depth = 1;
    }
    this.#lastPtsUs = ptsUs;
    const dtsUs = Math.max(this.#delayed(ptsUs), this.#lastUs + 1);
    this.#lastUs = dtsUs;
    return dtsUs;
  }

  /** The smallest of the last `depth + 1` presentation times. */
  #delayed(ptsUs: number): number {
    if (this.#depth === 0) {
      return ptsUs;
    }
    this.#recent.push(ptsUs);
    this.#recent.sort((a, b) => a - b);
    const missing = this.#depth + 1 - this.#recent.length;
    if (missing > 0) {
      // Before enough are known: as many steps before the first.
      return (this.#recent[0] ?? ptsUs) - missing * (this.#stepUs || 40_000);
    }
    while (this.#recent.length > this.#depth + 1) {
      this.#recent.shift();
    }
    return this.#recent[0] ?? ptsUs;
  }
}
