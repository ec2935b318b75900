import { Frame } from "node-av/lib";
import type { DrawableFrame, VideoFrame } from "../contracts/frame.ts";
import type { YuvPicture } from "../domain/picture.ts";
import type { MediaTimeUs, WallTimeMs } from "../domain/time.ts";
import { checked } from "./ffmpeg.ts";
import { pictureOf } from "./yuv-picture.ts";

/** When a frame is shown and when it was captured. */
export interface FrameTimes {
  readonly ptsUs: MediaTimeUs;
  /** 0 when not known. */
  readonly durationUs: number;
  readonly capturedAtMs: WallTimeMs;
}

let alive = 0;
let onLeak: (() => void) | undefined;
const leaks = new FinalizationRegistry<{ isDisposed: boolean }>((state) => {
  if (!state.isDisposed) {
    state.isDisposed = true;
    alive -= 1;
    onLeak?.();
  }
});

/** How many frame handles are undisposed: tests hold that it returns to where it was. */
export function aliveFrames(): number {
  return alive;
}

/** Calls `hook` for every frame handle that was garbage-collected without having been disposed; undefined: nobody. */
export function onLeakedFrame(hook: (() => void) | undefined): void {
  onLeak = hook;
}

/** A frame of the media layer: one handle on FFmpeg's reference-counted samples. */
export class MediaFrame implements VideoFrame {
  readonly width: number;
  readonly height: number;
  readonly ptsUs: MediaTimeUs;
  readonly durationUs: number;
  readonly capturedAtMs: WallTimeMs;
  readonly #native: Frame;
  readonly #state = { isDisposed: false };

  /** Takes the native frame over. */
  constructor(native: Frame, times: FrameTimes) {
    this.#native = native;
    this.width = native.width;
    this.height = native.height;
    this.ptsUs = times.ptsUs;
    this.durationUs = times.durationUs;
    this.capturedAtMs = times.capturedAtMs;
    alive += 1;
    leaks.register(this, this.#state, this);
  }

  /** FFmpeg's frame, for the media layer only. Valid until this handle is disposed. */
  get native(): Frame {
    if (this.#state.isDisposed) {
      throw new Error(`frame at ${this.ptsUs} µs was used after it had been disposed`);
    }
    return this.#native;
  }

  retain(): VideoFrame {
    return new MediaFrame(cloned(this.native), this);
  }

  [Symbol.dispose](): void {
    if (this.#state.isDisposed) {
      throw new Error(`frame at ${this.ptsUs} µs was disposed twice`);
    }
    this.#state.isDisposed = true;
    alive -= 1;
    leaks.unregister(this);
    this.#native.free();
  }
}

/** A frame that may be written: its samples belong to this handle alone until it is retained. */
export class DrawableMediaFrame extends MediaFrame implements DrawableFrame {
  #picture: YuvPicture | undefined;

  get picture(): YuvPicture {
    const native = this.native;
    return (this.#picture ??= pictureOf(native));
  }
}

/** The native frame behind a handle; only frames of this layer can be scaled or encoded. */
export function nativeOf(frame: VideoFrame): Frame {
  if (!(frame instanceof MediaFrame)) {
    throw new TypeError("expected a frame of the media layer; frameFromPicture makes one from samples");
  }
  return frame.native;
}

/** A second native reference to the same samples. */
export function cloned(native: Frame): Frame {
  const copy = native.clone();
  if (copy === null) {
    throw new Error("out of memory while a frame was retained");
  }
  return copy;
}

/** An empty native frame. */
export function emptyFrame(): Frame {
  const frame = new Frame();
  frame.alloc();
  return frame;
}

/** A native frame with samples of its own, not yet filled. */
export function allocatedFrame(width: number, height: number, format: Frame["format"]): Frame {
  const frame = emptyFrame();
  frame.width = width;
  frame.height = height;
  frame.format = format;
  checked(frame.getBuffer(), `allocating a ${width}×${height} frame`);
  return frame;
}
