import type { Painter } from "./painter.ts";
import { createRandom, hash } from "./random.ts";

const LENGTH = 1 << 16;

/** A sensor's noise: mild by day, a little more at night. The same frame of the same scene has the same noise. */
export class Noise {
  /** Roughly Gaussian, standard deviation 1 in sixteenths. */
  readonly #table = new Int8Array(LENGTH);
  readonly #gained = new Int8Array(LENGTH);
  readonly #seed: number;
  #gain = 0;

  constructor(seed: number) {
    this.#seed = seed;
    const random = createRandom(seed, 31);
    for (let i = 0; i < LENGTH; i++) {
      this.#table[i] = Math.round((random.next() + random.next() + random.next() + random.next() - 2) * 27.7);
    }
  }

  /** Adds noise to luma. `frame` tells frames apart; `dark` 0…1. */
  apply({ y, width, height }: Painter, frame: number, dark: number): void {
    const table = this.#scaled(Math.round((1.1 + 0.9 * dark) * 16));
    for (let row = 0; row < height; row++) {
      let at = hash(this.#seed, frame, row) & (LENGTH - 1);
      const end = (row + 1) * width;
      for (let i = row * width; i < end; i++) {
        // Video range leaves room for a few levels below and above: nothing wraps.
        y[i] = (y[i] as number) + (table[at] as number);
        at = (at + 1) & (LENGTH - 1);
      }
    }
  }

  /** The table times `gain` sixteenths, kept for the next frame. */
  #scaled(gain: number): Int8Array {
    if (gain !== this.#gain) {
      this.#gain = gain;
      for (let i = 0; i < LENGTH; i++) {
        this.#gained[i] = ((this.#table[i] as number) * gain + 128) >> 8;
      }
    }
    return this.#gained;
  }
}
