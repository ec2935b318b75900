import type { RgbImage } from "../domain/result.ts";
import type { Plane, YuvPicture } from "../domain/picture.ts";
import { yuvFactors } from "./color.ts";

/** Where the samples of one axis of a plane fall on an image: index of the earlier pixel, and share of the later in 1/256. */
interface Taps {
  readonly first: number;
  readonly index: Int32Array;
  readonly share: Int32Array;
}

/** Lays a packed RGB image over its region, scaled (bilinear), replacing the picture there. Clipped at the borders. */
export function drawImage(picture: YuvPicture, image: RgbImage): void {
  if (image.width < 1 || image.height < 1 || image.data.length < image.width * image.height * 3) {
    return;
  }
  // Colours are converted at the image's own size and then scaled: each plane is scaled once, not three channels.
  const { yOffset, y, u, v } = yuvFactors(picture);
  const [x1, y1, x2, y2] = image.region;
  for (const [i, factors, offset] of [[0, y, yOffset], [1, u, 128], [2, v, 128]] as const) {
    const step = i === 0 ? 1 : 2;
    const columns = taps(x1, x2, picture.width, image.width, step);
    const rows = taps(y1, y2, picture.height, image.height, step);
    scaleInto(picture.planes[i], converted(image, factors, offset), image.width, columns, rows);
  }
}

/** Bilinear: `values` is the image's samples of one plane, `width` to a row. */
function scaleInto(plane: Plane, values: Uint8ClampedArray, width: number, columns: Taps, rows: Taps): void {
  const lastRow = values.length - width;
  const sample = (at: number): number => values[at] ?? 0;
  for (let r = 0; r < rows.index.length; r++) {
    const upper = (rows.index[r] ?? 0) * width;
    const lower = Math.min(lastRow, upper + width);
    const fy = rows.share[r] ?? 0;
    const start = (rows.first + r) * plane.stride + columns.first;
    for (let c = 0; c < columns.index.length; c++) {
      const a = columns.index[c] ?? 0;
      const b = a + 1 < width ? a + 1 : a;
      const fx = columns.share[c] ?? 0;
      const top = sample(upper + a) * (256 - fx) + sample(upper + b) * fx;
      const bottom = sample(lower + a) * (256 - fx) + sample(lower + b) * fx;
      plane.data[start + c] = (top * (256 - fy) + bottom * fy + 32768) >> 16;
    }
  }
}

function converted(image: RgbImage, [fr, fg, fb]: readonly [number, number, number], offset: number): Uint8ClampedArray {
  const values = new Uint8ClampedArray(image.width * image.height);
  const { data } = image;
  for (let i = 0, at = 0; i < values.length; i++, at += 3) {
    values[i] = offset + (((data[at] ?? 0) * fr + (data[at + 1] ?? 0) * fg + (data[at + 2] ?? 0) * fb + 32768) >> 16);
  }
  return values;
}

function taps(from: number, to: number, size: number, pixels: number, step: 1 | 2): Taps {
  const first = Math.max(0, Math.ceil((from - step / 2) / step));
  const end = Math.min(Math.ceil(size / step), Math.ceil((to - step / 2) / step));
  const count = Math.max(0, end - first || 0);
  const index = new Int32Array(count);
  const share = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const middle = ((first + i) * step + step / 2 - from) * (pixels / (to - from)) - 0.5;
    const at = Math.max(0, Math.min(pixels - 1, middle));
    index[i] = Math.floor(at);
    share[i] = Math.floor((at - Math.floor(at)) * 256);
  }
  return { first, index, share };
}
