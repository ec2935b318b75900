import type { InputGeometry, InputSpec } from "../domain/model.ts";
import type { MediaTimeUs, WallTimeMs } from "../domain/time.ts";
import type { YuvPicture } from "../domain/picture.ts";

/**
 * One decoded picture, upright (rotation applied) and progressive. It has one owner, who hands it over or disposes it;
 * `retain` makes a second owner with a handle of its own. Using a disposed handle, or disposing one twice, throws.
 */
export interface VideoFrame extends Disposable {
  readonly width: number;
  readonly height: number;
  readonly ptsUs: MediaTimeUs;
  /** 0 when not known. */
  readonly durationUs: number;
  readonly capturedAtMs: WallTimeMs;
  /** Another handle on the same samples, to be disposed on its own. */
  retain(): VideoFrame;
}

/** Pixels scaled to a model's input, not yet normalised: packed 8-bit, channel order of the input's `color`. */
export interface InputPixels {
  /** `height × width × channels` bytes (packed rows). Lies in shared memory when it goes to a worker. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly geometry: InputGeometry;
}

/** Reads pictures out of frames: at a model's size, as a JPEG, or as planes to draw on. Owns its scalers. */
export interface FrameReader extends AsyncDisposable {
  /** Scales into the model's input in one library call. `into` (≥ width × height × channels bytes) receives the pixels. */
  toInput(frame: VideoFrame, input: InputSpec, into: Uint8Array): Promise<InputPixels>;
  /** Cuts `box` (source pixels) out and scales it: for crops that a second network looks at. */
  toCrop(frame: VideoFrame, box: readonly [number, number, number, number], input: InputSpec, into: Uint8Array): Promise<InputPixels>;
  /** Encodes as JPEG. `quality` 1…100 as libjpeg counts it; `maxWidth` shrinks larger pictures. */
  toJpeg(frame: VideoFrame, options: { readonly quality: number; readonly maxWidth?: number }): Promise<Uint8Array>;
  /** A writable 4:2:0 copy with the same times, to draw on; at another size when one is given. The caller owns it. */
  toDrawable(frame: VideoFrame, size?: { readonly width: number; readonly height: number }): Promise<DrawableFrame>;
}

/** A frame whose samples are exclusively its owner's and may be written through {@link picture}. */
export interface DrawableFrame extends VideoFrame {
  readonly picture: YuvPicture;
}
