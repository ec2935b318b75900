/**
 * NVSS's framing: an endless repetition of an unsigned 64-bit big-endian byte count and that many bytes of one JPEG
 * file. Nothing else is on the wire: no handshake, no acknowledgement, no end marker.
 */

/** Bytes before each JPEG. */
export const HEADER_BYTES = 8;

/** Longest JPEG taken: the original trusted any length, which lets a peer claim all memory. */
export const MAX_JPEG_BYTES = 64 * 1024 * 1024;

/** Header and JPEG in one piece, as both ends of the original send it. */
export function encodeFrame(jpeg: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_BYTES + jpeg.length);
  new DataView(message.buffer).setBigUint64(0, BigInt(jpeg.length));
  message.set(jpeg, HEADER_BYTES);
  return message;
}

/** A stream that does not follow the framing. The connection is of no further use: the next message cannot be found. */
export class NvssFramingError extends Error {
  override readonly name = "NvssFramingError";
}

/** Cuts received bytes into messages, however they were split. Holds at most one message and its header. */
export class FrameParser {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #expected: number | undefined;

  constructor(maxBytes: number = MAX_JPEG_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** True in the middle of a message: an end here means that the peer was cut off. */
  get isInsideMessage(): boolean {
    return this.#held > 0;
  }

  /** The messages completed by these bytes. Throws {@link NvssFramingError} for a length beyond the limit. */
  push(chunk: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    while (true) {
      if (this.#expected === undefined) {
        if (this.#held < HEADER_BYTES) {
          return messages;
        }
        this.#expected = this.#length(this.#take(HEADER_BYTES));
      }
      if (this.#held < this.#expected) {
        return messages;
      }
      messages.push(this.#take(this.#expected));
      this.#expected = undefined;
    }
  }

  #length(header: Uint8Array): number {
    const length = new DataView(header.buffer, header.byteOffset).getBigUint64(0);
    if (length > BigInt(this.#maxBytes)) {
      throw new NvssFramingError(`a message of ${length} bytes was announced, at most ${this.#maxBytes} are taken`);
    }
    return Number(length);
  }

  /** Removes `count` bytes from the front, as one piece. */
  #take(count: number): Uint8Array {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= count) {
      this.#chunks[0] = first.subarray(count);
      this.#held -= count;
      return first.subarray(0, count);
    }
    const joined = Buffer.concat(this.#chunks, this.#held);
    this.#chunks = [joined.subarray(count)];
    this.#held -= count;
    return joined.subarray(0, count);
  }
}

/** True for what begins and ends like a JPEG file. */
export function looksLikeJpeg(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[bytes.length - 2] === 0xff && bytes[bytes.length - 1] === 0xd9;
}
