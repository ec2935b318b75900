/**
 * EBML, the binary form beneath Matroska (RFC 8794): elements of an id, a size and a body. Writing only knows what the
 * sender of a live stream needs; reading is incremental, for streams that never end.
 */

/** Element ids (RFC 9559 §5, IANA "Matroska Element IDs"), marker bits included. */
export const ID = {
  ebml: 0x1a45dfa3,
  ebmlVersion: 0x4286,
  ebmlReadVersion: 0x42f7,
  ebmlMaxIdLength: 0x42f2,
  ebmlMaxSizeLength: 0x42f3,
  docType: 0x4282,
  docTypeVersion: 0x4287,
  docTypeReadVersion: 0x4285,
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  info: 0x1549a966,
  segmentUid: 0x73a4,
  timecodeScale: 0x2ad7b1,
  title: 0x7ba9,
  muxingApp: 0x4d80,
  writingApp: 0x5741,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  codecId: 0x86,
  trackName: 0x536e,
  codecPrivate: 0x63a2,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  cluster: 0x1f43b675,
  timecode: 0xe7,
  position: 0xa7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  blockDuration: 0x9b,
  referenceBlock: 0xfb,
  tags: 0x1254c367,
  tag: 0x7373,
  simpleTag: 0x67c8,
  tagName: 0x45a3,
  tagString: 0x4487,
  cues: 0x1c53bb6b,
  chapters: 0x1043a770,
  attachments: 0x1941a469,
  void: 0xec,
  crc32: 0xbf,
} as const;

/** How many bytes a size takes: as few as fit, or a fixed number (a sender's habit that receivers may rely on). */
export type SizeLength = "shortest" | 1 | 2 | 4 | 8;

/** The bytes of an element id. */
export function encodeId(id: number): Uint8Array {
  const length = id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1;
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(id, 0, length);
  return bytes;
}

/** The bytes of a size (RFC 8794 §4). Throws a RangeError when it does not fit the length. */
export function encodeSize(size: number, length: SizeLength = "shortest"): Uint8Array {
  let bytes = length === "shortest" ? 1 : length;
  if (length === "shortest") {
    // All ones is "unknown", so the largest value of each length is taken.
    while (size >= 2 ** (7 * bytes) - 1) {
      bytes++;
    }
  }
  if (bytes > 8 || size >= 2 ** (7 * bytes) - 1) {
    throw new RangeError(`a size of ${size} does not fit ${bytes} bytes`);
  }
  const out = Buffer.alloc(bytes);
  // Sizes stay below 2^48, so the first two of eight bytes carry the marker alone.
  out.writeUIntBE(size, Math.max(0, bytes - 6), Math.min(bytes, 6));
  out[0] = (out[0] ?? 0) | (0x80 >> (bytes - 1));
  return out;
}

/** An element with its body. */
export function element(id: number, body: Uint8Array | readonly Uint8Array[], sizeLength: SizeLength = "shortest"): Buffer {
  const content = body instanceof Uint8Array ? body : Buffer.concat(body);
  return Buffer.concat([encodeId(id), encodeSize(content.length, sizeLength), content]);
}

/** An unsigned integer element, in as few bytes as it takes or in a fixed number. */
export function uintElement(id: number, value: number, bytes?: 1 | 2 | 8): Buffer {
  let length = bytes ?? 1;
  while (bytes === undefined && value >= 2 ** (8 * length)) {
    length++;
  }
  const body = Buffer.alloc(length);
  body.writeUIntBE(value, Math.max(0, length - 6), Math.min(length, 6));
  return element(id, body);
}

/** A text element in UTF-8. */
export function textElement(id: number, text: string, sizeLength: SizeLength = "shortest"): Buffer {
  return element(id, Buffer.from(text, "utf8"), sizeLength);
}

/** An unsigned integer body; undefined when it is longer than eight bytes. */
export function readUint(body: Uint8Array): number | undefined {
  if (body.length > 8) {
    return undefined;
  }
  return body.reduce((value, byte) => value * 256 + byte, 0);
}
