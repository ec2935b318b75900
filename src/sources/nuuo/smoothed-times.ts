/** How fast the idea of a frame's length follows what comes. */
const ADAPTATION = 1 / 8;
/** A gap longer than this is a break, not a long frame. */
const BREAK_US = 5_000_000;

/**
 * Times of frames whose recorder stamps them unevenly: each frame is one usual length after the one before, moved towards
 * the recorder's time by half the difference, and by at most half a length. Strictly rising; a break is jumped over.
 */
export class SmoothedTimes {
  #usualUs: number;
  #lastUs: number | undefined;
  #lastStampUs = 0;

  /** `frameRate` is only where it begins: 0 when not known. */
  constructor(frameRate: number) {
    this.#usualUs = 1e6 / (frameRate > 0 ? frameRate : 15);
  }

  /** The frame's time for a stamp, both in microseconds. */
  next(stampUs: number): number {
    const last = this.#lastUs;
    const gapUs = stampUs - this.#lastStampUs;
    this.#lastStampUs = stampUs;
    if (last === undefined) {
      return (this.#lastUs = Math.round(stampUs));
    }
    if (gapUs > 0 && gapUs < BREAK_US) {
      this.#usualUs += (gapUs - this.#usualUs) * ADAPTATION;
    }
    const expected = last + this.#usualUs;
    const offBy = stampUs - expected;
    const moved = Math.abs(offBy) > BREAK_US ? Math.max(0, offBy) : Math.max(-this.#usualUs / 2, Math.min(this.#usualUs / 2, offBy / 2));
    return (this.#lastUs = Math.max(last + 1, Math.round(expected + moved)));
  }
}
