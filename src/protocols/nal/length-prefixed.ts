import { asBuffer } from "../as-buffer.ts";

/**
 * Splits NAL units that carry their length before them (ISO/IEC 14496-15 §5.3.4.2). Views on the input. A length that
 * reaches beyond the end takes what is there: the rest of a cut-off sample may still be shown.
 */
export function splitLengthPrefixed(sample: Uint8Array, lengthSize: 1 | 2 | 3 | 4): Uint8Array[] {
  const buffer = asBuffer(sample);
  const units: Uint8Array[] = [];
  let offset = 0;
  while (offset + lengthSize <= buffer.length) {
    const length = buffer.readUIntBE(offset, lengthSize);
    offset += lengthSize;
    const unit = buffer.subarray(offset, offset + length);
    if (unit.length > 0) {
      units.push(unit);
    }
    offset += length;
  }
  return units;
}

/** NAL units with 4-byte lengths before them. Copies. */
export function joinLengthPrefixed(units: readonly Uint8Array[]): Buffer {
  const joined = Buffer.alloc(units.reduce((sum, unit) => sum + 4 + unit.length, 0));
  let offset = 0;
  for (const unit of units) {
    offset = joined.writeUInt32BE(unit.length, offset);
    joined.set(unit, offset);
    offset += unit.length;
  }
  return joined;
}
