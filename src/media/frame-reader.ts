import { AV_PIX_FMT_BGR24, AV_PIX_FMT_GRAY8, AV_PIX_FMT_RGB24, type AVPixelFormat } from "node-av/constants";
import type { Frame } from "node-av/lib";
import type { DrawableFrame, FrameReader, InputPixels, VideoFrame } from "../contracts/frame.ts";
import type { InputSpec } from "../domain/model.ts";
import { cropped } from "./crop.ts";
import { drawableCopy, scaledCopy } from "./drawable.ts";
import { fitInput, geometryOf, type InputFit } from "./input-fit.ts";
import { JpegEncoder } from "./jpeg.ts";
import { cloned, nativeOf } from "./media-frame.ts";
import { Scaler } from "./scaler.ts";

const FORMATS: Readonly<Record<InputSpec["color"], { readonly format: AVPixelFormat; readonly channels: 1 | 3 }>> = {
  RGB: { format: AV_PIX_FMT_RGB24, channels: 3 },
  BGR: { format: AV_PIX_FMT_BGR24, channels: 3 },
  GRAY: { format: AV_PIX_FMT_GRAY8, channels: 1 },
};

/** Makes a {@link FrameReader}. Its calls may overlap; the frames may be disposed as soon as a call has begun. */
export function createFrameReader(): FrameReader {
  return new FfmpegFrameReader();
}

class FfmpegFrameReader implements FrameReader {
  /** Scalers at rest: one is taken per call, so that overlapping calls never share one. */
  readonly #idle: Scaler[] = [];
  readonly #idleJpeg: JpegEncoder[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  toInput(frame: VideoFrame, input: InputSpec, into: Uint8Array): Promise<InputPixels> {
    const fit = fitInput(input, frame.width, frame.height);
    return this.#with(frame, (native, scaler) => readInput(native, scaler, input, fit, into, { left: 0, top: 0, width: frame.width, height: frame.height }));
  }

  toCrop(frame: VideoFrame, box: readonly [number, number, number, number], input: InputSpec, into: Uint8Array): Promise<InputPixels> {
    return this.#with(frame, async (native, scaler) => {
      const crop = cropped(native, box);
      try {
        const fit = fitInput(input, crop.frame.width, crop.frame.height);
        const pixels = await readInput(crop.frame, scaler, input, fit, into, crop);
        return { ...pixels, geometry: { ...pixels.geometry, sourceWidth: frame.width, sourceHeight: frame.height } };
      } finally {
        crop.frame.free();
      }
    });
  }

  toJpeg(frame: VideoFrame, options: { readonly quality: number; readonly maxWidth?: number }): Promise<Uint8Array> {
    return this.#with(frame, async (native, scaler) => {
      const encoder = this.#idleJpeg.pop() ?? new JpegEncoder();
      try {
        return await encoder.encode(native, scaler, options);
      } finally {
        this.#idleJpeg.push(encoder);
      }
    });
  }

  toDrawable(frame: VideoFrame, size?: { readonly width: number; readonly height: number }): Promise<DrawableFrame> {
    const isSameSize = size === undefined || (size.width === frame.width && size.height === frame.height);
    return this.#with(frame, (native, scaler) => (isSameSize ? drawableCopy(native, scaler, frame) : scaledCopy(native, scaler, size, frame)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#running);
    for (const idle of [...this.#idle.splice(0), ...this.#idleJpeg.splice(0)]) {
      idle[Symbol.dispose]();
    }
  }

  async #with<T>(frame: VideoFrame, work: (native: Frame, scaler: Scaler) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new Error("the frame reader was used after it had been disposed");
    }
    // A reference of our own: a library thread reads the samples while the caller may dispose its handle.
    const native = cloned(nativeOf(frame));
    const scaler = this.#idle.pop() ?? new Scaler();
    const running = work(native, scaler);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      this.#idle.push(scaler);
      native.free();
    }
  }
}

/** Scales and lays the picture into `into`, padding around it. `from` is where the picture lies in its source. */
async function readInput(
  native: Frame,
  scaler: Scaler,
  input: InputSpec,
  fit: InputFit,
  into: Uint8Array,
  from: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
): Promise<InputPixels> {
  const { format, channels } = FORMATS[input.color];
  const size = fit.width * fit.height * channels;
  if (into.byteLength < size) {
    throw new RangeError(`expected room for ${size} bytes (${fit.width}×${fit.height}×${channels}), got ${into.byteLength}`);
  }
  const data = into.subarray(0, size);
  const scaled = await scaler.scaleForModel(native, fit.scaledWidth, fit.scaledHeight, format);
  const source = scaled.data?.[0];
  const stride = scaled.linesize[0];
  if (source === undefined || stride === undefined) {
    throw new Error("the scaled picture has no samples");
  }
  place({ data: source, stride }, fit, channels, data, input.pad);
  return { data, width: fit.width, height: fit.height, channels, geometry: geometryOf(fit, from.width, from.height, from.left, from.top) };
}

function place(source: { data: Uint8Array; stride: number }, fit: InputFit, channels: number, into: Uint8Array, pad: number): void {
  const rowBytes = fit.width * channels;
  const left = Math.max(0, fit.left);
  const top = Math.max(0, fit.top);
  const cutLeft = Math.max(0, -fit.left);
  const cutTop = Math.max(0, -fit.top);
  const columns = Math.min(fit.width - left, fit.scaledWidth - cutLeft);
  const rows = Math.min(fit.height - top, fit.scaledHeight - cutTop);
  if (columns < fit.width) {
    into.fill(pad);
  } else {
    into.fill(pad, 0, top * rowBytes);
    into.fill(pad, (top + rows) * rowBytes);
  }
  const length = columns * channels;
  if (columns === fit.width && cutLeft === 0 && source.stride === rowBytes) {
    into.set(source.data.subarray(cutTop * rowBytes, (cutTop + rows) * rowBytes), top * rowBytes);
    return;
  }
  for (let row = 0; row < rows; row += 1) {
    const start = (cutTop + row) * source.stride + cutLeft * channels;
    into.set(source.data.subarray(start, start + length), (top + row) * rowBytes + left * channels);
  }
}
