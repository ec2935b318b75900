import type { Track, VideoTrack } from "../../domain/packet.ts";
import { H264 } from "../h264/h264.ts";
import { H264Depayloader, payloadH264 } from "../h264/rtp.ts";
import { H265, h265UnitType } from "../h265/h265.ts";
import { H265Depayloader, payloadH265 } from "../h265/rtp.ts";
import type { NalCodec } from "../nal/nal-codec.ts";
import { ParameterSets } from "../nal/parameter-sets.ts";
import { splitAnnexB } from "../nal/annex-b.ts";
import type { RtpFormat } from "./rtp-format.ts";

const base64 = (unit: Uint8Array | undefined): string => Buffer.from(unit ?? []).toString("base64");

/** Units of a comma-separated list in base64. Some cameras put start codes into them. */
function unbase64(list: string | undefined): Uint8Array[] {
  return (list ?? "").split(",").flatMap((text) => splitAnnexB(Buffer.from(text, "base64")));
}

/** Units of a packet, with the track's parameter sets in front where a keyframe lacks them. */
function complete(codec: NalCodec, track: VideoTrack, data: Uint8Array, isKeyframe: boolean): Uint8Array[] {
  const units = codec.split(data, track);
  return isKeyframe && !units.some((unit) => codec.isSps(unit)) ? [...codec.parameterSets(track), ...units] : units;
}

const isVideo = (track: Track): track is VideoTrack => track.kind === "video";

/** H.264 (RFC 6184). */
export const H264_FORMAT: RtpFormat = {
  encoding: "H264",
  kind: "video",
  codecs: ["h264"],
  receive: (_rate, _channels, parameters) => {
    const units = unbase64(parameters.get("sprop-parameter-sets"));
    return { track: new ParameterSets(H264, units).toTrack(), depayloader: new H264Depayloader(units) };
  },
  send: (track) => {
    if (!isVideo(track)) {
      return undefined;
    }
    const sets = H264.parameterSets(track);
    const sps = sets.find((unit) => H264.isSps(unit));
    const level = sps === undefined || sps.length < 4 ? [] : [`profile-level-id=${Buffer.from(sps.subarray(1, 4)).toString("hex")}`];
    const sprop = sets.length === 0 ? [] : [`sprop-parameter-sets=${sets.map(base64).join(",")}`];
    return {
      rtpmap: "H264/90000",
      clockRateHz: 90_000,
      fmtp: ["packetization-mode=1", ...level, ...sprop].join(";"),
      payload: (data, isKeyframe, maxBytes) => payloadH264(complete(H264, track, data, isKeyframe), maxBytes),
    };
  },
};

/** H.265 (RFC 7798). */
export const H265_FORMAT: RtpFormat = {
  encoding: "H265",
  kind: "video",
  codecs: ["hevc"],
  receive: (_rate, _channels, parameters) => {
    const units = ["sprop-vps", "sprop-sps", "sprop-pps"].flatMap((name) => unbase64(parameters.get(name)));
    return { track: new ParameterSets(H265, units).toTrack(), depayloader: new H265Depayloader(units) };
  },
  send: (track) => {
    if (!isVideo(track)) {
      return undefined;
    }
    const sets = H265.parameterSets(track);
    const fmtp = [
      [32, "sprop-vps"] as const,
      [33, "sprop-sps"] as const,
      [34, "sprop-pps"] as const,
    ].flatMap(([type, name]) => {
      const units = sets.filter((unit) => h265UnitType(unit) === type);
      return units.length === 0 ? [] : [`${name}=${units.map(base64).join(",")}`];
    });
    return {
      rtpmap: "H265/90000",
      clockRateHz: 90_000,
      ...(fmtp.length === 0 ? {} : { fmtp: fmtp.join(";") }),
      payload: (data, isKeyframe, maxBytes) => payloadH265(complete(H265, track, data, isKeyframe), maxBytes),
    };
  },
};
