import { asBuffer } from "../as-buffer.ts";
import type { AccessUnit, Depayloader } from "../rtp/depayloader.ts";
import { MAX_ACCESS_UNIT_BYTES } from "../rtp/depayloader.ts";
import type { OrderedPacket } from "../rtp/reorder-buffer.ts";
import { HUFFMAN_SEGMENTS, quantisationTables } from "./jpeg-tables.ts";

/** The main header of RFC 2435 §3.1 and what may follow it in the first packet. */
interface JpegHeader {
  readonly offset: number;
  readonly type: number;
  readonly width: number;
  readonly height: number;
  readonly restartInterval: number;
  /** 64 or 128 bytes; undefined where the packet has none. */
  readonly tables: Uint8Array | undefined;
  readonly scan: Uint8Array;
}

/** Motion JPEG out of RTP (RFC 2435): the headers that RTP leaves out are written again. */
export class MjpegDepayloader implements Depayloader {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #header: JpegHeader | undefined;
  #tables: Uint8Array | undefined;
  #size = { width: 0, height: 0 };

  push({ packet, lost }: OrderedPacket): AccessUnit[] {
    const header = parseHeader(packet.payload);
    if (header === undefined || lost > 0) {
      this.#reset();
    }
    if (header === undefined) {
      return [];
    }
    if (header.offset === 0) {
      this.#reset();
      this.#header = header;
      this.#tables = header.tables ?? this.#tables;
    }
    const first = this.#header;
    // The pieces of a picture follow one another without a gap: else it cannot be decoded.
    if (first === undefined || header.offset !== this.#bytes || this.#bytes + header.scan.length > MAX_ACCESS_UNIT_BYTES) {
      this.#reset();
      return [];
    }
    this.#parts.push(header.scan);
    this.#bytes += header.scan.length;
    return packet.marker ? this.#finish(first, packet.timestamp) : [];
  }

  #finish(header: JpegHeader, timestamp: number): AccessUnit[] {
    const tables = this.#tables;
    const parts = this.#parts;
    this.#reset();
    if (tables === undefined) {
      return [];
    }
    const last = parts.at(-1);
    const hasEnd = last?.at(-2) === 0xff && last.at(-1) === 0xd9;
    const data = Buffer.concat([jpegHeaders(header, tables), ...parts, hasEnd ? new Uint8Array() : Uint8Array.of(0xff, 0xd9)]);
    const { width, height } = header;
    const isNew = width !== this.#size.width || height !== this.#size.height;
    this.#size = { width, height };
    const newTrack = { kind: "video", codec: "mjpeg", width, height, rotation: 0, frameRate: 0, codecPrivate: undefined } as const;
    return [{ data, timestamp, isKeyframe: true, isDamaged: false, ...(isNew ? { newTrack } : {}) }];
  }

  #reset(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#header = undefined;
  }
}

function parseHeader(payload: Uint8Array): JpegHeader | undefined {
  const buffer = asBuffer(payload);
  if (buffer.length < 8) {
    return undefined;
  }
  const offset = buffer.readUIntBE(1, 3);
  const type = buffer.readUInt8(4);
  const quality = buffer.readUInt8(5);
  let at = 8;
  let restartInterval = 0;
  // Types 0 and 1 are 4:2:2 and 4:2:0; 64 and 65 the same with restart markers.
  if ((type & 0xbe) !== 0 || buffer.readUInt8(6) === 0 || buffer.readUInt8(7) === 0) {
    return undefined;
  }
  if ((type & 64) !== 0) {
    if (buffer.length < at + 4) {
      return undefined;
    }
    restartInterval = buffer.readUInt16BE(at);
    at += 4;
  }
  const inBand = quality >= 128 && offset === 0 ? parseTables(buffer, at) : { tables: undefined, bytes: 0 };
  if (inBand === undefined) {
    return undefined;
  }
  at += inBand.bytes;
  const tables = quality > 0 && quality < 128 ? quantisationTables(quality) : inBand.tables;
  const [width, height] = [buffer.readUInt8(6) * 8, buffer.readUInt8(7) * 8];
  return { offset, type: type & 63, width, height, restartInterval, tables, scan: buffer.subarray(at) };
}

/** The quantisation table header of §3.1.8. No tables mean those of the picture before. */
function parseTables(buffer: Buffer, at: number): { tables: Uint8Array | undefined; bytes: number } | undefined {
  const length = buffer.length < at + 4 ? -1 : buffer.readUInt16BE(at + 2);
  if ((length !== 0 && length !== 64 && length !== 128) || buffer.length < at + 4 + length) {
    return undefined;
  }
  return { tables: length === 0 ? undefined : Uint8Array.from(buffer.subarray(at + 4, at + 4 + length)), bytes: 4 + length };
}

/** The segments before the scan (RFC 2435 Appendix B). */
function jpegHeaders(header: JpegHeader, tables: Uint8Array): Uint8Array {
  const second = tables.length >= 128 ? 1 : 0;
  const parts: Uint8Array[] = [Uint8Array.of(0xff, 0xd8, 0xff, 0xdb, 0, 67, 0), tables.subarray(0, 64)];
  if (second === 1) {
    parts.push(Uint8Array.of(0xff, 0xdb, 0, 67, 1), tables.subarray(64, 128));
  }
  if (header.restartInterval > 0) {
    parts.push(Uint8Array.of(0xff, 0xdd, 0, 4, header.restartInterval >> 8, header.restartInterval & 255));
  }
  const sampling = header.type === 0 ? 0x21 : 0x22;
  const { width, height } = header;
  parts.push(
    Uint8Array.of(0xff, 0xc0, 0, 17, 8, height >> 8, height & 255, width >> 8, width & 255, 3, 1, sampling, 0, 2, 0x11, second, 3, 0x11, second),
    HUFFMAN_SEGMENTS,
    Uint8Array.of(0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0),
  );
  return Buffer.concat(parts);
}
