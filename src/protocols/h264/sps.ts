import { BitReader, OutOfBits } from "../nal/bit-reader.ts";

/** What a sequence parameter set says about the pictures. */
export interface SequenceInfo {
  /** As displayed by default: cropping applied. */
  readonly width: number;
  readonly height: number;
  /** 0 when the stream does not say. */
  readonly frameRate: number;
  /** How many pictures may come before one that is shown earlier; undefined when the stream does not say. */
  readonly reorderDepth: number | undefined;
}

/** Profiles whose SPS has chroma_format_idc and scaling lists (H.264 §7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Reads an H.264 sequence parameter set (NAL unit with its header, §7.3.2.1.1). Undefined when it makes no sense. */
export function parseH264Sps(sps: Uint8Array): SequenceInfo | undefined {
  try {
    const reader = new BitReader(sps, 1);
    const profile = reader.bits(8);
    reader.skip(16);
    reader.ue(); // seq_parameter_set_id
    const chromaFormat = HIGH_PROFILES.has(profile) ? readChroma(reader) : 1;
    reader.ue(); // log2_max_frame_num_minus4
    const pocType = skipPictureOrder(reader);
    reader.ue(); // max_num_ref_frames
    reader.skip(1); // gaps_in_frame_num_value_allowed_flag
    const mbWidth = reader.ue() + 1;
    const mapHeight = reader.ue() + 1;
    const framesOnly = reader.flag();
    if (!framesOnly) {
      reader.skip(1); // mb_adaptive_frame_field_flag
    }
    reader.skip(1); // direct_8x8_inference_flag
    const size = cropped(reader, mbWidth * 16, mapHeight * 16 * (framesOnly ? 1 : 2), chromaFormat, framesOnly);
    if (size.width <= 0 || size.height <= 0 || size.width > 16384 || size.height > 16384) {
      return undefined;
    }
    const vui = reader.flag() ? readVui(reader) : { frameRate: 0, reorderDepth: undefined };
    // Picture order count type 2 means output order is decoding order (§8.2.1.3); Baseline has no B slices.
    const inOrder = pocType === 2 || profile === 66;
    return { ...size, frameRate: vui.frameRate, reorderDepth: vui.reorderDepth ?? (inOrder ? 0 : undefined) };
  } catch (error) {
    if (error instanceof OutOfBits) {
      return undefined;
    }
    throw error;
  }
}

function readChroma(reader: BitReader): number {
  const chromaFormat = reader.ue();
  if (chromaFormat === 3) {
    reader.skip(1); // separate_colour_plane_flag
  }
  reader.ue(); // bit_depth_luma_minus8
  reader.ue(); // bit_depth_chroma_minus8
  reader.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    for (let list = 0; list < (chromaFormat === 3 ? 12 : 8); list++) {
      if (reader.flag()) {
        skipScalingList(reader, list < 6 ? 16 : 64);
      }
    }
  }
  return chromaFormat;
}

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let index = 0; index < size; index++) {
    if (next !== 0) {
      next = (last + reader.se() + 256) % 256;
    }
    last = next === 0 ? last : next;
  }
}

function skipPictureOrder(reader: BitReader): number {
  const type = reader.ue();
  if (type === 0) {
    reader.ue(); // log2_max_pic_order_cnt_lsb_minus4
  } else if (type === 1) {
    reader.skip(1); // delta_pic_order_always_zero_flag
    reader.se(); // offset_for_non_ref_pic
    reader.se(); // offset_for_top_to_bottom_field
    const cycle = reader.ue();
    for (let index = 0; index < Math.min(cycle, 256); index++) {
      reader.se(); // offset_for_ref_frame
    }
  }
  return type;
}

function cropped(
  reader: BitReader,
  width: number,
  height: number,
  chromaFormat: number,
  framesOnly: boolean,
): { width: number; height: number } {
  if (!reader.flag()) {
    return { width, height };
  }
  const [left, right, top, bottom] = [reader.ue(), reader.ue(), reader.ue(), reader.ue()];
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = (chromaFormat === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
  return { width: width - (left + right) * unitX, height: height - (top + bottom) * unitY };
}

/** Annex E: frame rate and reordering. A cut-off VUI leaves what was read before it. */
function readVui(reader: BitReader): { frameRate: number; reorderDepth: number | undefined } {
  let frameRate = 0;
  try {
    skipVuiColours(reader);
    if (reader.flag()) {
      const unitsInTick = reader.bits(32);
      const timeScale = reader.bits(32);
      reader.skip(1); // fixed_frame_rate_flag
      frameRate = plausibleRate(timeScale / (2 * unitsInTick));
    }
    const nal = reader.flag();
    if (nal) {
      skipHrd(reader);
    }
    const vcl = reader.flag();
    if (vcl) {
      skipHrd(reader);
    }
    if (nal || vcl) {
      reader.skip(1); // low_delay_hrd_flag
    }
    reader.skip(1); // pic_struct_present_flag
    if (!reader.flag()) {
      return { frameRate, reorderDepth: undefined };
    }
    reader.skip(1); // motion_vectors_over_pic_boundaries_flag
    for (let field = 0; field < 4; field++) {
      reader.ue();
    }
    const depth = reader.ue();
    return { frameRate, reorderDepth: depth <= 16 ? depth : undefined };
  } catch (error) {
    if (error instanceof OutOfBits) {
      return { frameRate, reorderDepth: undefined };
    }
    throw error;
  }
}

function skipVuiColours(reader: BitReader): void {
  if (reader.flag() && reader.bits(8) === 255) {
    reader.skip(32); // sar_width, sar_height
  }
  if (reader.flag()) {
    reader.skip(1); // overscan_appropriate_flag
  }
  if (reader.flag()) {
    reader.skip(4); // video_format, video_full_range_flag
    if (reader.flag()) {
      reader.skip(24);
    }
  }
  if (reader.flag()) {
    reader.ue();
    reader.ue();
  }
}

function skipHrd(reader: BitReader): void {
  const count = reader.ue() + 1;
  reader.skip(8);
  for (let index = 0; index < Math.min(count, 32); index++) {
    reader.ue();
    reader.ue();
    reader.skip(1);
  }
  reader.skip(20);
}

/** A frame rate that a camera can have, rounded to thousandths; 0 otherwise. */
function plausibleRate(rate: number): number {
  return Number.isFinite(rate) && rate > 0.1 && rate <= 480 ? Math.round(rate * 1000) / 1000 : 0;
}
