import { asBuffer } from "../as-buffer.ts";
import type { WallTimeMs } from "../../domain/time.ts";
import { wallTimeMs } from "../../domain/time.ts";

/** What a receiver says about one sender (RFC 3550 §6.4.1). */
export interface ReportBlock {
  readonly ssrc: number;
  /** Share of packets lost since the last report, 0…255 of 256. */
  readonly fractionLost: number;
  /** Packets lost since the start; negative when duplicates came. */
  readonly lost: number;
  readonly highestSequence: number;
  /** Interarrival jitter in timestamp units. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report; 0 when none came. */
  readonly lastSenderReport: number;
  /** Time since then in 1/65536 s. */
  readonly delaySinceLastSenderReport: number;
}

/** An RTCP packet (RFC 3550 §6); kinds that are not used are left out by the parser. */
export type RtcpPacket =
  | {
      readonly kind: "sender-report";
      readonly ssrc: number;
      /** Wall-clock time of {@link rtpTimestamp}. */
      readonly wallTimeMs: WallTimeMs;
      /** Middle 32 bits of the NTP time, to be echoed in receiver reports. */
      readonly ntpMiddle: number;
      readonly rtpTimestamp: number;
      readonly packets: number;
      readonly octets: number;
      readonly reports: readonly ReportBlock[];
    }
  | { readonly kind: "receiver-report"; readonly ssrc: number; readonly reports: readonly ReportBlock[] }
  | { readonly kind: "source-name"; readonly ssrc: number; readonly cname: string }
  | { readonly kind: "bye"; readonly ssrcs: readonly number[] };

/** Seconds between the NTP epoch (1900) and the Unix one. */
const NTP_OFFSET_S = 2_208_988_800;

/** Reads a compound packet. Stops where it stops making sense; what was read before that is kept. Never throws. */
export function parseRtcp(bytes: Uint8Array): RtcpPacket[] {
  const buffer = asBuffer(bytes);
  const packets: RtcpPacket[] = [];
  let offset = 0;
  while (offset + 4 <= buffer.length && buffer.readUInt8(offset) >> 6 === 2) {
    const end = offset + 4 + buffer.readUInt16BE(offset + 2) * 4;
    if (end > buffer.length) {
      break;
    }
    const read = READERS[buffer.readUInt8(offset + 1)];
    const packet = read?.(buffer.subarray(offset + 4, end), buffer.readUInt8(offset) & 31);
    if (packet !== undefined) {
      packets.push(packet);
    }
    offset = end;
  }
  return packets;
}

const READERS: Readonly<Record<number, (body: Buffer, count: number) => RtcpPacket | undefined>> = {
  200: (body, count) => {
    if (body.length < 24) {
      return undefined;
    }
    const seconds = body.readUInt32BE(4);
    const fraction = body.readUInt32BE(8);
    return {
      kind: "sender-report",
      ssrc: body.readUInt32BE(0),
      // Times before 1968 belong to the next NTP era, which begins in 2036 (RFC 2030 §3).
      wallTimeMs: wallTimeMs((seconds + (seconds < 0x80000000 ? 2 ** 32 : 0) - NTP_OFFSET_S) * 1000 + (fraction / 2 ** 32) * 1000),
      ntpMiddle: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0,
      rtpTimestamp: body.readUInt32BE(12),
      packets: body.readUInt32BE(16),
      octets: body.readUInt32BE(20),
      reports: readReports(body, 24, count),
    };
  },
  201: (body, count) =>
    body.length < 4 ? undefined : { kind: "receiver-report", ssrc: body.readUInt32BE(0), reports: readReports(body, 4, count) },
  202: (body) => {
    // The first chunk's CNAME (type 1): item type, length, text.
    if (body.length < 6 || body.readUInt8(4) !== 1) {
      return undefined;
    }
    return { kind: "source-name", ssrc: body.readUInt32BE(0), cname: body.toString("utf8", 6, 6 + body.readUInt8(5)) };
  },
  203: (body, count) => {
    const ssrcs: number[] = [];
    for (let index = 0; index < count && (index + 1) * 4 <= body.length; index++) {
      ssrcs.push(body.readUInt32BE(index * 4));
    }
    return { kind: "bye", ssrcs };
  },
};

function readReports(body: Buffer, start: number, count: number): ReportBlock[] {
  const reports: ReportBlock[] = [];
  for (let index = 0; index < count && start + (index + 1) * 24 <= body.length; index++) {
    const at = start + index * 24;
    reports.push({
      ssrc: body.readUInt32BE(at),
      fractionLost: body.readUInt8(at + 4),
      lost: body.readIntBE(at + 5, 3),
      highestSequence: body.readUInt32BE(at + 8),
      jitter: body.readUInt32BE(at + 12),
      lastSenderReport: body.readUInt32BE(at + 16),
      delaySinceLastSenderReport: body.readUInt32BE(at + 20),
    });
  }
  return reports;
}

/** Writes one RTCP packet; a compound packet is their concatenation, beginning with a report (RFC 3550 §6.1). */
export function writeRtcp(packet: RtcpPacket): Buffer {
  switch (packet.kind) {
    case "sender-report": {
      const body = Buffer.alloc(24);
      const seconds = Math.floor(packet.wallTimeMs / 1000);
      body.writeUInt32BE(packet.ssrc >>> 0, 0);
      body.writeUInt32BE((seconds + NTP_OFFSET_S) % 2 ** 32, 4);
      body.writeUInt32BE(Math.min(2 ** 32 - 1, Math.floor((packet.wallTimeMs / 1000 - seconds) * 2 ** 32)), 8);
      body.writeUInt32BE(packet.rtpTimestamp >>> 0, 12);
      body.writeUInt32BE(packet.packets >>> 0, 16);
      body.writeUInt32BE(packet.octets >>> 0, 20);
      return framed(200, packet.reports.length, [body, ...packet.reports.map(writeReport)]);
    }
    case "receiver-report":
      return framed(201, packet.reports.length, [word(packet.ssrc), ...packet.reports.map(writeReport)]);
    case "source-name": {
      const name = Buffer.from(packet.cname, "utf8").subarray(0, 255);
      // At least one zero byte ends the list of items; the chunk is padded to 32 bits (RFC 3550 §6.5).
      const items = Buffer.alloc(Math.ceil((2 + name.length + 1) / 4) * 4);
      items.set([1, name.length]);
      items.set(name, 2);
      return framed(202, 1, [word(packet.ssrc), items]);
    }
    case "bye":
      return framed(203, packet.ssrcs.length, packet.ssrcs.map(word));
  }
}

function framed(type: number, count: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.of(0x80 | (count & 31), type, (body.length / 4) >> 8, (body.length / 4) & 255), body]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function writeReport(report: ReportBlock): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32BE(report.ssrc >>> 0, 0);
  bytes.writeUInt8(report.fractionLost & 255, 4);
  bytes.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, report.lost)), 5, 3);
  bytes.writeUInt32BE(report.highestSequence >>> 0, 8);
  bytes.writeUInt32BE(report.jitter >>> 0, 12);
  bytes.writeUInt32BE(report.lastSenderReport >>> 0, 16);
  bytes.writeUInt32BE(report.delaySinceLastSenderReport >>> 0, 20);
  return bytes;
}
