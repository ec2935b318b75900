import { asBuffer } from "../as-buffer.ts";

const START_CODE = Uint8Array.of(0, 0, 0, 1);
const SHORT_START_CODE = Buffer.of(0, 0, 1);

/**
 * Splits an Annex B byte stream (ITU-T H.264 Annex B, the same in H.265) into NAL units without their start codes. Views
 * on the input, in order; trailing zero bytes belong to the next start code; empty units are left out. Bytes before the
 * first start code are taken as a unit, so that a bare NAL unit gives itself.
 */
export function splitAnnexB(stream: Uint8Array): Uint8Array[] {
  const buffer = asBuffer(stream);
  const units: Uint8Array[] = [];
  let start = 0;
  while (start <= buffer.length) {
    const next = buffer.indexOf(SHORT_START_CODE, start);
    const unit = buffer.subarray(start, trimZeros(buffer, start, next < 0 ? buffer.length : next));
    if (unit.length > 0) {
      units.push(unit);
    }
    if (next < 0) {
      break;
    }
    start = next + SHORT_START_CODE.length;
  }
  return units;
}

/** Where the unit that may be followed by zero bytes ends: a NAL unit never ends in 0 (H.264 §7.4.1). */
function trimZeros(buffer: Buffer, start: number, end: number): number {
  let last = end;
  while (last > start && buffer[last - 1] === 0) {
    last--;
  }
  return last;
}

/** NAL units as an Annex B byte stream with 4-byte start codes. Copies. */
export function joinAnnexB(units: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const unit of units) {
    parts.push(START_CODE, unit);
  }
  return Buffer.concat(parts);
}

/** Whether the bytes begin with a start code of three or four bytes. */
export function startsWithStartCode(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && (bytes[2] === 1 || (bytes[2] === 0 && bytes[3] === 1));
}
