import { BitReader, OutOfBits } from "../nal/bit-reader.ts";
import type { SequenceInfo } from "../h264/sps.ts";

/**
 * Reads an H.265 sequence parameter set (NAL unit with its two header bytes, ITU-T H.265 §7.3.2.2). Undefined when it
 * makes no sense. The frame rate is left out: it stands behind the reference picture sets, and cameras rarely give it.
 */
export function parseH265Sps(sps: Uint8Array): SequenceInfo | undefined {
  try {
    const reader = new BitReader(sps, 2);
    reader.skip(4); // sps_video_parameter_set_id
    const maxSubLayers = reader.bits(3);
    reader.skip(1); // sps_temporal_id_nesting_flag
    skipProfileTierLevel(reader, maxSubLayers);
    reader.ue(); // sps_seq_parameter_set_id
    const chromaFormat = reader.ue();
    const separatePlanes = chromaFormat === 3 && reader.flag();
    const width = reader.ue();
    const height = reader.ue();
    const size = cropped(reader, width, height, separatePlanes ? 0 : chromaFormat);
    if (size.width <= 0 || size.height <= 0 || size.width > 16384 || size.height > 16384) {
      return undefined;
    }
    return { ...size, frameRate: 0, reorderDepth: readReorderDepth(reader, maxSubLayers) };
  } catch (error) {
    if (error instanceof OutOfBits) {
      return undefined;
    }
    throw error;
  }
}

/** §7.3.3: general profile, tier and level, and those of the sub-layers. */
function skipProfileTierLevel(reader: BitReader, maxSubLayers: number): void {
  reader.skip(96);
  const present: [profile: boolean, level: boolean][] = [];
  for (let layer = 0; layer < maxSubLayers; layer++) {
    present.push([reader.flag(), reader.flag()]);
  }
  if (maxSubLayers > 0) {
    reader.skip(2 * (8 - maxSubLayers));
  }
  for (const [profile, level] of present) {
    reader.skip((profile ? 88 : 0) + (level ? 8 : 0));
  }
}

function cropped(reader: BitReader, width: number, height: number, chromaFormat: number): { width: number; height: number } {
  if (!reader.flag()) {
    return { width, height };
  }
  const [left, right, top, bottom] = [reader.ue(), reader.ue(), reader.ue(), reader.ue()];
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = chromaFormat === 1 ? 2 : 1;
  return { width: width - (left + right) * unitX, height: height - (top + bottom) * unitY };
}

/** sps_max_num_reorder_pics of the highest sub-layer. */
function readReorderDepth(reader: BitReader, maxSubLayers: number): number | undefined {
  reader.ue(); // bit_depth_luma_minus8
  reader.ue(); // bit_depth_chroma_minus8
  reader.ue(); // log2_max_pic_order_cnt_lsb_minus4
  const eachLayer = reader.flag();
  let depth = 0;
  for (let layer = eachLayer ? 0 : maxSubLayers; layer <= maxSubLayers; layer++) {
    reader.ue(); // sps_max_dec_pic_buffering_minus1
    depth = reader.ue();
    reader.ue(); // sps_max_latency_increase_plus1
  }
  return depth <= 16 ? depth : undefined;
}
