import { availableParallelism } from "node:os";
import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG, FF_ENCODER_H264_AMF, FF_ENCODER_H264_NVENC, FF_ENCODER_H264_QSV, FF_ENCODER_H264_VIDEOTOOLBOX, FF_ENCODER_HEVC_AMF, FF_ENCODER_HEVC_NVENC, FF_ENCODER_HEVC_QSV, FF_ENCODER_HEVC_VIDEOTOOLBOX, FF_ENCODER_LIBX264, FF_ENCODER_LIBX265, type FFEncoderCodec } from "node-av/constants";
import { Codec, CodecContext, Dictionary, Rational } from "node-av/lib";
import { VedetteError } from "../errors.ts";
import type { EncoderOptions } from "./encoder-options.ts";
import { EncoderInput } from "./encoder-input.ts";
import { describeReturnCode } from "./ffmpeg.ts";
import { nativeOf } from "./media-frame.ts";
import { MICROSECONDS } from "./media-times.ts";
import { isFullRange } from "./yuv-picture.ts";

/** An opened encoder, and what brings frames into its form. */
export interface OpenedEncoder {
  readonly context: CodecContext;
  readonly input: EncoderInput;
  readonly description: string;
}

/** Hardware encoders that take pictures from ordinary memory, by accelerator, best first. */
const HARDWARE: readonly (readonly [accelerator: string, h264: FFEncoderCodec, h265: FFEncoderCodec])[] = [
  ["cuda", FF_ENCODER_H264_NVENC, FF_ENCODER_HEVC_NVENC],
  ["videotoolbox", FF_ENCODER_H264_VIDEOTOOLBOX, FF_ENCODER_HEVC_VIDEOTOOLBOX],
  ["qsv", FF_ENCODER_H264_QSV, FF_ENCODER_HEVC_QSV],
  ["amf", FF_ENCODER_H264_AMF, FF_ENCODER_HEVC_AMF],
];

/**
 * Opens the encoder that the options ask for. Hardware that decodes need not encode (data-centre GPUs do not), so what
 * cannot be had is encoded in software, and the description says so.
 */
export async function openEncoderContext(options: EncoderOptions): Promise<OpenedEncoder> {
  const wanted = options.hwaccel ?? "none";
  const isH265 = options.codec === "h265";
  for (const [accelerator, h264, h265] of HARDWARE) {
    if (wanted !== accelerator && wanted !== "auto") {
      continue;
    }
    const opened = await open(options, isH265 ? h265 : h264, {});
    if (typeof opened !== "string") {
      return opened;
    }
  }
  const name = isH265 ? FF_ENCODER_LIBX265 : FF_ENCODER_LIBX264;
  const opened = await open(options, name, software(options));
  if (typeof opened === "string") {
    throw new VedetteError("E_MEDIA_ENCODE", { codec: options.codec, reason: opened });
  }
  return wanted === "none" ? opened : { ...opened, description: `${opened.description} (no hardware encoder for --hwaccel ${wanted})` };
}

/** The opened encoder, or why it cannot be opened. */
async function open(options: EncoderOptions, name: FFEncoderCodec, privateOptions: Record<string, string>): Promise<OpenedEncoder | string> {
  const codec = Codec.findEncoderByName(name);
  if (codec === null) {
    return `${String(name)} is not in this build`;
  }
  const fullRange = options.sample !== undefined && isFullRange(nativeOf(options.sample));
  const input = new EncoderInput({ width: options.width, height: options.height, fullRange });
  const context = new CodecContext();
  context.allocContext3(codec);
  configure(context, options, input, fullRange);
  using dictionary = Dictionary.fromObject(privateOptions);
  const code = await context.open2(codec, dictionary);
  if (code < 0) {
    context.freeContext();
    input[Symbol.dispose]();
    return `${codec.name ?? options.codec} at ${options.width}×${options.height}: ${describeReturnCode(code)}`;
  }
  return { context, input, description: `${codec.name ?? options.codec} ${input.width}×${input.height}` };
}

function configure(context: CodecContext, options: EncoderOptions, input: EncoderInput, fullRange: boolean): void {
  const frameRate = options.frameRate !== undefined && options.frameRate > 0 ? options.frameRate : 25;
  context.width = input.width;
  context.height = input.height;
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  context.timeBase = MICROSECONDS;
  context.framerate = new Rational(Math.round(frameRate * 1000), 1000);
  context.gopSize = options.gopFrames ?? Math.max(1, Math.round(frameRate * 2));
  // x264 takes half as many threads again as there are cores, and each holds pictures; x265 shares its own out well.
  context.threadCount = options.threads ?? (options.codec === "h264" ? availableParallelism() : 0);
  context.colorRange = fullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  if (options.sample !== undefined) {
    const sample = nativeOf(options.sample);
    context.colorSpace = sample.colorSpace;
    context.colorPrimaries = sample.colorPrimaries;
    context.colorTrc = sample.colorTrc;
  }
  if (options.lowLatency || options.profile === "baseline") {
    context.maxBFrames = 0;
  }
  if (options.bitrateBps !== undefined) {
    context.bitRate = BigInt(Math.round(options.bitrateBps));
    context.rcMaxRate = BigInt(Math.round(options.bitrateBps));
    context.rcBufferSize = Math.round(options.bitrateBps);
  }
  const peakBps = peakBitrateBps(options);
  if (peakBps !== undefined) {
    context.rcMaxRate = BigInt(peakBps);
    context.rcBufferSize = peakBps;
  }
  // Parameter sets once, in the track: containers and session descriptions want them there.
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
}

/**
 * Live video of constant quality has a ceiling as well: 0.35 bits a pixel, which quality 70 stays below. x264 can lower a
 * ceiling while it runs, but not introduce one. Undefined where none is set.
 */
export function peakBitrateBps(options: EncoderOptions): number | undefined {
  const { width, height, frameRate = 25, lowLatency, bitrateBps, codec } = options;
  const isCapped = lowLatency && bitrateBps === undefined && codec === "h264";
  return isCapped ? Math.round(Math.max(500_000, width * height * (frameRate > 0 ? frameRate : 25) * 0.35)) : undefined;
}

/** Options of x264 and x265. */
function software(options: EncoderOptions): Record<string, string> {
  // A look-ahead in a thread of its own queues up pictures: 60 MB at 1080p together with the thread that configure() saves.
  const parameters = options.codec === "h265" ? { "x265-params": "log-level=none" } : { "x264-params": "sync-lookahead=0" };
  return {
    preset: options.lowLatency ? "superfast" : "veryfast",
    "forced-idr": "1",
    ...(options.lowLatency ? { tune: "zerolatency" } : {}),
    ...(options.codec === "h264" && options.profile !== undefined ? { profile: options.profile } : {}),
    ...(options.bitrateBps === undefined ? { crf: String(constantRateFactor(options.quality ?? 70)) } : {}),
    ...parameters,
  };
}

/** Quality 1…100 on the scale of x264 and x265 (51…0, lower is better): 70 gives their default of 23. */
function constantRateFactor(quality: number): number {
  return Math.min(51, Math.max(1, Math.round(51 - quality * 0.4)));
}
