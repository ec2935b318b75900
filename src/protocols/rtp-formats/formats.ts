import type { AudioTrack, Track } from "../../domain/packet.ts";
import { AacDepayloader, payloadAac } from "../aac/rtp.ts";
import { payloadMjpeg } from "../mjpeg/payload.ts";
import { MjpegDepayloader } from "../mjpeg/rtp.ts";
import type { Depayloader } from "../rtp/depayloader.ts";
import { H264_FORMAT, H265_FORMAT } from "./nal-formats.ts";
import type { RtpFormat, RtpSending } from "./rtp-format.ts";

const MJPEG_FORMAT: RtpFormat = {
  encoding: "JPEG",
  kind: "video",
  codecs: ["mjpeg"],
  receive: () => ({
    track: { kind: "video", codec: "mjpeg", width: 0, height: 0, rotation: 0, frameRate: 0, codecPrivate: undefined },
    depayloader: new MjpegDepayloader(),
  }),
  send: () => ({
    staticPayloadType: 26,
    rtpmap: "JPEG/90000",
    clockRateHz: 90_000,
    payload: (data, _isKeyframe, maxBytes) => payloadMjpeg(data, maxBytes),
  }),
};

/** AAC (RFC 3640). The configuration is the AudioSpecificConfig in hexadecimal. */
const AAC_FORMAT: RtpFormat = {
  encoding: "MPEG4-GENERIC",
  kind: "audio",
  codecs: ["aac"],
  receive: (clockRateHz, channels, parameters) => {
    const bits = (name: string, otherwise: number): number => Math.min(32, Number.parseInt(parameters.get(name) ?? "", 10) || otherwise);
    const config = Buffer.from(parameters.get("config") ?? "", "hex");
    const header = { size: bits("sizelength", 13), index: bits("indexlength", 3), indexDelta: bits("indexdeltalength", 3) };
    const codecPrivate = config.length === 0 ? undefined : config;
    return { track: { kind: "audio", codec: "aac", sampleRateHz: clockRateHz, channels, codecPrivate }, depayloader: new AacDepayloader(header) };
  },
  send: (track) => {
    if (track.kind !== "audio" || track.codecPrivate === undefined) {
      return undefined;
    }
    const config = Buffer.from(track.codecPrivate).toString("hex");
    return {
      rtpmap: `MPEG4-GENERIC/${String(track.sampleRateHz)}/${String(track.channels)}`,
      clockRateHz: track.sampleRateHz,
      fmtp: `streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=${config}`,
      payload: (data, _isKeyframe, maxBytes) => payloadAac(data, maxBytes),
    };
  },
};

/** Every packet is one audio frame, as it is: G.711 (RFC 3551 §4.5.14), Opus (RFC 7587). */
const frameEach: Depayloader = {
  push: ({ packet, lost }) =>
    packet.payload.length === 0
      ? []
      : [{ data: Uint8Array.from(packet.payload), timestamp: packet.timestamp, isKeyframe: true, isDamaged: lost > 0 }],
};

function plainAudio(encoding: string, codec: string, describe: (track: AudioTrack) => Omit<RtpSending, "payload">): RtpFormat {
  return {
    encoding,
    kind: "audio",
    codecs: [codec],
    receive: (sampleRateHz, channels) => ({ track: { kind: "audio", codec, sampleRateHz, channels, codecPrivate: undefined }, depayloader: frameEach }),
    send: (track) =>
      track.kind === "audio" ? { ...describe(track), payload: (data, _isKeyframe, maxBytes) => (data.length > maxBytes ? [] : [data]) } : undefined,
  };
}

const isPlainG711 = (track: AudioTrack): boolean => track.sampleRateHz === 8000 && track.channels === 1;

/** Every codec that RTP carries here. One line each. */
export const RTP_FORMATS: readonly RtpFormat[] = [
  H264_FORMAT,
  H265_FORMAT,
  MJPEG_FORMAT,
  AAC_FORMAT,
  plainAudio("PCMU", "pcm_mulaw", (track) => ({
    ...(isPlainG711(track) ? { staticPayloadType: 0 } : {}),
    rtpmap: `PCMU/${String(track.sampleRateHz)}/${String(track.channels)}`,
    clockRateHz: track.sampleRateHz,
  })),
  plainAudio("PCMA", "pcm_alaw", (track) => ({
    ...(isPlainG711(track) ? { staticPayloadType: 8 } : {}),
    rtpmap: `PCMA/${String(track.sampleRateHz)}/${String(track.channels)}`,
    clockRateHz: track.sampleRateHz,
  })),
  plainAudio("OPUS", "opus", () => ({ rtpmap: "opus/48000/2", clockRateHz: 48_000 })),
];

/** The format with this encoding name. */
export function formatOfEncoding(encoding: string): RtpFormat | undefined {
  return RTP_FORMATS.find((format) => format.encoding === encoding);
}

/** How to send this track; undefined when RTP cannot carry it. */
export function sendingOf(track: Track): RtpSending | undefined {
  return RTP_FORMATS.find((format) => format.kind === track.kind && format.codecs.includes(track.codec))?.send(track);
}
