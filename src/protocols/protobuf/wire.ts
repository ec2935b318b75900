import { VedetteError } from "../../errors.ts";

/**
 * The protocol buffers wire format (https://protobuf.dev/programming-guides/encoding/): varints, little-endian fixed
 * widths, length-delimited bytes. Hosts are taken to be little-endian, as all that Node.js is built for are, or nearly.
 */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Byte strings from this size on are not copied until the message is put together. */
const BY_REFERENCE = 512;

/** Collects a message. Large byte strings are kept by reference and copied once, by {@link finish}. */
export class Writer {
  readonly #parts: Uint8Array[] = [];
  #buffer = Buffer.allocUnsafe(256);
  #used = 0;
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes + this.#used;
  }

  varint(value: number): void {
    if (value < 0) {
      // Negative int32 and int64 are ten bytes long: two's complement of 64 bits.
      this.varint64(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#used++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#used++] = rest;
  }

  varint64(value: bigint): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.#buffer[this.#used++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#used++] = Number(rest);
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#used = this.#buffer.writeFloatLE(value, this.#used);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#used = this.#buffer.writeDoubleLE(value, this.#used);
  }

  /** Length and bytes. */
  bytes(value: Uint8Array): void {
    this.varint(value.byteLength);
    if (value.byteLength >= BY_REFERENCE) {
      this.#cut();
      this.#parts.push(value);
      this.#sizeBytes += value.byteLength;
      return;
    }
    this.#reserve(value.byteLength);
    this.#buffer.set(value, this.#used);
    this.#used += value.byteLength;
  }

  /** Length and bytes of a nested message. */
  nested(message: Writer): void {
    this.varint(message.sizeBytes);
    message.#cut();
    this.#cut();
    this.#parts.push(...message.#parts);
    this.#sizeBytes += message.#sizeBytes;
  }

  /** The whole message, in new memory. */
  finish(): Buffer {
    this.#cut();
    return Buffer.concat(this.#parts, this.#sizeBytes);
  }

  #cut(): void {
    if (this.#used > 0) {
      this.#parts.push(this.#buffer.subarray(0, this.#used));
      this.#sizeBytes += this.#used;
      this.#buffer = this.#buffer.subarray(this.#used);
      this.#used = 0;
    }
  }

  #reserve(bytes: number): void {
    if (this.#buffer.length - this.#used < bytes) {
      this.#cut();
      this.#buffer = Buffer.allocUnsafe(Math.max(256, bytes));
    }
  }
}

/** Reads a message without copying: byte strings are views. Every length is checked; faults throw `E_WIRE`. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  #at = 0;

  /** `where` names the message in errors. */
  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.byteLength;
  }

  /** At most 53 bits; larger numbers must be read with {@link varint64}. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        // The ten bytes of a negative number come here as an unsigned number near 2^64.
        return value > Number.MAX_SAFE_INTEGER ? this.#large(i + 1) : value;
      }
      factor *= 0x80;
    }
    throw this.fault("a varint of at most 10 bytes", "a longer one");
  }

  varint64(): bigint {
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << (7n * i);
      if (byte < 0x80) {
        return BigInt.asUintN(64, value);
      }
    }
    throw this.fault("a varint of at most 10 bytes", "a longer one");
  }

  tag(): { readonly number: number; readonly wireType: number } {
    const tag = this.varint();
    const number = Math.floor(tag / 8);
    if (number < 1 || number > 0x1fffffff) {
      throw this.fault("a field number of 1 to 536870911", String(number));
    }
    return { number, wireType: tag % 8 };
  }

  float(): number {
    const at = this.#advance(4);
    return this.#view.getFloat32(at, true);
  }

  double(): number {
    const at = this.#advance(8);
    return this.#view.getFloat64(at, true);
  }

  bytes(): Uint8Array {
    const length = this.varint();
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Passes over a field that is not known. */
  skip(wireType: number): void {
    switch (wireType) {
      case WIRE.varint:
        this.varint64();
        return;
      case WIRE.fixed64:
        this.#advance(8);
        return;
      case WIRE.bytes:
        this.bytes();
        return;
      case WIRE.fixed32:
        this.#advance(4);
        return;
      default:
        throw this.fault("wire type 0, 1, 2 or 5", String(wireType));
    }
  }

  fault(expected: string, got: string): VedetteError {
    return new VedetteError("E_WIRE", { where: `${this.#where} at byte ${this.#at}`, expected, got });
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) {
      throw this.fault("more bytes", "the end");
    }
    this.#at++;
    return byte;
  }

  #large(length: number): number {
    this.#at -= length;
    const value = BigInt.asIntN(64, this.varint64());
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
      throw this.fault("an integer of at most 53 bits", String(value));
    }
    return Number(value);
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length < 0 || length > this.#bytes.byteLength - at) {
      throw this.fault(`${length} more bytes`, String(this.#bytes.byteLength - at));
    }
    this.#at += length;
    return at;
  }
}
