import { Coverage } from "./coverage.ts";
import type { Painter } from "./painter.ts";

/**
 * Shadows on the ground, collected at half size and laid over the picture in one pass: shapes that overlap do not get
 * darker where they do, and the coarser grid makes the edges soft.
 */
export class Shadows {
  readonly width: number;
  readonly height: number;
  /** 0 in the light … 255 in full shadow. */
  readonly mask: Uint8Array;
  readonly #coverage: Coverage;

  constructor(pictureWidth: number, pictureHeight: number) {
    this.width = (pictureWidth + 1) >> 1;
    this.height = (pictureHeight + 1) >> 1;
    this.mask = new Uint8Array(this.width * this.height);
    this.#coverage = new Coverage(this.width, this.height);
  }

  /** Starts a frame with no shadow. */
  reset(): void {
    this.mask.fill(0);
  }

  /** Adds a polygon in picture coordinates. `depth` 0…1: how dark. The darkest shape at a point counts. */
  add(points: ArrayLike<number>, depth: number): void {
    const area = this.#coverage.of(points, 0.5, this.width, this.height);
    if (area === undefined) {
      return;
    }
    const { cells } = this.#coverage;
    const { mask } = this;
    for (let row = 0; row < area.height; row++) {
      let cell = row * (area.width + 2);
      let at = (area.top + row) * this.width + area.left;
      let sum = 0;
      for (const end = cell + area.width; cell < end; cell++, at++) {
        sum += cells[cell] as number;
        cells[cell] = 0;
        const value = Math.min(1, Math.abs(sum)) * depth * 255;
        if (value > (mask[at] as number)) {
          mask[at] = value;
        }
      }
      cells[cell] = 0;
      cells[cell + 1] = 0;
    }
  }

  /**
   * Darkens the picture's luma where `ground` (as large as the mask) is 1. `strength` 0…1 is how much of the light a full
   * shadow takes away.
   */
  apply(painter: Painter, ground: Uint8Array, strength: number): void {
    const factor = (strength * 256) / 255;
    const { mask, width } = this;
    for (let row = 0; row < painter.height; row++) {
      let at = row * painter.width;
      const end = at + painter.width;
      // Rows between two mask rows take their mean: cheap, and enough to hide the grid.
      let near = (row >> 1) * width;
      let next = Math.min(this.height - 1, (row + 1) >> 1) * width;
      for (; at < end; at += 2, near++, next++) {
        const dark = ((mask[near] as number) + (mask[next] as number)) >> 1;
        if (dark > 0 && ground[near] === 1) {
          const keep = 256 - dark * factor;
          painter.y[at] = 16 + ((((painter.y[at] as number) - 16) * keep) >> 8);
          if (at + 1 < end) {
            painter.y[at + 1] = 16 + ((((painter.y[at + 1] as number) - 16) * keep) >> 8);
          }
        }
      }
    }
  }
}
