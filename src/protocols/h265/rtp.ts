import { splitAggregate } from "../h264/rtp.ts";
import { AccessUnitAssembler } from "../nal/access-unit-assembler.ts";
import { FragmentJoiner } from "../nal/fragment-joiner.ts";
import type { AccessUnit, Depayloader } from "../rtp/depayloader.ts";
import type { OrderedPacket } from "../rtp/reorder-buffer.ts";
import { H265, h265UnitType } from "./h265.ts";

/** Payload types of RFC 7798 §4.4. */
const AP = 48;
const FU = 49;
const HEADER_BYTES = 2;

/** H.265 out of RTP (RFC 7798): single units, aggregation packets, fragmentation units; without DONL. */
export class H265Depayloader implements Depayloader {
  readonly #assembler: AccessUnitAssembler;
  readonly #fragments = new FragmentJoiner();

  /** `parameterSets`: those of the session description. */
  constructor(parameterSets: readonly Uint8Array[]) {
    this.#assembler = new AccessUnitAssembler(H265, parameterSets);
  }

  push({ packet, lost }: OrderedPacket): AccessUnit[] {
    let isDamaged = lost > 0;
    if (lost > 0) {
      this.#fragments.drop();
    }
    const { payload } = packet;
    const type = h265UnitType(payload);
    const units: Uint8Array[] = [];
    if (type === FU && payload.length > 3) {
      const [first = 0, second = 0, header = 0] = payload;
      const rebuilt = Uint8Array.of((first & 0x81) | ((header & 63) << 1), second);
      const unit = this.#fragments.push(rebuilt, payload.subarray(3), (header & 0x80) !== 0, (header & 0x40) !== 0);
      isDamaged ||= unit === undefined && !this.#fragments.isOpen;
      if (unit !== undefined) {
        units.push(unit);
      }
    } else if (payload.length > HEADER_BYTES) {
      const unfinished = this.#fragments.finish();
      if (unfinished !== undefined) {
        units.push(unfinished);
      }
      if (type === AP) {
        units.push(...splitAggregate(payload.subarray(HEADER_BYTES)));
      } else if (type < AP) {
        units.push(payload);
      }
    }
    return this.#assembler.push(units, packet.timestamp, packet.marker, isDamaged);
  }
}

/** NAL units of one access unit as RTP payloads: small neighbours together (AP), large units in pieces (FU). */
export function payloadH265(units: readonly Uint8Array[], maxBytes: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let groupBytes = HEADER_BYTES;
  const flush = (): void => {
    if (group.length > 0) {
      payloads.push(group.length === 1 ? (group[0] ?? new Uint8Array()) : aggregate(group));
    }
    group = [];
    groupBytes = HEADER_BYTES;
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
  // The lowest layer and temporal identifiers of the units (RFC 7798 §4.4.2).
  const second = Math.min(...units.map((unit) => unit[1] ?? 1));
  const parts: Uint8Array[] = [Uint8Array.of(AP << 1, second)];
  for (const unit of units) {
    parts.push(Uint8Array.of(unit.length >> 8, unit.length & 255), unit);
  }
  return Buffer.concat(parts);
}

function fragment(unit: Uint8Array, maxBytes: number): Uint8Array[] {
  const [first = 0, second = 0] = unit;
  const type = h265UnitType(unit);
  const payloads: Uint8Array[] = [];
  for (let offset = HEADER_BYTES; offset < unit.length; offset += maxBytes - 3) {
    const piece = unit.subarray(offset, offset + maxBytes - 3);
    const edges = (offset === HEADER_BYTES ? 0x80 : 0) | (offset + piece.length === unit.length ? 0x40 : 0);
    const payload = new Uint8Array(3 + piece.length);
    payload.set([(first & 0x81) | (FU << 1), second, edges | type]);
    payload.set(piece, 3);
    payloads.push(payload);
  }
  return payloads;
}
