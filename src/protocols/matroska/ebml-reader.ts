import { ID } from "./ebml.ts";

/** What {@link EbmlReader} finds. Bodies are copies. */
export type EbmlItem =
  | { readonly type: "open"; readonly id: number }
  | { readonly type: "element"; readonly id: number; readonly body: Uint8Array }
  /** An element too large to be meant; its body is passed over. */
  | { readonly type: "skipped"; readonly id: number; readonly sizeBytes: number };

/** Elements whose content is read one by one: those that may be endless, and those that hold them. */
const CONTAINERS: ReadonlySet<number> = new Set([ID.segment, ID.cluster, ID.blockGroup]);
/** Nothing that is wanted is larger: a fragment may be 50 MB, a frame of it less. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Thrown when bytes are no EBML. Caught by the readers' users. */
export class NotEbml extends Error {
  override readonly name = "NotEbml";
}

/**
 * Reads a stream of EBML elements as it comes, cut anywhere. Segments, clusters and block groups only say that they begin:
 * what follows is their content, of known size or not, up to an element that belongs above them. Everything else comes
 * with its body, the top-level EBML header, Info, Tracks and Tags as a whole.
 */
export class EbmlReader {
  #chunks: Uint8Array[] = [];
  #length = 0;
  #skip = 0;

  /** Takes the next bytes, which may be kept; gives what they completed. Throws {@link NotEbml}. */
  push(bytes: Uint8Array): EbmlItem[] {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    const items: EbmlItem[] = [];
    while (this.#dropSkipped()) {
      const item = this.#next();
      if (item === undefined) {
        break;
      }
      items.push(item);
    }
    return items;
  }

  /** True once what is to be passed over has been. */
  #dropSkipped(): boolean {
    while (this.#skip > 0) {
      const first = this.#chunks[0];
      if (first === undefined) {
        return false;
      }
      this.#take(Math.min(this.#skip, first.length));
    }
    return true;
  }

  #next(): EbmlItem | undefined {
    const head = this.#peek(12);
    const id = readId(head);
    if (id === undefined) {
      return undefined;
    }
    const size = readSize(head, id.length);
    if (size === undefined) {
      return undefined;
    }
    const headLength = id.length + size.length;
    if (CONTAINERS.has(id.value)) {
      this.#consume(headLength);
      return { type: "open", id: id.value };
    }
    if (size.value === undefined) {
      throw new NotEbml(`element ${id.value.toString(16)} has no size`);
    }
    if (size.value > MAX_BODY_BYTES) {
      this.#consume(headLength);
      this.#skip = size.value;
      return { type: "skipped", id: id.value, sizeBytes: size.value };
    }
    if (this.#length < headLength + size.value) {
      return undefined;
    }
    this.#consume(headLength);
    return { type: "element", id: id.value, body: this.#consume(size.value) };
  }

  /** A look at up to `count` bytes. */
  #peek(count: number): Uint8Array {
    const first = this.#chunks[0];
    if (first !== undefined && (first.length >= count || this.#chunks.length === 1)) {
      return first;
    }
    const parts: Uint8Array[] = [];
    let have = 0;
    for (const chunk of this.#chunks) {
      parts.push(chunk.subarray(0, count - have));
      have += chunk.length;
      if (have >= count) {
        break;
      }
    }
    return Buffer.concat(parts);
  }

  /** The next `count` bytes, which are there, as a copy of their own. */
  #consume(count: number): Uint8Array {
    const out = Buffer.allocUnsafe(count);
    let offset = 0;
    while (offset < count) {
      const part = this.#chunks[0];
      if (part === undefined) {
        break;
      }
      const length = Math.min(part.length, count - offset);
      out.set(part.subarray(0, length), offset);
      offset += length;
      this.#advance(length);
    }
    return out;
  }

  #take(count: number): void {
    this.#skip -= count;
    this.#advance(count);
  }

  #advance(count: number): void {
    const first = this.#chunks[0];
    if (first === undefined) {
      return;
    }
    this.#length -= count;
    if (first.length === count) {
      this.#chunks.shift();
    } else {
      this.#chunks[0] = first.subarray(count);
    }
  }
}

/** Splits a whole body into its elements, views on it. Stops quietly where the rest makes no sense. */
export function splitElements(body: Uint8Array): { readonly id: number; readonly body: Uint8Array }[] {
  const found: { id: number; body: Uint8Array }[] = [];
  let rest = body;
  while (rest.length > 0) {
    const parts = headOf(rest);
    if (parts === undefined || parts.end > rest.length) {
      break;
    }
    found.push({ id: parts.id, body: rest.subarray(parts.start, parts.end) });
    rest = rest.subarray(parts.end);
  }
  return found;
}

function headOf(bytes: Uint8Array): { id: number; start: number; end: number } | undefined {
  try {
    const id = readId(bytes);
    const size = id === undefined ? undefined : readSize(bytes, id.length);
    if (id === undefined || size?.value === undefined) {
      return undefined;
    }
    const start = id.length + size.length;
    return { id: id.value, start, end: start + size.value };
  } catch (error) {
    if (error instanceof NotEbml) {
      return undefined;
    }
    throw error;
  }
}

function readId(bytes: Uint8Array): { value: number; length: number } | undefined {
  const first = bytes[0];
  if (first === undefined) {
    return undefined;
  }
  const length = Math.clz32(first) - 23;
  if (length > 4) {
    throw new NotEbml(`no element begins with ${first.toString(16)}`);
  }
  return bytes.length < length ? undefined : { value: bytes.subarray(0, length).reduce((value, byte) => value * 256 + byte, 0), length };
}

/** A size of all ones is unknown (RFC 8794 §6.2). */
function readSize(bytes: Uint8Array, offset: number): { value: number | undefined; length: number } | undefined {
  const first = bytes[offset];
  if (first === undefined) {
    return undefined;
  }
  const length = Math.clz32(first) - 23;
  if (length > 8) {
    throw new NotEbml("a size longer than eight bytes");
  }
  if (bytes.length < offset + length) {
    return undefined;
  }
  const lead = first & ((0x80 >> (length - 1)) - 1);
  const value = bytes.subarray(offset + 1, offset + length).reduce((sum, byte) => sum * 256 + byte, lead);
  const isUnknown = value >= 2 ** (7 * length) - 1;
  return { value: isUnknown ? undefined : value, length };
}
