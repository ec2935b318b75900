import { H264 } from "../h264/h264.ts";
import { writeAvcRecord } from "../h264/avc-record.ts";
import { H265 } from "../h265/h265.ts";
import { writeHevcRecord } from "../h265/write-hevc-record.ts";
import type { NalCodec } from "../nal/nal-codec.ts";
import type { ParameterSets } from "../nal/parameter-sets.ts";
import type { MkvTrack } from "./mkv.ts";

/** How one codec goes into the service's Matroska. One entry per codec. */
interface KvsCodec {
  readonly nal: NalCodec;
  readonly codecId: string;
  record(units: readonly Uint8Array[]): Uint8Array | undefined;
}

const CODECS: Readonly<Record<string, KvsCodec>> = {
  h264: {
    nal: H264,
    codecId: "V_MPEG4/ISO/AVC",
    record: (units) =>
      writeAvcRecord(
        units.filter((unit) => H264.isSps(unit)),
        units.filter((unit) => !H264.isSps(unit)),
      ),
  },
  hevc: { nal: H265, codecId: "V_MPEGH/ISO/HEVC", record: writeHevcRecord },
};

/** What the service takes of video, as FFmpeg names it. */
export const KVS_CODECS: readonly string[] = Object.keys(CODECS);

/** The name of the track; as the service's producer calls it. */
const TRACK_NAME = "kvs_video_track";

/** NAL units of a codec that the service takes; undefined for other codecs. */
export function nalCodecOf(codec: string): NalCodec | undefined {
  return Object.hasOwn(CODECS, codec) ? CODECS[codec]?.nal : undefined;
}

/** The track that these parameter sets describe; undefined while one is missing or makes no sense. */
export function mkvTrack(codec: string, sets: ParameterSets): MkvTrack | undefined {
  const entry = Object.hasOwn(CODECS, codec) ? CODECS[codec] : undefined;
  const info = sets.info;
  const codecPrivate = entry?.record(sets.units);
  if (entry === undefined || codecPrivate === undefined || info === undefined) {
    return undefined;
  }
  return { codecId: entry.codecId, codecPrivate, width: info.width, height: info.height, name: TRACK_NAME };
}

/** NAL units without the zero bytes that some cameras leave at their ends; the service refuses those. Views on the input. */
export function trimUnits(units: readonly Uint8Array[]): Uint8Array[] {
  const trimmed: Uint8Array[] = [];
  for (const unit of units) {
    let end = unit.length;
    while (end > 0 && unit[end - 1] === 0) {
      end--;
    }
    if (end > 0) {
      trimmed.push(end === unit.length ? unit : unit.subarray(0, end));
    }
  }
  return trimmed;
}
