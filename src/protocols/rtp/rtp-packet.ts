import { asBuffer } from "../as-buffer.ts";

/** An RTP packet (RFC 3550 §5.1) without its CSRC list, extension and padding. */
export interface RtpPacket {
  readonly payloadType: number;
  /** For video: the last packet of a picture. */
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, in units of the payload's clock. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
}

/** Bytes before the payload in the packets that this program writes. */
export const RTP_HEADER_BYTES = 12;

/** Reads an RTP packet; the payload is a view on the input. Undefined when it is not one. */
export function parseRtp(bytes: Uint8Array): RtpPacket | undefined {
  if (bytes.length < RTP_HEADER_BYTES) {
    return undefined;
  }
  const buffer = asBuffer(bytes);
  const first = buffer.readUInt8(0);
  if (first >> 6 !== 2) {
    return undefined;
  }
  let start = RTP_HEADER_BYTES + (first & 15) * 4;
  if ((first & 16) !== 0) {
    if (start + 4 > buffer.length) {
      return undefined;
    }
    start += 4 + buffer.readUInt16BE(start + 2) * 4;
  }
  const padding = (first & 32) !== 0 ? buffer.readUInt8(buffer.length - 1) : 0;
  const end = buffer.length - padding;
  if (start > end) {
    return undefined;
  }
  const second = buffer.readUInt8(1);
  return {
    payloadType: second & 127,
    marker: second > 127,
    sequence: buffer.readUInt16BE(2),
    timestamp: buffer.readUInt32BE(4),
    ssrc: buffer.readUInt32BE(8),
    payload: buffer.subarray(start, end),
  };
}

/** Writes an RTP packet, leaving `headroom` bytes free before it (for the four of RTSP's interleaving). Copies. */
export function writeRtp(packet: RtpPacket, headroom = 0): Buffer {
  const bytes = Buffer.allocUnsafe(headroom + RTP_HEADER_BYTES + packet.payload.length);
  bytes.fill(0, 0, headroom);
  bytes.writeUInt8(0x80, headroom);
  bytes.writeUInt8((packet.payloadType & 127) | (packet.marker ? 128 : 0), headroom + 1);
  bytes.writeUInt16BE(packet.sequence & 0xffff, headroom + 2);
  bytes.writeUInt32BE(packet.timestamp >>> 0, headroom + 4);
  bytes.writeUInt32BE(packet.ssrc >>> 0, headroom + 8);
  bytes.set(packet.payload, headroom + RTP_HEADER_BYTES);
  return bytes;
}
