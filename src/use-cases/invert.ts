import type { YuvPicture } from "../domain/picture.ts";
import type { UseCase } from "./definition.ts";

/** Turns every colour into its opposite, as NVSS's simple example does: white becomes black, red cyan. */
export const invert: UseCase = {
  name: "invert",
  summary: "turns every colour into its opposite, as NVSS's example",
  create: () => ({ draw: invertPicture }),
};

/**
 * 255 − R, G and B, which for luma mirrors its range (16…235 or 0…255) and for chroma mirrors around 128. Rounding aside
 * this is exact for every matrix, because the conversion is linear.
 */
export function invertPicture(picture: YuvPicture): void {
  const lumaSum = picture.fullRange ? 255 : 16 + 235;
  picture.planes.forEach((plane, i) => {
    const width = i === 0 ? picture.width : (picture.width + 1) >> 1;
    const height = i === 0 ? picture.height : (picture.height + 1) >> 1;
    const sum = i === 0 ? lumaSum : 256;
    // A table also says what becomes of the codes beyond the range.
    const opposite = Uint8ClampedArray.from({ length: 256 }, (_, value) => sum - value);
    const { data, stride } = plane;
    for (let y = 0; y < height; y++) {
      for (let at = y * stride, end = at + width; at < end; at++) {
        data[at] = opposite[data[at] ?? 0] ?? 0;
      }
    }
  });
}
