import {
  AV_CODEC_FLAG_QSCALE,
  AV_CODEC_ID_MJPEG,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT470BG,
  AVCOL_SPC_BT709,
  FF_QP2LAMBDA,
} from "node-av/constants";
import { Codec, CodecContext, Packet as NativePacket, type Frame } from "node-av/lib";
import { VedetteError } from "../errors.ts";
import { checked } from "./ffmpeg.ts";
import { allocatedFrame, cloned } from "./media-frame.ts";
import { MICROSECONDS } from "./media-times.ts";
import type { Scaler } from "./scaler.ts";
import { isFullRange } from "./yuv-picture.ts";

/** Makes JPEGs of one size and quality at a time; a change opens the encoder anew. */
export class JpegEncoder implements Disposable {
  #context: CodecContext | undefined;
  #key = "";
  /** Counts up: the library refuses a time that does not rise. */
  #time = 0n;
  readonly #packet = new NativePacket();

  constructor() {
    this.#packet.alloc();
  }

  async encode(native: Frame, scaler: Scaler, options: { readonly quality: number; readonly maxWidth?: number }): Promise<Uint8Array> {
    const width = Math.min(native.width, options.maxWidth ?? native.width);
    const height = Math.max(1, Math.round((native.height * width) / native.width));
    const picture = await inFullRange(native, scaler, width, height);
    try {
      const context = await this.#contextFor(width, height, options.quality);
      picture.pts = this.#time++;
      picture.quality = quantiser(options.quality) * FF_QP2LAMBDA;
      checked(await context.sendFrame(picture), "encoding a JPEG");
      checked(context.receivePacketSync(this.#packet), "encoding a JPEG");
      return new Uint8Array(this.#packet.data ?? []);
    } finally {
      this.#packet.unref();
      picture.free();
    }
  }

  [Symbol.dispose](): void {
    this.#context?.freeContext();
    this.#packet.free();
  }

  async #contextFor(width: number, height: number, quality: number): Promise<CodecContext> {
    const key = [width, height, quality].join();
    if (this.#context !== undefined && this.#key === key) {
      return this.#context;
    }
    this.#context?.freeContext();
    this.#context = undefined;
    const codec = Codec.findEncoder(AV_CODEC_ID_MJPEG);
    if (codec === null) {
      throw new VedetteError("E_MEDIA_ENCODE", { codec: "mjpeg", reason: "not in this build" });
    }
    const context = new CodecContext();
    context.allocContext3(codec);
    context.width = width;
    context.height = height;
    context.pixelFormat = AV_PIX_FMT_YUVJ420P;
    context.colorRange = AVCOL_RANGE_JPEG;
    context.timeBase = MICROSECONDS;
    context.threadCount = 1;
    context.setFlags(AV_CODEC_FLAG_QSCALE);
    context.qMin = 1;
    context.globalQuality = quantiser(quality) * FF_QP2LAMBDA;
    const code = await context.open2(codec);
    if (code < 0) {
      context.freeContext();
      checked(code, "opening the JPEG encoder");
    }
    this.#context = context;
    this.#key = key;
    return context;
  }
}

/** FFmpeg's quantiser (1…31) that comes nearest to libjpeg's quality (1…100) in table scale. */
function quantiser(quality: number): number {
  const bounded = Math.min(100, Math.max(1, quality));
  // libjpeg: percent = 5000/q below 50, 200 − 2q above. FFmpeg scales its default table by q/8.
  const percent = bounded < 50 ? 5000 / bounded : 200 - 2 * bounded;
  return Math.min(31, Math.max(1, Math.round((percent / 100) * 8)));
}

/** The picture in full-range 4:2:0 at the wanted size, as JPEG has it. */
async function inFullRange(native: Frame, scaler: Scaler, width: number, height: number): Promise<Frame> {
  const is420 = native.format === AV_PIX_FMT_YUV420P || native.format === AV_PIX_FMT_YUVJ420P;
  if (is420 && isFullRange(native) && native.colorSpace !== AVCOL_SPC_BT709 && width === native.width && height === native.height) {
    const same = cloned(native);
    same.format = AV_PIX_FMT_YUVJ420P;
    return same;
  }
  const target = allocatedFrame(width, height, AV_PIX_FMT_YUVJ420P);
  // JFIF knows one matrix, BT.601.
  target.colorRange = AVCOL_RANGE_JPEG;
  target.colorSpace = AVCOL_SPC_BT470BG;
  await scaler.scaleInto(target, native);
  return target;
}
