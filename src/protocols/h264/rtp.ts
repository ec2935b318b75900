import { asBuffer } from "../as-buffer.ts";
import { AccessUnitAssembler } from "../nal/access-unit-assembler.ts";
import { FragmentJoiner } from "../nal/fragment-joiner.ts";
import type { AccessUnit, Depayloader } from "../rtp/depayloader.ts";
import type { OrderedPacket } from "../rtp/reorder-buffer.ts";
import { H264 } from "./h264.ts";

/** Payload types of RFC 6184 table 1. */
const STAP_A = 24;
const STAP_B = 25;
const FU_A = 28;
const FU_B = 29;

/** H.264 out of RTP (RFC 6184): single units, STAP-A and -B, FU-A and -B. */
export class H264Depayloader implements Depayloader {
  readonly #assembler: AccessUnitAssembler;
  readonly #fragments = new FragmentJoiner();

  /** `parameterSets`: those of the session description. */
  constructor(parameterSets: readonly Uint8Array[]) {
    this.#assembler = new AccessUnitAssembler(H264, parameterSets);
  }

  push({ packet, lost }: OrderedPacket): AccessUnit[] {
    let isDamaged = lost > 0;
    if (lost > 0) {
      this.#fragments.drop();
    }
    const { payload } = packet;
    const type = (payload[0] ?? 0) & 31;
    const units: Uint8Array[] = [];
    if (type === FU_A || type === FU_B) {
      const unit = this.#fragment(payload, type === FU_B ? 4 : 2);
      isDamaged ||= unit === undefined && !this.#fragments.isOpen;
      if (unit !== undefined) {
        units.push(unit);
      }
    } else {
      // A unit whose end bit was forgotten ends where another begins.
      const unfinished = this.#fragments.finish();
      if (unfinished !== undefined) {
        units.push(unfinished);
      }
      units.push(...whole(payload, type));
    }
    return this.#assembler.push(units, packet.timestamp, packet.marker, isDamaged);
  }

  #fragment(payload: Uint8Array, headerBytes: number): Uint8Array | undefined {
    if (payload.length <= headerBytes) {
      return undefined;
    }
    const [indicator = 0, header = 0] = payload;
    const rebuilt = Uint8Array.of((indicator & 0xe0) | (header & 31));
    return this.#fragments.push(rebuilt, payload.subarray(headerBytes), (header & 0x80) !== 0, (header & 0x40) !== 0);
  }
}

function whole(payload: Uint8Array, type: number): Uint8Array[] {
  if (type === STAP_A || type === STAP_B) {
    return splitAggregate(payload.subarray(type === STAP_B ? 3 : 1));
  }
  // Start codes in place of a header: the whole is an Annex B stream, which the assembler splits.
  return (type >= 1 && type <= 23) || type === 0 ? [payload] : [];
}

/** Units with a 16-bit length before each. A length beyond the end stops the reading. */
export function splitAggregate(bytes: Uint8Array): Uint8Array[] {
  const buffer = asBuffer(bytes);
  const units: Uint8Array[] = [];
  let offset = 0;
  while (offset + 2 < buffer.length) {
    const length = buffer.readUInt16BE(offset);
    offset += 2;
    if (length === 0 || offset + length > buffer.length) {
      break;
    }
    units.push(buffer.subarray(offset, offset + length));
    offset += length;
  }
  return units;
}

/** NAL units of one access unit as RTP payloads: small neighbours together (STAP-A), large units in pieces (FU-A). */
export function payloadH264(units: readonly Uint8Array[], maxBytes: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let groupBytes = 1;
  const flush = (): void => {
    if (group.length > 0) {
      payloads.push(group.length === 1 ? (group[0] ?? new Uint8Array()) : aggregate(group));
    }
    group = [];
    groupBytes = 1;
  };
  for (const unit of units) {
    if (unit.length > maxBytes) {
      flush();
      payloads.push(...fragment(unit, maxBytes));
      continue;
    }
    if (groupBytes + 2 + unit.length > maxBytes) {
      flush();
    }
    group.push(unit);
    groupBytes += 2 + unit.length;
  }
  flush();
  return payloads;
}

function aggregate(units: readonly Uint8Array[]): Uint8Array {
  // The highest nal_ref_idc of the units (RFC 6184 §5.7).
  const reference = Math.max(...units.map((unit) => (unit[0] ?? 0) & 0x60));
  const parts: Uint8Array[] = [Uint8Array.of(reference | STAP_A)];
  for (const unit of units) {
    parts.push(Uint8Array.of(unit.length >> 8, unit.length & 255), unit);
  }
  return Buffer.concat(parts);
}

function fragment(unit: Uint8Array, maxBytes: number): Uint8Array[] {
  const header = unit[0] ?? 0;
  const payloads: Uint8Array[] = [];
  for (let offset = 1; offset < unit.length; offset += maxBytes - 2) {
    const piece = unit.subarray(offset, offset + maxBytes - 2);
    const edges = (offset === 1 ? 0x80 : 0) | (offset + piece.length === unit.length ? 0x40 : 0);
    const payload = new Uint8Array(2 + piece.length);
    payload.set([(header & 0xe0) | FU_A, edges | (header & 31)]);
    payload.set(piece, 2);
    payloads.push(payload);
  }
  return payloads;
}
