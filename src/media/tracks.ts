import { AV_PKT_DATA_DISPLAYMATRIX, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { avGetPixFmtName, type CodecParameters, type Stream } from "node-av/lib";
import type { AudioTrack, VideoTrack } from "../domain/packet.ts";
import { ticksToUs } from "./media-times.ts";
import { codecName } from "./codec-names.ts";
import { rotationOfMatrix } from "./rotation.ts";

/** What a demuxed stream is to the rest of the program: a track, or undefined for what is neither video nor audio. */
export function trackOf(stream: Stream): VideoTrack | AudioTrack | undefined {
  const parameters = stream.codecpar;
  if (parameters.codecType === AVMEDIA_TYPE_VIDEO) {
    return videoTrackOf(stream, parameters);
  }
  return parameters.codecType === AVMEDIA_TYPE_AUDIO ? audioTrackOf(stream, parameters) : undefined;
}

function videoTrackOf(stream: Stream, parameters: CodecParameters): VideoTrack {
  const codec = codecName(parameters.codecId);
  const matrix = parameters.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX);
  const rate = stream.avgFrameRate;
  return {
    kind: "video",
    codec,
    width: parameters.width,
    height: parameters.height,
    rotation: matrix === null ? 0 : rotationOfMatrix(matrix),
    frameRate: rate.num > 0 && rate.den > 0 ? rate.num / rate.den : 0,
    codecPrivate: codec === "rawvideo" ? pixelFormatBytes(parameters) : copyOf(parameters.extradata),
  };
}

function audioTrackOf(stream: Stream, parameters: CodecParameters): AudioTrack {
  const startUs = ticksToUs(stream.startTime, stream.timeBase) ?? 0;
  const early = startUs < 0 ? Math.round((Math.abs(startUs) * parameters.sampleRate) / 1_000_000) : 0;
  const padding = Math.max(parameters.initialPadding, early);
  return {
    kind: "audio",
    codec: codecName(parameters.codecId),
    sampleRateHz: parameters.sampleRate,
    channels: parameters.channelLayout.nbChannels,
    codecPrivate: copyOf(parameters.extradata),
    ...(padding > 0 ? { initialPaddingSamples: padding } : {}),
  };
}

/** Raw video has no private data; its decoder needs the name of the pixel format, which takes its place. */
function pixelFormatBytes(parameters: CodecParameters): Uint8Array | undefined {
  // A video stream's format is a pixel format; the type also covers audio.
  const name = avGetPixFmtName(parameters.format as Parameters<typeof avGetPixFmtName>[0]);
  return name === null ? undefined : new TextEncoder().encode(name);
}

function copyOf(bytes: Uint8Array | null): Uint8Array | undefined {
  return bytes === null || bytes.length === 0 ? undefined : new Uint8Array(bytes);
}
