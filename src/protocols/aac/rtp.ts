import { asBuffer } from "../as-buffer.ts";
import type { AccessUnit, Depayloader } from "../rtp/depayloader.ts";
import type { OrderedPacket } from "../rtp/reorder-buffer.ts";

/** Field widths of the AU headers, from `fmtp` (RFC 3640 §4.1). */
export interface AuHeaderBits {
  readonly size: number;
  readonly index: number;
  readonly indexDelta: number;
}

/** Samples in one AAC access unit. */
const SAMPLES_PER_UNIT = 1024;
/** No AAC access unit is longer: 8 channels × 6144 bits. */
const MAX_UNIT_BYTES = 8 * 768;

/** AAC out of RTP (mpeg4-generic, modes AAC-hbr and AAC-lbr, RFC 3640): several units a packet, or one in pieces. */
export class AacDepayloader implements Depayloader {
  readonly #bits: AuHeaderBits;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;

  constructor(bits: AuHeaderBits) {
    this.#bits = bits;
  }

  push({ packet, lost }: OrderedPacket): AccessUnit[] {
    if (lost > 0) {
      this.#pieces = [];
      this.#pieceBytes = 0;
    }
    const payload = asBuffer(packet.payload);
    if (payload.length < 2) {
      return [];
    }
    const headerBits = payload.readUInt16BE(0);
    const headerBytes = Math.ceil(headerBits / 8);
    const sizes = this.#sizes(payload.subarray(2, 2 + headerBytes), headerBits);
    const units: AccessUnit[] = [];
    let offset = 2 + headerBytes;
    for (const [index, size] of sizes.entries()) {
      const data = payload.subarray(offset, offset + size);
      offset += size;
      const whole = data.length === size ? this.#single(data) : this.#piece(data, size);
      if (whole !== undefined) {
        const timestamp = (packet.timestamp + index * SAMPLES_PER_UNIT) >>> 0;
        units.push({ data: whole, timestamp, isKeyframe: true, isDamaged: lost > 0 });
      }
    }
    return units;
  }

  #single(data: Uint8Array): Uint8Array | undefined {
    this.#pieces = [];
    this.#pieceBytes = 0;
    return data.length === 0 ? undefined : Uint8Array.from(data);
  }

  /** One unit over several packets: each says the size of the whole (RFC 3640 §3.2.3.2). */
  #piece(data: Uint8Array, size: number): Uint8Array | undefined {
    if (size > MAX_UNIT_BYTES || this.#pieceBytes + data.length > size) {
      this.#pieces = [];
      this.#pieceBytes = 0;
      return undefined;
    }
    this.#pieces.push(data);
    this.#pieceBytes += data.length;
    if (this.#pieceBytes < size) {
      return undefined;
    }
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return whole;
  }

  #sizes(headers: Buffer, bits: number): number[] {
    const sizes: number[] = [];
    let at = 0;
    while (sizes.length < 64) {
      const indexBits = sizes.length === 0 ? this.#bits.index : this.#bits.indexDelta;
      if (this.#bits.size === 0 || at + this.#bits.size + indexBits > Math.min(bits, headers.length * 8)) {
        break;
      }
      let size = 0;
      for (let bit = at; bit < at + this.#bits.size; bit++) {
        size = size * 2 + (((headers[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
      }
      sizes.push(size);
      at += this.#bits.size + indexBits;
    }
    return sizes;
  }
}

/** One AAC access unit (without ADTS) as RTP payloads, mode AAC-hbr. */
export function payloadAac(unit: Uint8Array, maxBytes: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (let offset = 0; offset < unit.length; offset += maxBytes - 4) {
    const piece = unit.subarray(offset, offset + maxBytes - 4);
    const payload = new Uint8Array(4 + piece.length);
    payload.set([0, 16, (unit.length >> 5) & 255, (unit.length & 31) << 3]);
    payload.set(piece, 4);
    payloads.push(payload);
  }
  return payloads;
}
