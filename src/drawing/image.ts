import type { RgbImage } from "../domain/result.ts";
import type { Plane, YuvPicture } from "../domain/picture.ts";
import { yuvFactors } from "./color.ts";
import { RowScaler, taps } from "./scaling.ts";

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
    scaleInto(picture.planes[i], new RowScaler(converted(image, factors, offset), image.width, columns, rows));
  }
}

function scaleInto(plane: Plane, scaler: RowScaler): void {
  const { columns, rows } = scaler;
  for (let r = 0; r < rows.index.length; r++) {
    const start = (rows.first + r) * plane.stride + columns.first;
    scaler.row(r, plane.data.subarray(start, start + columns.index.length));
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
