import { BitReader, OutOfBits } from "../nal/bit-reader.ts";
import { h265UnitType } from "./h265.ts";

/** Order of the parameter sets in a record: VPS, SPS, PPS (ITU-T H.265 table 7-1). */
const ARRAYS = [32, 33, 34] as const;

/**
 * An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1) with 4-byte lengths. Undefined unless there are a VPS, an
 * SPS that makes sense, and a PPS.
 */
export function writeHevcRecord(units: readonly Uint8Array[]): Uint8Array | undefined {
  const arrays = ARRAYS.map((type) => units.filter((unit) => h265UnitType(unit) === type));
  const sps = arrays[1]?.[0];
  const general = sps === undefined ? undefined : readGeneral(sps);
  if (general === undefined || arrays.some((array) => array.length === 0)) {
    return undefined;
  }
  const parts: Uint8Array[] = [
    Uint8Array.of(1, ...general.profileTierLevel),
    // min_spatial_segmentation_idc and parallelismType unknown; average frame rate and constant frame rate unknown.
    Uint8Array.of(0xf0, 0, 0xfc, 0xfc | general.chromaFormat, 0xf8 | general.lumaDepth, 0xf8 | general.chromaDepth, 0, 0),
    Uint8Array.of((general.subLayers << 3) | (general.isNested ? 4 : 0) | 3, ARRAYS.length),
  ];
  for (const [index, type] of ARRAYS.entries()) {
    const array = arrays[index] ?? [];
    // The sets may also come in the stream: array_completeness stays 0.
    parts.push(Uint8Array.of(type, 0, array.length));
    for (const unit of array) {
      parts.push(Uint8Array.of(unit.length >> 8, unit.length & 255), unit);
    }
  }
  return Buffer.concat(parts);
}

interface General {
  /** general_profile_space to general_level_idc: 12 bytes as they stand in the SPS. */
  readonly profileTierLevel: readonly number[];
  readonly subLayers: number;
  readonly isNested: boolean;
  readonly chromaFormat: number;
  /** bit_depth_luma_minus8. */
  readonly lumaDepth: number;
  readonly chromaDepth: number;
}

/** The fields of an SPS (§7.3.2.2) that the record repeats. */
function readGeneral(sps: Uint8Array): General | undefined {
  try {
    const reader = new BitReader(sps, 2);
    reader.skip(4); // sps_video_parameter_set_id
    const maxSubLayers = reader.bits(3);
    const isNested = reader.flag();
    const profileTierLevel = Array.from({ length: 12 }, () => reader.bits(8));
    skipSubLayers(reader, maxSubLayers);
    reader.ue(); // sps_seq_parameter_set_id
    const chromaFormat = reader.ue();
    if (chromaFormat === 3) {
      reader.skip(1); // separate_colour_plane_flag
    }
    reader.ue(); // width
    reader.ue(); // height
    if (reader.flag()) {
      for (let side = 0; side < 4; side++) {
        reader.ue(); // conformance window
      }
    }
    const lumaDepth = reader.ue();
    const chromaDepth = reader.ue();
    const isSane = chromaFormat <= 3 && lumaDepth <= 7 && chromaDepth <= 7;
    return isSane ? { profileTierLevel, subLayers: maxSubLayers + 1, isNested, chromaFormat, lumaDepth, chromaDepth } : undefined;
  } catch (error) {
    if (error instanceof OutOfBits) {
      return undefined;
    }
    throw error;
  }
}

function skipSubLayers(reader: BitReader, maxSubLayers: number): void {
  const present = Array.from({ length: maxSubLayers }, () => [reader.flag(), reader.flag()] as const);
  if (maxSubLayers > 0) {
    reader.skip(2 * (8 - maxSubLayers));
  }
  for (const [profile, level] of present) {
    reader.skip((profile ? 88 : 0) + (level ? 8 : 0));
  }
}
