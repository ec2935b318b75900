import type { Box } from "../domain/result.ts";
import type { YuvPicture } from "../domain/picture.ts";
import { clipArea, paintCoverage } from "./coverage.ts";
import type { PixelArea } from "./coverage.ts";
import { toYuv } from "./color.ts";

/** Fills the pixels of a box (rounded to whole pixels, clipped). `opacity` below 1 lets the picture show through. */
export function fillRect(picture: YuvPicture, box: Box, rgb: number, opacity = 1): void {
  const area = clipArea(picture, Math.round(box[0]), Math.round(box[1]), Math.round(box[2]), Math.round(box[3]));
  if (area === undefined) {
    return;
  }
  if (opacity >= 1) {
    fillOpaque(picture, area, rgb);
  } else {
    const width = area.right - area.left;
    paintCoverage(picture, area, (_, into) => into.fill(255, 0, width), rgb, opacity);
  }
}

/** Draws a box's outline. The line lies on the inside of the box, `thickness` whole pixels wide. */
export function strokeRect(picture: YuvPicture, box: Box, rgb: number, thickness = 1): void {
  if (box.some(Number.isNaN)) {
    return;
  }
  const x1 = Math.round(box[0]);
  const y1 = Math.round(box[1]);
  const x2 = Math.round(box[2]);
  const y2 = Math.round(box[3]);
  const line = Math.max(1, Math.round(thickness));
  if (x2 - x1 <= 2 * line || y2 - y1 <= 2 * line) {
    fillRect(picture, [x1, y1, Math.max(x2, x1 + 1), Math.max(y2, y1 + 1)], rgb);
    return;
  }
  fillRect(picture, [x1, y1, x2, y1 + line], rgb);
  fillRect(picture, [x1, y2 - line, x2, y2], rgb);
  fillRect(picture, [x1, y1 + line, x1 + line, y2 - line], rgb);
  fillRect(picture, [x2 - line, y1 + line, x2, y2 - line], rgb);
}

/**
 * The fast way for whole pixels of one colour. A chroma sample that belongs to the area only in part is mixed by its
 * share, so that odd edges do not bleed a full pixel.
 */
function fillOpaque(picture: YuvPicture, { left, top, right, bottom }: PixelArea, rgb: number): void {
  const color = toYuv(picture, rgb);
  const [luma, u, v] = picture.planes;
  for (let y = top; y < bottom; y++) {
    fillRun(luma.data, y * luma.stride + left, y * luma.stride + right, color.y);
  }
  const columns = chromaSpan(left, right, picture.width);
  const rows = chromaSpan(top, bottom, picture.height);
  for (const [plane, value] of [[u, color.u], [v, color.v]] as const) {
    for (let y = rows.first; y <= rows.last; y++) {
      const share = y === rows.first ? rows.firstShare : y === rows.last ? rows.lastShare : 1;
      fillChromaRow(plane.data, y * plane.stride, columns, share, value);
    }
  }
}

function fillChromaRow(data: Uint8Array, row: number, columns: ChromaSpan, share: number, value: number): void {
  const { first, last } = columns;
  mix(data, row + first, value, share * columns.firstShare);
  if (last > first) {
    mix(data, row + last, value, share * columns.lastShare);
  }
  if (share === 1) {
    fillRun(data, row + first + 1, row + last, value);
  } else {
    for (let at = row + first + 1; at < row + last; at++) {
      mix(data, at, value, share);
    }
  }
}

function mix(data: Uint8Array, at: number, value: number, share: number): void {
  const old = data[at] ?? 0;
  data[at] = Math.round(old + (value - old) * share);
}

/** `fill` costs a call into the engine: a loop is faster for the sides of boxes. */
function fillRun(data: Uint8Array, from: number, to: number, value: number): void {
  if (to - from > 24) {
    data.fill(value, from, to);
  } else {
    for (let at = from; at < to; at++) {
      data[at] = value;
    }
  }
}

/** The chroma samples under pixels `[from, to)`, and how much of the first and the last belongs to them. */
interface ChromaSpan {
  readonly first: number;
  readonly last: number;
  readonly firstShare: number;
  readonly lastShare: number;
}

function chromaSpan(from: number, to: number, size: number): ChromaSpan {
  const first = from >> 1;
  const last = (to - 1) >> 1;
  // The last sample of an odd size stands for one pixel.
  const share = (i: number): number => (Math.min(to, 2 * i + 2) - Math.max(from, 2 * i)) / Math.min(2, size - 2 * i);
  return { first, last, firstShare: share(first), lastShare: share(last) };
}
