import { asBuffer } from "../as-buffer.ts";
import { ID } from "../matroska/ebml.ts";
import { BLOCK_HEADER_BYTES, CLUSTER_HEADER_BYTES } from "./mkv.ts";

/** How much of a cluster that was cut off somewhere is usable. */
export interface WholeBlocks {
  readonly frames: number;
  /** Length of the cluster up to the end of its last whole frame. */
  readonly bytes: number;
  /** Time of the last whole frame, in milliseconds after the cluster's. */
  readonly lastOffsetMs: number;
}

/** Looks for the end of the last whole frame of a cluster as this folder writes them. Never trusts a length. */
export function wholeBlocks(cluster: Uint8Array): WholeBlocks {
  const bytes = asBuffer(cluster);
  let offset = CLUSTER_HEADER_BYTES;
  let frames = 0;
  let lastOffsetMs = 0;
  while (offset + BLOCK_HEADER_BYTES <= bytes.length && bytes[offset] === ID.simpleBlock && bytes[offset + 1] === 1) {
    const size = bytes.readUIntBE(offset + 3, 6);
    const end = offset + 9 + size;
    if (size < 4 || end > bytes.length) {
      break;
    }
    lastOffsetMs = bytes.readInt16BE(offset + 10);
    frames++;
    offset = end;
  }
  return { frames, bytes: Math.min(offset, bytes.length), lastOffsetMs };
}
