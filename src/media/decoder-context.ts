import { AV_PIX_FMT_NONE, FF_THREAD_FRAME, FF_THREAD_SLICE } from "node-av/constants";
import { avGetPixFmtFromName, Codec, CodecContext } from "node-av/lib";
import type { VideoTrack } from "../domain/packet.ts";
import { VedetteError } from "../errors.ts";
import { codecId } from "./codec-names.ts";
import type { DecoderOptions } from "./decoder-options.ts";
import { chooseHardware, type DecoderHardware } from "./hwaccel.ts";
import { MICROSECONDS } from "./media-times.ts";

/** An opened codec context, and on what it runs. */
export interface OpenedDecoder {
  readonly context: CodecContext;
  readonly hardware: DecoderHardware | undefined;
  readonly description: string;
}

/** Opens FFmpeg's decoder for a track. Throws `E_MEDIA_CODEC`. */
export async function openDecoderContext(track: VideoTrack, options: DecoderOptions): Promise<OpenedDecoder> {
  const id = codecId(track.codec);
  const codec = id === undefined ? null : Codec.findDecoder(id);
  if (codec === null) {
    throw new VedetteError("E_MEDIA_CODEC", { source: "video track", codec: track.codec });
  }
  const { hardware, reason } = chooseHardware(codec, options.hwaccel);
  const context = new CodecContext();
  context.allocContext3(codec);
  configure(context, track, options);
  if (hardware !== undefined) {
    context.hwDeviceCtx = hardware.device;
    context.setHardwarePixelFormat(hardware.pixelFormat);
  }
  const code = await context.open2(codec);
  if (code < 0) {
    context.freeContext();
    hardware?.[Symbol.dispose]();
    throw new VedetteError("E_MEDIA_CODEC", { source: "video track", codec: track.codec });
  }
  const name = codec.name ?? track.codec;
  const description = hardware !== undefined ? `${name} (${hardware.name})` : `${name} (software${reason === "" ? "" : `; ${reason}`})`;
  options.log.debug("decoder opened", { decoder: description });
  return { context, hardware, description };
}

function configure(context: CodecContext, track: VideoTrack, options: DecoderOptions): void {
  const threads = options.threads ?? 1;
  context.pktTimebase = MICROSECONDS;
  context.threadCount = threads;
  context.threadType = threads === 1 ? FF_THREAD_SLICE : FF_THREAD_FRAME;
  context.width = track.width;
  context.height = track.height;
  if (track.codecPrivate === undefined) {
    return;
  }
  if (track.codec === "rawvideo") {
    const format = avGetPixFmtFromName(new TextDecoder().decode(track.codecPrivate));
    if (format !== AV_PIX_FMT_NONE) {
      context.pixelFormat = format;
    }
  } else {
    context.extraData = Buffer.from(track.codecPrivate);
  }
}
