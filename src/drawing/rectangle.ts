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
function fillOpaque(picture: YuvPicture, area: PixelArea, rgb: number): void {
  const { left, top, right, bottom } = area;
  const color = toYuv(picture, rgb);
  const [luma, ...chroma] = picture.planes;
  for (let y = top; y < bottom; y++) {
    luma.data.fill(color.y, y * luma.stride + left, y * luma.stride + right);
  }
  const shareX = (x: number): number => share(x, left, right, picture.width);
  const firstX = left >> 1;
  const lastX = (right - 1) >> 1;
  for (let y = top >> 1; y <= (bottom - 1) >> 1; y++) {
    const shareY = share(y, top, bottom, picture.height);
    for (const [plane, value] of [[chroma[0], color.u], [chroma[1], color.v]] as const) {
      const row = y * plane.stride;
      const mix = (x: number): void => {
        const old = plane.data[row + x] ?? 0;
        plane.data[row + x] = Math.round(old + (value - old) * shareX(x) * shareY);
      };
      if (shareY === 1) {
        mix(firstX);
        plane.data.fill(value, row + firstX + 1, row + lastX);
        if (lastX > firstX) {
          mix(lastX);
        }
      } else {
        for (let x = firstX; x <= lastX; x++) {
          mix(x);
        }
      }
    }
  }
}

/** How much of chroma sample `i` lies in `[from, to)`: ½ or 1. The last sample of an odd size stands for one pixel. */
function share(i: number, from: number, to: number, size: number): number {
  const pixels = Math.min(2, size - 2 * i);
  return (Math.min(to, 2 * i + 2, size) - Math.max(from, 2 * i)) / pixels;
}
