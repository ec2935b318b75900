import { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG } from "node-av/constants";
import type { Frame } from "node-av/lib";
import type { VideoFrame } from "../contracts/frame.ts";
import type { YuvPicture } from "../domain/picture.ts";
import { checked } from "./ffmpeg.ts";
import { allocatedFrame, DrawableMediaFrame, MediaFrame, type FrameTimes } from "./media-frame.ts";
import type { Scaler } from "./scaler.ts";
import { copyRows, isFullRange, pictureOf } from "./yuv-picture.ts";

/** A copy in 8-bit 4:2:0 with samples of its own: colour tags and range are kept. */
export async function drawableCopy(native: Frame, scaler: Scaler, times: VideoFrame): Promise<DrawableMediaFrame> {
  const copy = allocatedFrame(native.width, native.height, AV_PIX_FMT_YUV420P);
  try {
    if (native.format === AV_PIX_FMT_YUV420P || native.format === AV_PIX_FMT_YUVJ420P) {
      copyPicture(pictureOf(native), pictureOf(copy));
    } else {
      copy.colorRange = isFullRange(native) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
      copy.colorSpace = native.colorSpace;
      await scaler.scaleInto(copy, native);
    }
    const range = isFullRange(native) ? AVCOL_RANGE_JPEG : native.colorRange;
    checked(copy.copyProps(native), "copying a frame's properties");
    copy.colorRange = range;
  } catch (error) {
    copy.free();
    throw error;
  }
  return new DrawableMediaFrame(copy, times);
}

/** The picture at another size, in 8-bit 4:2:0 and video range, with samples of its own. */
export async function scaledCopy(native: Frame, scaler: Scaler, size: { readonly width: number; readonly height: number }, times: VideoFrame): Promise<DrawableMediaFrame> {
  const copy = allocatedFrame(size.width, size.height, AV_PIX_FMT_YUV420P);
  try {
    copy.colorRange = AVCOL_RANGE_MPEG;
    copy.colorSpace = native.colorSpace;
    await scaler.scaleInto(copy, native);
  } catch (error) {
    copy.free();
    throw error;
  }
  return new DrawableMediaFrame(copy, times);
}

/** Copies the samples of one 4:2:0 picture into another of the same size. */
export function copyPicture(from: YuvPicture, to: YuvPicture): void {
  for (const index of [0, 1, 2] as const) {
    const shift = index === 0 ? 0 : 1;
    const width = (from.width + shift) >> shift;
    const height = (from.height + shift) >> shift;
    copyRows(from.planes[index], to.planes[index], width, height);
  }
}

/** A frame with a copy of a generator's samples: for the demo scene, and for tests. */
export function frameFromPicture(picture: YuvPicture, times: FrameTimes): VideoFrame {
  const native = allocatedFrame(picture.width, picture.height, AV_PIX_FMT_YUV420P);
  native.colorRange = picture.fullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  copyPicture(picture, pictureOf(native));
  return new MediaFrame(native, times);
}
