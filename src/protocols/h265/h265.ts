import type { VideoTrack } from "../../domain/packet.ts";
import { splitAnnexB, startsWithStartCode } from "../nal/annex-b.ts";
import { splitLengthPrefixed } from "../nal/length-prefixed.ts";
import type { NalCodec } from "../nal/nal-codec.ts";
import { parseHevcRecord } from "./hevc-record.ts";
import { parseH265Sps } from "./sps.ts";

/** NAL unit types (ITU-T H.265 table 7-1). */
const FIRST_IRAP = 16;
const LAST_IRAP = 23;
const VPS = 32;
const SPS = 33;
const PPS = 34;

/** Type of an H.265 NAL unit; 0 for an empty one. */
export function h265UnitType(unit: Uint8Array): number {
  return ((unit[0] ?? 0) >> 1) & 63;
}

/** H.265 as the code for both NAL codecs sees it. */
export const H265: NalCodec = {
  codec: "hevc",
  isSlice: (unit) => unit.length > 2 && h265UnitType(unit) < VPS,
  isRandomAccess: (unit) => h265UnitType(unit) >= FIRST_IRAP && h265UnitType(unit) <= LAST_IRAP,
  // Cameras use identifier 0 throughout; keyed by type alone, the newest wins.
  parameterSetKey: (unit) => {
    const type = h265UnitType(unit);
    return type >= VPS && type <= PPS ? `${String(type)}:000` : undefined;
  },
  isSps: (unit) => h265UnitType(unit) === SPS,
  parseSps: parseH265Sps,
  split: (data, track) => {
    const record = track.codecPrivate === undefined ? undefined : parseHevcRecord(track.codecPrivate);
    return record === undefined ? splitAnnexB(data) : splitLengthPrefixed(data, record.lengthSize);
  },
  parameterSets: (track: VideoTrack) => {
    const { codecPrivate } = track;
    if (codecPrivate === undefined) {
      return [];
    }
    const record = startsWithStartCode(codecPrivate) ? undefined : parseHevcRecord(codecPrivate);
    const units = record === undefined ? splitAnnexB(codecPrivate) : record.units;
    return units.filter((unit) => h265UnitType(unit) >= VPS && h265UnitType(unit) <= PPS);
  },
};
