import { box, fullBox, u16, u32, u64 } from "./boxes.ts";

/** Times are counted in microseconds: media time goes through exactly. */
const TIMESCALE = 1_000_000;
/** Unity, as 16.16 and 2.30 fixed-point numbers (ISO/IEC 14496-12 §8.2.2). */
const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** What an initialisation segment says about its only track, H.264 video. */
export interface InitSegmentOptions {
  readonly width: number;
  readonly height: number;
  /** AVCDecoderConfigurationRecord with 4-byte lengths. */
  readonly avcRecord: Uint8Array;
}

/** The start of a fragmented MP4 (ISO/IEC 14496-12, as MSE's byte stream format for ISO BMFF wants it). Copies. */
export function initSegment({ width, height, avcRecord }: InitSegmentOptions): Buffer {
  const visual = Buffer.concat([
    Buffer.alloc(6), u16(1), // reserved, data_reference_index
    Buffer.alloc(16), u16(width, height),
    u32(0x480000, 0x480000, 0), // 72 dpi
    u16(1), Buffer.alloc(32), u16(24, 0xffff), // frame_count, compressorname, depth, pre_defined
  ]);
  const sampleTable = box(
    "stbl",
    fullBox("stsd", 0, 0, u32(1), box("avc1", visual, box("avcC", avcRecord))),
    fullBox("stts", 0, 0, u32(0)),
    fullBox("stsc", 0, 0, u32(0)),
    fullBox("stsz", 0, 0, u32(0, 0)),
    fullBox("stco", 0, 0, u32(0)),
  );
  const dataInformation = box("dinf", fullBox("dref", 0, 0, u32(1), fullBox("url ", 0, 1)));
  const media = box(
    "mdia",
    fullBox("mdhd", 0, 0, u32(0, 0, TIMESCALE, 0), u16(0x55c4, 0)), // language: und
    fullBox("hdlr", 0, 0, u32(0), Buffer.from("vide"), u32(0, 0, 0), Buffer.from("video\0")),
    box("minf", fullBox("vmhd", 0, 1, u16(0, 0, 0, 0)), dataInformation, sampleTable),
  );
  const trackHeader = fullBox("tkhd", 0, 7, u32(0, 0, 1, 0, 0), u32(0, 0), u16(0, 0, 0, 0), MATRIX, u32(width * 0x10000, height * 0x10000));
  const movieHeader = fullBox("mvhd", 0, 0, u32(0, 0, TIMESCALE, 0, 0x10000), u16(0x0100, 0), u32(0, 0), MATRIX, Buffer.alloc(24), u32(2));
  return Buffer.concat([
    box("ftyp", Buffer.from("iso6"), u32(1), Buffer.from("iso6avc1mp41")),
    box("moov", movieHeader, box("trak", trackHeader, media), box("mvex", fullBox("trex", 0, 0, u32(1, 1, 0, 0, 0)))),
  ]);
}

/** One picture. */
export interface FragmentSample {
  /** From 1, rising. */
  readonly sequence: number;
  /** Decoding time, not negative. */
  readonly dtsUs: number;
  readonly ptsUs: number;
  readonly durationUs: number;
  readonly isKeyframe: boolean;
  /** NAL units with 4-byte lengths. */
  readonly data: Uint8Array;
}

/** sample_flags (§8.8.3.1): a keyframe depends on nothing; others depend, and are no sync samples. */
const KEYFRAME_FLAGS = 0x02000000;
const OTHER_FLAGS = 0x01010000;

/** A fragment of one picture: nothing waits for the next one. Copies. */
export function mediaFragment({ sequence, dtsUs, ptsUs, durationUs, isKeyframe, data }: FragmentSample): Buffer {
  const sample = Buffer.concat([u32(durationUs, data.length, isKeyframe ? KEYFRAME_FLAGS : OTHER_FLAGS), u32(ptsUs - dtsUs)]);
  const moofOf = (offset: number): Buffer =>
    box(
      "moof",
      fullBox("mfhd", 0, 0, u32(sequence)),
      box(
        "traf",
        fullBox("tfhd", 0, 0x20000, u32(1)), // default-base-is-moof
        fullBox("tfdt", 1, 0, u64(Math.max(0, Math.round(dtsUs)))),
        // With data offset, durations, sizes, flags and composition times; version 1 has signed ones.
        fullBox("trun", 1, 0xf01, u32(1, offset), sample),
      ),
    );
  // The data begins after this box and the eight bytes of the next one's header.
  const moof = moofOf(moofOf(0).length + 8);
  return Buffer.concat([moof, box("mdat", data)]);
}
