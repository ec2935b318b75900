import { asBuffer } from "../as-buffer.ts";
import { HUFFMAN_SEGMENTS } from "./jpeg-tables.ts";

/** What RTP keeps of a JPEG. */
interface JpegParts {
  type: number;
  width: number;
  height: number;
  restartInterval: number;
  readonly tables: Map<number, Uint8Array>;
  /** Table number of the first and of the second component. */
  selectors: [number, number];
  scan: Uint8Array;
  hasOwnHuffman: boolean;
}

/**
 * A baseline JPEG as RTP payloads (RFC 2435) with its quantisation tables (Q = 255). Empty when RTP cannot carry it:
 * larger than 2040 pixels, progressive, other than 4:2:0 or 4:2:2, or with Huffman tables of its own.
 */
export function payloadMjpeg(jpeg: Uint8Array, maxBytes: number): Uint8Array[] {
  const parts = parseJpeg(jpeg);
  const luma = parts?.tables.get(parts.selectors[0]);
  const chroma = parts?.tables.get(parts.selectors[1]);
  if (parts === undefined || luma === undefined || chroma === undefined || parts.hasOwnHuffman || parts.width > 2040 || parts.height > 2040) {
    return [];
  }
  const restart = parts.restartInterval > 0;
  const payloads: Uint8Array[] = [];
  for (let offset = 0; offset < parts.scan.length; ) {
    const main = [0, (offset >> 16) & 255, (offset >> 8) & 255, offset & 255, parts.type | (restart ? 64 : 0), 255];
    const header = [...main, Math.ceil(parts.width / 8), Math.ceil(parts.height / 8)];
    if (restart) {
      header.push(parts.restartInterval >> 8, parts.restartInterval & 255, 0xff, 0xff);
    }
    const tables = offset === 0 ? [Uint8Array.of(0, 0, 0, 128), luma, chroma] : [];
    const room = Math.max(1, maxBytes - header.length - (offset === 0 ? 132 : 0));
    const piece = parts.scan.subarray(offset, offset + room);
    payloads.push(Buffer.concat([Uint8Array.from(header), ...tables, piece]));
    offset += piece.length;
  }
  return payloads;
}

/** Reads the segments up to the scan. Undefined for what is not a baseline JPEG of three components. */
function parseJpeg(jpeg: Uint8Array): JpegParts | undefined {
  const buffer = asBuffer(jpeg);
  const parts: JpegParts = {
    type: -1,
    width: 0,
    height: 0,
    restartInterval: 0,
    tables: new Map(),
    selectors: [0, 0],
    scan: new Uint8Array(),
    hasOwnHuffman: false,
  };
  if (buffer.length < 4 || buffer.readUInt16BE(0) !== 0xffd8) {
    return undefined;
  }
  let offset = 2;
  while (offset + 4 <= buffer.length) {
    const marker = buffer.readUInt16BE(offset);
    const end = offset + 2 + buffer.readUInt16BE(offset + 2);
    if (marker < 0xffc0 || end > buffer.length) {
      return undefined;
    }
    const body = buffer.subarray(offset + 4, end);
    if (marker === 0xffda) {
      parts.scan = buffer.subarray(end, buffer.length >= 2 && buffer.readUInt16BE(buffer.length - 2) === 0xffd9 ? buffer.length - 2 : undefined);
      return parts.type < 0 ? undefined : parts;
    }
    if (SEGMENTS[marker]?.(body, parts) === false) {
      return undefined;
    }
    offset = end;
  }
  return undefined;
}

/** What each marker adds; false refuses the picture. */
const SEGMENTS: Readonly<Record<number, (body: Buffer, parts: JpegParts) => boolean>> = {
  0xffc0: (body, parts) => {
    if (body.length < 15 || body[0] !== 8 || body[5] !== 3) {
      return false;
    }
    parts.height = body.readUInt16BE(1);
    parts.width = body.readUInt16BE(3);
    parts.type = body[7] === 0x22 ? 1 : body[7] === 0x21 ? 0 : -1;
    parts.selectors = [body.readUInt8(8), body.readUInt8(11)];
    return parts.type >= 0 && body[10] === 0x11 && body[13] === 0x11;
  },
  0xffc1: () => false,
  0xffc2: () => false,
  0xffdb: (body, parts) => {
    for (let at = 0; at + 65 <= body.length; at += 65) {
      if (body.readUInt8(at) >> 4 !== 0) {
        return false;
      }
      parts.tables.set(body.readUInt8(at) & 15, body.subarray(at + 1, at + 65));
    }
    return true;
  },
  0xffdd: (body, parts) => {
    parts.restartInterval = body.length < 2 ? 0 : body.readUInt16BE(0);
    return true;
  },
  0xffc4: (body, parts) => {
    // The receiver writes the standard tables: any other would decode to noise.
    for (let at = 0; at + 17 <= body.length; ) {
      const values = body.subarray(at + 1, at + 17).reduce((sum, count) => sum + count, 0);
      parts.hasOwnHuffman ||= !asBuffer(HUFFMAN_SEGMENTS).includes(body.subarray(at, at + 17 + values));
      at += 17 + values;
    }
    return true;
  },
};
