import { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P } from "node-av/constants";
import { FilterGraph, type Frame } from "node-av/lib";
import { checked } from "./ffmpeg.ts";
import { allocatedFrame, emptyFrame } from "./media-frame.ts";
import { MICROSECONDS } from "./media-times.ts";
import { copyPicture } from "./drawable.ts";
import { pictureOf } from "./yuv-picture.ts";

/** A part of a picture, and where it lay. The frame is the caller's to free. */
export interface Crop {
  readonly frame: Frame;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Cuts a box (source pixels, fractions allowed) out. It is widened to whole chroma samples and kept inside the picture;
 * a box outside of it becomes the nearest two pixels.
 */
export function cropped(native: Frame, box: readonly [number, number, number, number]): Crop {
  const even = (value: number): number => Math.floor(value / 2) * 2;
  const left = clamp(even(box[0]), 0, even(native.width - 2));
  const top = clamp(even(box[1]), 0, even(native.height - 2));
  const right = clamp(Math.ceil(box[2]), left + 2, native.width);
  const bottom = clamp(Math.ceil(box[3]), top + 2, native.height);
  const place = { left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
  const is420 = native.format === AV_PIX_FMT_YUV420P || native.format === AV_PIX_FMT_YUVJ420P;
  return { ...place, frame: is420 ? cutPlanes(native, place) : cutByFilter(native, place) };
}

type Place = Omit<Crop, "frame">;

function cutPlanes(native: Frame, place: Place): Frame {
  const source = pictureOf(native);
  const frame = allocatedFrame(place.width, place.height, native.format);
  const part = (index: 0 | 1 | 2) => {
    const shift = index === 0 ? 0 : 1;
    const { data, stride } = source.planes[index];
    return { data: data.subarray((place.top >> shift) * stride + (place.left >> shift)), stride };
  };
  copyPicture({ ...source, ...place, planes: [part(0), part(1), part(2)] }, pictureOf(frame));
  checked(frame.copyProps(native), "copying a frame's properties");
  return frame;
}

/** For every other pixel format FFmpeg's own filter knows the planes. */
function cutByFilter(native: Frame, place: Place): Frame {
  const graph = new FilterGraph();
  graph.alloc();
  try {
    const size = `video_size=${native.width}x${native.height}:pix_fmt=${native.format}:time_base=${MICROSECONDS.num}/${MICROSECONDS.den}`;
    const colors = `colorspace=${native.colorSpace}:range=${native.colorRange}`;
    const crop = `crop=${place.width}:${place.height}:${place.left}:${place.top}:exact=1`;
    checked(graph.parsePtr(`buffer=${size}:${colors},${crop},buffersink`), "building the crop");
    checked(graph.configSync(), "configuring the crop");
    const source = graph.filters?.find((filter) => filter.isSource());
    const sink = graph.filters?.find((filter) => filter.isSink());
    const frame = emptyFrame();
    checked(source?.buffersrcAddFrameSync(native) ?? -1, "cropping");
    checked(sink?.buffersinkGetFrameSync(frame) ?? -1, "cropping");
    return frame;
  } finally {
    graph.free();
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}
