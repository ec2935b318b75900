import { AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG } from "node-av/constants";
import type { Frame } from "node-av/lib";
import type { Plane, YuvPicture } from "../domain/picture.ts";

/** The planes of an 8-bit 4:2:0 frame, over the same memory: writing them writes the frame. */
export function pictureOf(native: Frame): YuvPicture {
  const { data, linesize } = native;
  const plane = (index: number): Plane => {
    const bytes = data?.[index];
    const stride = linesize[index];
    if (bytes === undefined || stride === undefined) {
      throw new Error(`expected a 4:2:0 frame, plane ${index} is missing`);
    }
    return { data: bytes, stride };
  };
  return {
    format: "yuv420p",
    width: native.width,
    height: native.height,
    planes: [plane(0), plane(1), plane(2)],
    fullRange: isFullRange(native),
  };
}

/** Whether samples span 0…255 (JPEG) and not 16…235 (video). */
export function isFullRange(native: Frame): boolean {
  return native.colorRange === AVCOL_RANGE_JPEG || native.format === AV_PIX_FMT_YUVJ420P;
}

/** Copies `rows` rows of `widthBytes` bytes between planes of different strides. */
export function copyRows(from: Plane, to: Plane, widthBytes: number, rows: number): void {
  if (from.stride === to.stride && from.stride > 0) {
    const length = from.stride * (rows - 1) + widthBytes;
    to.data.set(from.data.subarray(0, length));
    return;
  }
  for (let row = 0; row < rows; row += 1) {
    const start = row * from.stride;
    to.data.set(from.data.subarray(start, start + widthBytes), row * to.stride);
  }
}
