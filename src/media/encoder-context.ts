import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG, FF_ENCODER_LIBX264, FF_ENCODER_LIBX265, type FFEncoderCodec } from "node-av/constants";
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

/** Opens the encoder that the options ask for. */
export async function openEncoderContext(options: EncoderOptions): Promise<OpenedEncoder> {
  return open(options, options.codec === "h265" ? FF_ENCODER_LIBX265 : FF_ENCODER_LIBX264);
}

async function open(options: EncoderOptions, name: FFEncoderCodec): Promise<OpenedEncoder> {
  const codec = Codec.findEncoderByName(name);
  if (codec === null) {
    throw new VedetteError("E_MEDIA_ENCODE", { codec: options.codec, reason: `${String(name)} is not in this build` });
  }
  const fullRange = options.sample !== undefined && isFullRange(nativeOf(options.sample));
  const input = new EncoderInput({ width: options.width, height: options.height, fullRange });
  const context = new CodecContext();
  context.allocContext3(codec);
  configure(context, options, input, fullRange);
  using dictionary = Dictionary.fromObject(software(options));
  const code = await context.open2(codec, dictionary);
  if (code < 0) {
    context.freeContext();
    input[Symbol.dispose]();
    throw new VedetteError("E_MEDIA_ENCODE", { codec: options.codec, reason: `${name} at ${options.width}×${options.height}: ${describeReturnCode(code)}` });
  }
  return { context, input, description: `${name} ${input.width}×${input.height}` };
}

function configure(context: CodecContext, options: EncoderOptions, input: EncoderInput, fullRange: boolean): void {
  const frameRate = options.frameRate !== undefined && options.frameRate > 0 ? options.frameRate : 25;
  context.width = input.width;
  context.height = input.height;
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  context.timeBase = MICROSECONDS;
  context.framerate = new Rational(Math.round(frameRate * 1000), 1000);
  context.gopSize = options.gopFrames ?? Math.max(1, Math.round(frameRate * 2));
  context.threadCount = options.threads ?? 0;
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
  // Parameter sets once, in the track: containers and session descriptions want them there.
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
}

/** Options of x264 and x265. */
function software(options: EncoderOptions): Record<string, string> {
  const parameters = options.codec === "h265" ? { "x265-params": "log-level=none" } : {};
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
