/** Thrown when a parameter set ends before its syntax does. Caught by the parsers of this folder's users. */
export class OutOfBits extends Error {
  override readonly name = "OutOfBits";
}

/**
 * Reads the bits of a raw byte sequence payload: fixed-length and Exp-Golomb codes (H.264 §7.2, §9.1). Takes the NAL
 * unit with its emulation prevention bytes and removes them.
 */
export class BitReader {
  readonly #bytes: Uint8Array;
  #bit = 0;

  /** `skip`: bytes of NAL header to leave out. */
  constructor(nalUnit: Uint8Array, skip: number) {
    this.#bytes = removeEmulationPrevention(nalUnit.subarray(skip));
  }

  /** Up to 32 bits as an unsigned number. */
  bits(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) {
      const byte = this.#bytes[this.#bit >> 3];
      if (byte === undefined) {
        throw new OutOfBits("parameter set ends too early");
      }
      value = value * 2 + ((byte >> (7 - (this.#bit & 7))) & 1);
      this.#bit++;
    }
    return value;
  }

  /** One bit as a claim. */
  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** Passes over any number of bits. */
  skip(count: number): void {
    this.#bit += count;
    if (this.#bit > this.#bytes.length * 8) {
      throw new OutOfBits("parameter set ends too early");
    }
  }

  /** Unsigned Exp-Golomb code, ue(v). */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros++;
      if (zeros > 32) {
        throw new OutOfBits("Exp-Golomb code longer than 32 bits");
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Signed Exp-Golomb code, se(v). */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}

/** Removes the 3 of every 0 0 3 (H.264 §7.4.1.1). Copies only when there is one. */
function removeEmulationPrevention(bytes: Uint8Array): Uint8Array {
  const kept = new Uint8Array(bytes.length);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    kept[length++] = byte;
  }
  return kept.subarray(0, length);
}
