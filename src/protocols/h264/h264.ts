import type { VideoTrack } from "../../domain/packet.ts";
import { splitAnnexB, startsWithStartCode } from "../nal/annex-b.ts";
import { BitReader, OutOfBits } from "../nal/bit-reader.ts";
import { splitLengthPrefixed } from "../nal/length-prefixed.ts";
import type { NalCodec } from "../nal/nal-codec.ts";
import { parseAvcRecord } from "./avc-record.ts";
import { parseH264Sps } from "./sps.ts";

/** NAL unit types (ITU-T H.264 table 7-1). */
const SLICE = 1;
const IDR = 5;
const SEI = 6;
const SPS = 7;
const PPS = 8;

/** Type of an H.264 NAL unit; 0 for an empty one. */
export function h264UnitType(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 31;
}

/** H.264 as the code for both NAL codecs sees it. */
export const H264: NalCodec = {
  codec: "h264",
  isSlice: (unit) => h264UnitType(unit) >= SLICE && h264UnitType(unit) <= IDR,
  isRandomAccess: (unit) => h264UnitType(unit) === IDR || isRecoveryPoint(unit),
  parameterSetKey: (unit) => {
    const type = h264UnitType(unit);
    return type === SPS || type === PPS ? `${String(type)}:${identifier(unit, type === SPS ? 4 : 1)}` : undefined;
  },
  isSps: (unit) => h264UnitType(unit) === SPS,
  parseSps: parseH264Sps,
  split: (data, track) => {
    const record = track.codecPrivate === undefined ? undefined : parseAvcRecord(track.codecPrivate);
    return record === undefined ? splitAnnexB(data) : splitLengthPrefixed(data, record.lengthSize);
  },
  parameterSets: (track: VideoTrack) => {
    const { codecPrivate } = track;
    if (codecPrivate === undefined) {
      return [];
    }
    const record = startsWithStartCode(codecPrivate) ? undefined : parseAvcRecord(codecPrivate);
    return record === undefined ? splitAnnexB(codecPrivate) : [...record.sps, ...record.pps];
  },
};

/** Exp-Golomb identifier after `skip` bytes, as two digits so that keys sort. */
function identifier(unit: Uint8Array, skip: number): string {
  try {
    return String(new BitReader(unit.subarray(0, skip + 8), skip).ue()).padStart(3, "0");
  } catch (error) {
    if (error instanceof OutOfBits) {
      return "000";
    }
    throw error;
  }
}

/**
 * A recovery point message (§D.2.8) with a count of 0: decoding can start at this picture although it is no IDR. Encoders
 * with open groups of pictures mark their I pictures so.
 */
function isRecoveryPoint(unit: Uint8Array): boolean {
  if (h264UnitType(unit) !== SEI) {
    return false;
  }
  let offset = 1;
  // Messages follow one another: type and size in runs of 255 (§7.3.2.3.1).
  while (offset + 2 < unit.length) {
    let type = 0;
    let size = 0;
    while (unit[offset] === 255) {
      type += 255;
      offset++;
    }
    type += unit[offset++] ?? 0;
    while (unit[offset] === 255) {
      size += 255;
      offset++;
    }
    size += unit[offset++] ?? 0;
    if (type === 6) {
      return ((unit[offset] ?? 0) & 0x80) !== 0;
    }
    offset += size;
  }
  return false;
}
