import type { VideoTrack } from "../../domain/packet.ts";
import { MAX_ACCESS_UNIT_BYTES } from "../rtp/depayloader.ts";
import type { AccessUnit, Depayloader } from "../rtp/depayloader.ts";
import type { OrderedPacket } from "../rtp/reorder-buffer.ts";

/** VP8 out of RTP (RFC 7741): a frame is the payloads up to the marker, without their descriptors. */
export class Vp8Depayloader implements Depayloader {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #timestamp = 0;
  #isDamaged = false;
  #size = "";

  push({ packet, lost }: OrderedPacket): AccessUnit[] {
    const start = descriptorLength(packet.payload);
    if (packet.timestamp !== this.#timestamp) {
      // A frame whose marker was lost is not finished.
      this.#parts = [];
      this.#bytes = 0;
      this.#isDamaged = lost > 0;
      this.#timestamp = packet.timestamp;
    }
    this.#isDamaged ||= lost > 0 || start === undefined || (this.#parts.length === 0 && !startsFrame(packet.payload));
    const content = packet.payload.subarray(start ?? packet.payload.length);
    if (this.#bytes + content.length <= MAX_ACCESS_UNIT_BYTES) {
      this.#parts.push(content);
      this.#bytes += content.length;
    }
    return packet.marker ? this.#finish() : [];
  }

  #finish(): AccessUnit[] {
    const data = Buffer.concat(this.#parts);
    const isDamaged = this.#isDamaged;
    this.#parts = [];
    this.#bytes = 0;
    this.#isDamaged = false;
    if (data.length === 0) {
      return [];
    }
    const size = isDamaged ? undefined : keyframeSize(data);
    const isNew = size !== undefined && `${size.width}×${size.height}` !== this.#size;
    if (isNew) {
      this.#size = `${size.width}×${size.height}`;
    }
    const track: VideoTrack = { kind: "video", codec: "vp8", width: size?.width ?? 0, height: size?.height ?? 0, rotation: 0, frameRate: 0, codecPrivate: undefined };
    return [{ data, timestamp: this.#timestamp, isKeyframe: size !== undefined, isDamaged, ...(isNew ? { newTrack: track } : {}) }];
  }
}

/** Length of the payload descriptor (§4.2); undefined when it is longer than the payload. */
function descriptorLength(payload: Uint8Array): number | undefined {
  const [first = 0, extension = 0] = payload;
  let length = 1;
  if ((first & 0x80) !== 0) {
    length += 1;
    if ((extension & 0x80) !== 0) {
      // The picture's number has 7 bits, or 15.
      length += ((payload[length] ?? 0) & 0x80) !== 0 ? 2 : 1;
    }
    length += (extension & 0x40) !== 0 ? 1 : 0;
    length += (extension & 0x30) !== 0 ? 1 : 0;
  }
  return length < payload.length ? length : undefined;
}

/** Start of the first partition (§4.2: S set, PID zero). */
function startsFrame(payload: Uint8Array): boolean {
  return ((payload[0] ?? 0) & 0x17) === 0x10;
}

/** Size of a keyframe (RFC 6386 §9.1); undefined for other frames. */
function keyframeSize(data: Buffer): { width: number; height: number } | undefined {
  if (data.length < 10 || (data.readUInt8(0) & 1) !== 0 || data.readUIntBE(3, 3) !== 0x9d012a) {
    return undefined;
  }
  return { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff };
}
