import type { YuvPicture } from "../domain/picture.ts";
import { toYuv } from "./color.ts";

/** Whole pixels `[left, right) × [top, bottom)` of a picture. */
export interface PixelArea {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Pixels `[from, to)` of a row, counted from the left of the painted area. */
export interface RowSpan {
  from: number;
  to: number;
}

/**
 * Writes how much of each pixel of row `y` is covered (0…255) into the first `right − left` bytes, which hold zeros.
 * `span` is the whole row; narrowing it to what was written saves looking at the rest.
 */
export type CoverageRow = (y: number, into: Uint8Array, span: RowSpan) => void;

/** The part of an area that lies on the picture; undefined when nothing does. Fractions are widened to whole pixels. */
export function clipArea(picture: YuvPicture, left: number, top: number, right: number, bottom: number): PixelArea | undefined {
  const area = {
    left: Math.max(0, Math.floor(left)),
    top: Math.max(0, Math.floor(top)),
    right: Math.min(picture.width, Math.ceil(right)),
    bottom: Math.min(picture.height, Math.ceil(bottom)),
  };
  // Written so that NaN is nothing as well.
  return area.left < area.right && area.top < area.bottom ? area : undefined;
}

/** One row of coverage with an empty pixel on either side, so that chroma pairs that begin or end outside need no care. */
class Row implements RowSpan {
  readonly padded: Uint8Array;
  readonly pixels: Uint8Array;
  from = 0;
  to = 0;

  constructor(width: number) {
    this.padded = new Uint8Array(width + 3);
    this.pixels = this.padded.subarray(1);
  }

  /** Makes the row empty again, its span `to` pixels wide. */
  reset(to: number): void {
    this.padded.fill(0, this.from, this.to + 2);
    this.from = 0;
    this.to = to;
  }
}

// Drawing is synchronous, so one set of rows serves all. A row of chroma samples belongs to two rows of luma.
let upper = new Row(0);
let lower = new Row(0);
let means = new Uint8Array(0);

/**
 * Blends a colour into every pixel by its coverage: what all shapes with soft edges are drawn with. Chroma samples take
 * the mean coverage of the (up to four) pixels they stand for. `area` must lie on the picture ({@link clipArea}).
 */
export function paintCoverage(picture: YuvPicture, area: PixelArea, row: CoverageRow, rgb: number, opacity = 1): void {
  const { left, top, right, bottom } = area;
  const width = right - left;
  const color = toYuv(picture, rgb);
  const weight = Math.round(Math.max(0, Math.min(1, opacity)) * 256);
  if (means.length < width) {
    upper = new Row(width);
    lower = new Row(width);
    means = new Uint8Array(width);
  }
  const [luma, u, v] = picture.planes;
  const cover = (target: Row, y: number): void => {
    const isInside = y >= top && y < bottom;
    target.reset(isInside ? width : 0);
    if (isInside) {
      row(y, target.pixels, target);
      blend(luma.data, y * luma.stride + left, target.pixels, target.from, target.to, color.y, weight);
      if (target.to === width && right === picture.width && right % 2 === 1) {
        // The last chroma sample of an odd row stands for one pixel, not for one and nothing.
        target.pixels[width] = target.pixels[width - 1] ?? 0;
      }
    }
  };
  const parity = left % 2;
  for (let y = top & ~1; y < bottom; y += 2) {
    cover(upper, y);
    cover(lower, y + 1);
    const isSingle = y + 1 >= picture.height;
    const from = (Math.min(upper.from < upper.to ? upper.from : width, lower.from < lower.to ? lower.from : width) + parity) >> 1;
    const to = (Math.max(upper.to, lower.to) + parity + 1) >> 1;
    average(upper.padded, isSingle ? upper.padded : lower.padded, 1 - parity, from, to);
    blend(u.data, (y >> 1) * u.stride + (left >> 1), means, from, to, color.u, weight);
    blend(v.data, (y >> 1) * v.stride + (left >> 1), means, from, to, color.v, weight);
  }
}

/** Means of 2 × 2 pixels; the pixels of mean 0 begin at `start`. */
function average(above: Uint8Array, below: Uint8Array, start: number, from: number, to: number): void {
  for (let i = from, at = start + 2 * from; i < to; i++, at += 2) {
    means[i] = ((above[at] ?? 0) + (above[at + 1] ?? 0) + (below[at] ?? 0) + (below[at + 1] ?? 0) + 2) >> 2;
  }
}

function blend(data: Uint8Array, at: number, coverage: Uint8Array, from: number, to: number, value: number, weight: number): void {
  for (let i = from; i < to; i++) {
    const covered = coverage[i] ?? 0;
    if (covered !== 0) {
      // 255 × 256 = 65280; a share of itself on top makes full coverage exactly the colour.
      const alpha = covered * weight;
      const old = data[at + i] ?? 0;
      data[at + i] = old + (((value - old) * (alpha + (alpha >> 8)) + 32768) >> 16);
    }
  }
}
