import type { RtspHeaders, RtspItem } from "./message.ts";

/** Sizes beyond which a peer is refused. */
export interface RtspLimits {
  /** Start line and header fields together. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

/** Requests have no reason to be larger. */
export const DEFAULT_LIMITS: RtspLimits = { headerBytes: 16 * 1024, bodyBytes: 1024 * 1024 };

/** The bytes are no RTSP. `status` is what a server answers. */
export class RtspSyntaxError extends Error {
  override readonly name = "RtspSyntaxError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const DOLLAR = 0x24;
const END_OF_HEADERS = /\r\n\r\n|\n\n|\n\r\n/;
const MAX_HEADERS = 200;

/**
 * Cuts the bytes of a control connection into messages and interleaved data, however they arrive: byte by byte or many
 * messages in one piece. Never holds more than one message of the allowed size. Throws {@link RtspSyntaxError}, after
 * which the connection cannot be used.
 */
export class RtspParser {
  readonly #limits: RtspLimits;
  #buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** How far the search for the end of the headers has come. */
  #searched = 0;
  #pending: { readonly headBytes: number; readonly bodyBytes: number; readonly item: Head } | undefined;

  constructor(limits: RtspLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes that wait for the rest of their message. */
  get waitingBytes(): number {
    return this.#end - this.#start;
  }

  /** Takes bytes as they came; gives what they complete. Data of interleaved frames is a copy. */
  *push(chunk: Uint8Array): Generator<RtspItem, void, undefined> {
    this.#append(chunk);
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      yield item;
    }
  }

  #append(chunk: Uint8Array): void {
    const waiting = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      // Doubling keeps the cost of one-byte chunks linear; moving to the front keeps the buffer small.
      const needed = waiting + chunk.length;
      const grown = needed * 2 > this.#buffer.length ? Buffer.allocUnsafe(Math.max(4096, needed * 2)) : this.#buffer;
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
      this.#searched -= this.#start;
      this.#start = 0;
      this.#end = waiting;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #next(): RtspItem | undefined {
    this.#skipBlankLines();
    if (this.#start === this.#end) {
      return undefined;
    }
    return this.#buffer[this.#start] === DOLLAR ? this.#nextInterleaved() : this.#nextMessage();
  }

  /** Empty lines between messages are ignored (RFC 2326 §4.1 after RFC 2616 §4.1). */
  #skipBlankLines(): void {
    while (this.#start < this.#end && this.#pending === undefined) {
      const byte = this.#buffer[this.#start];
      if (byte !== 13 && byte !== 10) {
        break;
      }
      this.#start++;
    }
    this.#searched = Math.max(this.#searched, this.#start);
  }

  #nextInterleaved(): RtspItem | undefined {
    if (this.#end - this.#start < 4) {
      return undefined;
    }
    const length = this.#buffer.readUInt16BE(this.#start + 2);
    if (this.#end - this.#start < 4 + length) {
      return undefined;
    }
    const from = this.#start + 4;
    const channel = this.#buffer.readUInt8(this.#start + 1);
    this.#start = from + length;
    return { kind: "interleaved", channel, data: Uint8Array.prototype.slice.call(this.#buffer, from, from + length) };
  }

  #nextMessage(): RtspItem | undefined {
    this.#pending ??= this.#readHead();
    const pending = this.#pending;
    if (pending === undefined || this.#end - this.#start < pending.headBytes + pending.bodyBytes) {
      return undefined;
    }
    const bodyStart = this.#start + pending.headBytes;
    const body = Uint8Array.prototype.slice.call(this.#buffer, bodyStart, bodyStart + pending.bodyBytes);
    this.#start = bodyStart + pending.bodyBytes;
    this.#pending = undefined;
    return { ...pending.item, body };
  }

  #readHead(): { headBytes: number; bodyBytes: number; item: Head } | undefined {
    // Three bytes back: the end may have begun in the chunk before.
    const from = Math.max(this.#start, this.#searched - 3);
    const text = this.#buffer.toString("latin1", from, Math.min(this.#end, this.#start + this.#limits.headerBytes + 4));
    const match = END_OF_HEADERS.exec(text);
    const headBytes = match === null ? this.#end - this.#start : from - this.#start + match.index + match[0].length;
    if (headBytes > this.#limits.headerBytes) {
      throw new RtspSyntaxError(431, `expected at most ${String(this.#limits.headerBytes)} bytes of headers`);
    }
    this.#searched = this.#end;
    if (match === null) {
      this.#refuseEarly();
      return undefined;
    }
    this.#searched = this.#start;
    const item = parseHead(this.#buffer.toString("utf8", this.#start, this.#start + headBytes));
    const bodyBytes = contentLength(item.headers, this.#limits.bodyBytes);
    return { headBytes, bodyBytes, item };
  }

  /** What does not begin like a message (a TLS handshake, a flood of zeros) is refused before its end. */
  #refuseEarly(): void {
    const byte = this.#buffer[this.#start] ?? 0;
    if (byte < 0x21 || byte > 0x7e) {
      throw new RtspSyntaxError(400, `expected an RTSP message, got byte 0x${byte.toString(16).padStart(2, "0")}`);
    }
  }
}

type Head = Exclude<RtspItem, { kind: "interleaved" }>;

function parseHead(text: string): Head {
  const [start = "", ...lines] = text.split(/\r\n|\n/);
  const headers = parseHeaders(lines);
  const response = /^RTSP\/\d\.\d\s+(\d{3})(?:\s+(.*))?$/i.exec(start.trim());
  if (response !== null) {
    return { kind: "response", status: Number(response[1]), reason: response[2] ?? "", headers, body: new Uint8Array() };
  }
  const request = /^([A-Za-z_]{1,32}) +(\S+) +RTSP\/(\d)\.\d$/.exec(start.trim());
  if (request === null) {
    throw new RtspSyntaxError(400, "expected METHOD URI RTSP/1.0");
  }
  const [, method = "", uri = "", version] = request;
  if (version !== "1") {
    throw new RtspSyntaxError(505, "expected RTSP/1.0");
  }
  return { kind: "request", method: method.toUpperCase(), uri, headers, body: new Uint8Array() };
}

function parseHeaders(lines: readonly string[]): RtspHeaders {
  const headers = new Map<string, string[]>();
  let last: string[] | undefined;
  let count = 0;
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (/^[ \t]/.test(line) && last !== undefined) {
      // A folded line continues the value before it.
      last.push(`${last.pop() ?? ""} ${line.trim()}`);
    } else if (colon > 0 && count++ < MAX_HEADERS) {
      const name = line.slice(0, colon).trim().toLowerCase();
      last = headers.get(name) ?? [];
      last.push(line.slice(colon + 1).trim());
      headers.set(name, last);
    }
  }
  return headers;
}

function contentLength(headers: RtspHeaders, limit: number): number {
  const text = headers.get("content-length")?.[0];
  if (text === undefined) {
    return 0;
  }
  if (!/^\d{1,15}$/.test(text)) {
    throw new RtspSyntaxError(400, "Content-Length: expected a number");
  }
  if (Number(text) > limit) {
    throw new RtspSyntaxError(413, `body of ${text} bytes, expected at most ${String(limit)}`);
  }
  return Number(text);
}
