import type { Painter } from "./painter.ts";
import { createRandom, hash } from "./random.ts";

const LENGTH = 1 << 16;

/** A sensor's noise: mild by day, a little more at night. The same frame of the same scene has the same noise. */
export class Noise {
  /** Roughly Gaussian, standard deviation 1 in sixteenths. */
  readonly #table = new Int8Array(LENGTH);
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    const random = createRandom(seed, 31);
    for (let i = 0; i < LENGTH; i++) {
      this.#table[i] = Math.round((random.next() + random.next() + random.next() + random.next() - 2) * 27.7);
    }
  }

  /** Adds noise to luma. `frame` tells frames apart; `dark` 0…1. */
  apply({ y, width, height }: Painter, frame: number, dark: number): void {
    const gain = Math.round((1.1 + 0.9 * dark) * 16);
    for (let row = 0; row < height; row++) {
      let at = hash(this.#seed, frame, row) & (LENGTH - 1);
      const end = (row + 1) * width;
      for (let i = row * width; i < end; i++) {
        const value = (y[i] as number) + (((this.#table[at] as number) * gain + 128) >> 8);
        y[i] = value < 16 ? 16 : value > 235 ? 235 : value;
        at = (at + 1) & (LENGTH - 1);
      }
    }
  }
}
