import { asBuffer } from "../as-buffer.ts";

/** An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1). */
export interface HevcRecord {
  readonly lengthSize: 1 | 2 | 3 | 4;
  /** VPS, SPS, PPS and SEI units, in the order of the record. */
  readonly units: readonly Uint8Array[];
}

/** Reads an hvcC. Undefined when the bytes are none. Views on the input. */
export function parseHevcRecord(bytes: Uint8Array): HevcRecord | undefined {
  // Some writers put version 0; Annex B also begins with 0, but then 0 or 1 follow where an hvcC has its profile.
  if (bytes.length < 23 || (bytes[0] !== 1 && (bytes[0] !== 0 || bytes[1] === 0))) {
    return undefined;
  }
  const buffer = asBuffer(bytes);
  const lengthSize = (((buffer[21] ?? 3) & 3) + 1) as 1 | 2 | 3 | 4; // two bits plus one
  const units: Uint8Array[] = [];
  let offset = 23;
  for (let array = 0; array < (buffer[22] ?? 0); array++) {
    if (offset + 3 > buffer.length) {
      return undefined;
    }
    const count = buffer.readUInt16BE(offset + 1);
    offset += 3;
    for (let index = 0; index < count; index++) {
      if (offset + 2 > buffer.length) {
        return undefined;
      }
      const length = buffer.readUInt16BE(offset);
      offset += 2;
      if (offset + length > buffer.length) {
        return undefined;
      }
      units.push(buffer.subarray(offset, offset + length));
      offset += length;
    }
  }
  return { lengthSize, units };
}
