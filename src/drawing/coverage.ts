import type { YuvPicture } from "../domain/picture.ts";
import { toYuv } from "./color.ts";

/** Whole pixels `[left, right) × [top, bottom)` of a picture. */
export interface PixelArea {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Writes how much of each pixel of row `y` is covered (0…255) into the first `right − left` bytes, which hold zeros. */
export type CoverageRow = (y: number, into: Uint8Array) => void;

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
class Row {
  readonly padded: Uint8Array;
  readonly pixels: Uint8Array;

  constructor(width: number) {
    this.padded = new Uint8Array(width + 2);
    this.pixels = this.padded.subarray(1);
  }
}

// Drawing is synchronous, so one pair of rows serves all: a row of chroma samples belongs to two rows of luma.
let upper = new Row(0);
let lower = new Row(0);

/**
 * Blends a colour into every pixel by its coverage: what all shapes with soft edges are drawn with. Chroma samples take
 * the mean coverage of the (up to four) pixels they stand for. `area` must lie on the picture ({@link clipArea}).
 */
export function paintCoverage(picture: YuvPicture, area: PixelArea, row: CoverageRow, rgb: number, opacity = 1): void {
  const { left, top, right, bottom } = area;
  const width = right - left;
  const color = toYuv(picture, rgb);
  const weight = Math.round(Math.max(0, Math.min(1, opacity)) * 256);
  if (upper.pixels.length <= width) {
    upper = new Row(width);
    lower = new Row(width);
  }
  const [luma, u, v] = picture.planes;
  const cover = (target: Row, y: number): void => {
    target.padded.fill(0, 0, width + 2);
    if (y >= top && y < bottom) {
      row(y, target.pixels);
      blend(luma.data, y * luma.stride + left, target.pixels, width, color.y, weight);
      if (right === picture.width && right % 2 === 1) {
        // The last chroma sample of an odd row stands for one pixel, not for one and nothing.
        target.pixels[width] = target.pixels[width - 1] ?? 0;
      }
    }
  };
  const firstChroma = left >> 1;
  const chromaWidth = ((right + 1) >> 1) - firstChroma;
  for (let y = top & ~1; y < bottom; y += 2) {
    cover(upper, y);
    if (y + 1 < picture.height) {
      cover(lower, y + 1);
    } else {
      lower.padded.set(upper.padded);
    }
    average(upper.padded, lower.padded, 1 - (left % 2), chromaWidth);
    blend(u.data, (y >> 1) * u.stride + firstChroma, upper.padded, chromaWidth, color.u, weight);
    blend(v.data, (y >> 1) * v.stride + firstChroma, upper.padded, chromaWidth, color.v, weight);
  }
}

/** Means of 2 × 2 pixels, the first at `from`, written to the front of the upper row (which lies behind what is read). */
function average(above: Uint8Array, below: Uint8Array, from: number, count: number): void {
  for (let i = 0, at = from; i < count; i++, at += 2) {
    above[i] = ((above[at] ?? 0) + (above[at + 1] ?? 0) + (below[at] ?? 0) + (below[at + 1] ?? 0) + 2) >> 2;
  }
}

function blend(data: Uint8Array, at: number, coverage: Uint8Array, width: number, value: number, weight: number): void {
  for (let i = 0; i < width; i++) {
    const covered = coverage[i] ?? 0;
    if (covered !== 0) {
      // 255 × 256 = 65280; a share of itself on top makes full coverage exactly the colour.
      const alpha = covered * weight;
      const old = data[at + i] ?? 0;
      data[at + i] = old + (((value - old) * (alpha + (alpha >> 8)) + 32768) >> 16);
    }
  }
}
