import { AV_PKT_DATA_DISPLAYMATRIX, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { avChannelLayoutDefault, Rational, type CodecParameters, type Stream } from "node-av/lib";
import type { AudioTrack, Track, VideoTrack } from "../domain/packet.ts";
import { VedetteError } from "../errors.ts";
import { codecId } from "./codec-names.ts";
import { MICROSECONDS } from "./media-times.ts";
import { matrixOfRotation } from "./rotation.ts";

/** Tells a container's new stream what it will hold. */
export function describeTrack(stream: Stream, track: Track): void {
  const parameters = stream.codecpar;
  const id = codecId(track.codec);
  if (id === undefined) {
    throw new VedetteError("E_MEDIA_CODEC", { source: "track", codec: track.codec });
  }
  parameters.codecId = id;
  if (track.codecPrivate !== undefined) {
    parameters.extradata = Buffer.from(track.codecPrivate);
  }
  if (track.kind === "video") {
    describeVideo(stream, parameters, track);
  } else {
    describeAudio(stream, parameters, track);
  }
}

function describeVideo(stream: Stream, parameters: CodecParameters, track: VideoTrack): void {
  parameters.codecType = AVMEDIA_TYPE_VIDEO;
  parameters.width = track.width;
  parameters.height = track.height;
  if (track.rotation !== 0) {
    parameters.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, Buffer.from(matrixOfRotation(track.rotation)));
  }
  stream.timeBase = MICROSECONDS;
  if (track.frameRate > 0) {
    stream.avgFrameRate = new Rational(Math.round(track.frameRate * 1000), 1000);
  }
}

function describeAudio(stream: Stream, parameters: CodecParameters, track: AudioTrack): void {
  parameters.codecType = AVMEDIA_TYPE_AUDIO;
  parameters.sampleRate = track.sampleRateHz;
  parameters.initialPadding = track.initialPaddingSamples ?? 0;
  parameters.channelLayout = avChannelLayoutDefault(track.channels);
  stream.timeBase = new Rational(1, track.sampleRateHz > 0 ? track.sampleRateHz : 48_000);
}
