import { inflateRawSync } from "node:zlib";
import { VedetteError } from "../errors.ts";

/**
 * Reads entries of a ZIP archive (APPNOTE.TXT 6.3.10, §4.3): the central directory says where they are and how large.
 * Nothing is unpacked by its own name, so names cannot lead anywhere. Throws `E_ARCHIVE` for what is not as it says.
 */
export class ZipArchive {
  readonly #file: string;
  readonly #bytes: Buffer;
  readonly #entries = new Map<string, { readonly method: number; readonly packed: number; readonly size: number; readonly at: number }>();

  constructor(file: string, bytes: Buffer) {
    this.#file = file;
    this.#bytes = bytes;
    this.#readDirectory();
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** An entry, unpacked; undefined when there is none of that name. `maxBytes` bounds what it may become. */
  read(name: string, maxBytes: number): Buffer | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      return undefined;
    }
    if (entry.size > maxBytes) {
      throw this.#fault(`expected ${name} to have at most ${maxBytes} bytes, got ${entry.size}`);
    }
    const head = this.#bytes;
    if (entry.at + 30 > head.length || head.readUInt32LE(entry.at) !== 0x04034b50) {
      throw this.#fault(`no entry where the directory says ${name} is`);
    }
    const start = entry.at + 30 + head.readUInt16LE(entry.at + 26) + head.readUInt16LE(entry.at + 28);
    const packed = head.subarray(start, start + entry.packed);
    if (packed.length !== entry.packed) {
      throw this.#fault(`${name} ends too early`);
    }
    if (entry.method === 0) {
      return packed;
    }
    if (entry.method !== 8) {
      throw this.#fault(`${name} is compressed by method ${entry.method}, expected 0 or 8`);
    }
    try {
      const data = inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.size) });
      if (data.length !== entry.size) {
        throw this.#fault(`expected ${name} to have ${entry.size} bytes, got ${data.length}`);
      }
      return data;
    } catch (error) {
      throw error instanceof VedetteError ? error : this.#fault(`${name} cannot be unpacked`, error);
    }
  }

  #readDirectory(): void {
    const bytes = this.#bytes;
    // The end record is 22 bytes and a comment of at most 65535.
    let end = bytes.length - 22;
    while (end >= 0 && end >= bytes.length - 65_557 && bytes.readUInt32LE(end) !== 0x06054b50) {
      end--;
    }
    if (end < 0 || bytes.readUInt32LE(end) !== 0x06054b50) {
      throw this.#fault("expected a ZIP archive, got something else");
    }
    const count = bytes.readUInt16LE(end + 10);
    let at = bytes.readUInt32LE(end + 16);
    for (let i = 0; i < count; i++) {
      if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== 0x02014b50) {
        throw this.#fault("its directory is damaged");
      }
      const nameLength = bytes.readUInt16LE(at + 28);
      const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
      this.#entries.set(name, { method: bytes.readUInt16LE(at + 10), packed: bytes.readUInt32LE(at + 20), size: bytes.readUInt32LE(at + 24), at: bytes.readUInt32LE(at + 42) });
      at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    }
  }

  #fault(reason: string, cause?: unknown): VedetteError {
    return new VedetteError("E_ARCHIVE", { file: this.#file, reason }, { cause });
  }
}
