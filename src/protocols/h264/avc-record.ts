import { asBuffer } from "../as-buffer.ts";

/** An AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1): what an MP4 or Matroska file says before the first packet. */
export interface AvcRecord {
  readonly lengthSize: 1 | 2 | 3 | 4;
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** Reads an avcC. Undefined when the bytes are none (Annex B parameter sets, for example). Views on the input. */
export function parseAvcRecord(bytes: Uint8Array): AvcRecord | undefined {
  if (bytes.length < 7 || bytes[0] !== 1) {
    return undefined;
  }
  const buffer = asBuffer(bytes);
  const lengthSize = (((buffer[4] ?? 3) & 3) + 1) as 1 | 2 | 3 | 4; // two bits plus one
  const sps = readSets(buffer, 6, (buffer[5] ?? 0) & 31);
  if (sps === undefined || sps.end >= buffer.length) {
    return undefined;
  }
  const pps = readSets(buffer, sps.end + 1, buffer[sps.end] ?? 0);
  return pps === undefined ? undefined : { lengthSize, sps: sps.units, pps: pps.units };
}

/** An avcC with 4-byte lengths. Undefined without an SPS and a PPS. */
export function writeAvcRecord(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Uint8Array | undefined {
  const first = sps[0];
  if (first === undefined || first.length < 4 || pps.length === 0) {
    return undefined;
  }
  const parts: Uint8Array[] = [Uint8Array.of(1, ...first.subarray(1, 4), 0xff, 0xe0 | sps.length)];
  for (const unit of sps) {
    parts.push(Uint8Array.of(unit.length >> 8, unit.length & 255), unit);
  }
  parts.push(Uint8Array.of(pps.length));
  for (const unit of pps) {
    parts.push(Uint8Array.of(unit.length >> 8, unit.length & 255), unit);
  }
  return Buffer.concat(parts);
}

function readSets(buffer: Buffer, start: number, count: number): { units: Uint8Array[]; end: number } | undefined {
  const units: Uint8Array[] = [];
  let offset = start;
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
  return { units, end: offset };
}
