import { codecName } from "./channels.ts";

/** A piece of live video. */
export interface LivePart {
  /** `video`, `audio`, … */
  readonly media: string;
  /** As FFmpeg names it. */
  readonly codec: string;
  readonly isKeyframe: boolean;
  /** The recorder's time, milliseconds since 1970; undefined on Titan, which sends none. */
  readonly timeMs: number | undefined;
  readonly data: Uint8Array;
}

/** What came is not the stream that is read here. */
export class LiveStreamError extends Error {
  override readonly name = "LiveStreamError";
}

const MAX_HEAD_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const END_OF_HEAD = Buffer.from("\r\n\r\n");

/**
 * Cuts a live stream into parts. Titan sends a multipart body, Crystal one HTTP request after the other; in both, each
 * part is a first line (a boundary, a request line), headers, and a body of `Content-Length` bytes. Sans I/O.
 */
export class LiveStreamParser {
  #pending = Buffer.alloc(0);
  #head: { readonly headers: ReadonlyMap<string, string>; readonly length: number } | undefined;

  /** Takes bytes; gives the parts that are complete, with bytes of their own. Throws {@link LiveStreamError}. */
  push(chunk: Uint8Array): LivePart[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const parts: LivePart[] = [];
    while (true) {
      this.#head ??= this.#takeHead();
      if (this.#head === undefined || this.#pending.length < this.#head.length) {
        return parts;
      }
      const { headers, length } = this.#head;
      parts.push(toPart(headers, Uint8Array.from(this.#pending.subarray(0, length))));
      this.#pending = this.#pending.subarray(length);
      this.#head = undefined;
    }
  }

  #takeHead(): { headers: ReadonlyMap<string, string>; length: number } | undefined {
    let start = 0;
    // A body is followed by a line end in multipart, by nothing in the other form.
    while (this.#pending[start] === 13 || this.#pending[start] === 10) {
      start++;
    }
    const end = this.#pending.indexOf(END_OF_HEAD, start);
    if (end < 0) {
      if (this.#pending.length - start > MAX_HEAD_BYTES) {
        throw new LiveStreamError(`no end of a part's head within ${String(MAX_HEAD_BYTES)} bytes`);
      }
      return undefined;
    }
    const [first = "", ...lines] = this.#pending.toString("latin1", start, end).split("\r\n");
    if (!first.startsWith("--") && !/ HTTP\/1\.[01]$/.test(first)) {
      throw new LiveStreamError(`a part begins with ${JSON.stringify(first.slice(0, 60))}, expected a boundary or a request line`);
    }
    const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(":")).trim().toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
    const text = headers.get("content-length") ?? "";
    const length = Number(text);
    if (!/^\d{1,9}$/.test(text) || length > MAX_BODY_BYTES) {
      throw new LiveStreamError(`a part of ${text === "" ? "unknown length" : `${text.slice(0, 20)} bytes`}, expected at most ${String(MAX_BODY_BYTES)}`);
    }
    this.#pending = this.#pending.subarray(end + END_OF_HEAD.length);
    return { headers, length };
  }
}

function toPart(headers: ReadonlyMap<string, string>, data: Uint8Array): LivePart {
  const [media = "", codec = ""] = (headers.get("content-type") ?? "").split(/[/;]/);
  return {
    media: media.trim().toLowerCase(),
    codec: codecName(codec),
    isKeyframe: headers.get("iskeyframe")?.toLowerCase() === "true",
    timeMs: fileTimeToMs(headers.get("time")),
    data,
  };
}

/** Windows FILETIME, 100 ns since 1601-01-01 UTC, as milliseconds since 1970. Undefined when it is none after 1970. */
export function fileTimeToMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{17,19}$/.test(text)) {
    return undefined;
  }
  const ms = Number(BigInt(text) / 10_000n) - 11_644_473_600_000;
  return ms > 0 ? ms : undefined;
}
