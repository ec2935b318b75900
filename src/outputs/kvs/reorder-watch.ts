/** Frames looked back upon. */
const WINDOW = 50;
/** Going back once or twice is a camera's clock; more often it is B-frames. */
const ENOUGH = 3;

/** Tells B-frames, whose presentation times go back again and again, from a clock that stumbles. */
export class ReorderWatch {
  #lastUs = Number.NEGATIVE_INFINITY;
  #count = 0;
  readonly #backAt: number[] = [];

  /** Takes presentation times in decoding order; true once they show reordering. */
  seesReordering(ptsUs: number): boolean {
    this.#count++;
    if (ptsUs < this.#lastUs) {
      this.#backAt.push(this.#count);
    }
    this.#lastUs = ptsUs;
    while (this.#backAt[0] !== undefined && this.#backAt[0] <= this.#count - WINDOW) {
      this.#backAt.shift();
    }
    return this.#backAt.length >= ENOUGH;
  }
}
