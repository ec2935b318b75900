/* eslint complexity: "off" -- one condition per rule of the format. */
// Reads what PutMedia is sent, as strictly as the service could: every element, its place, its size and its value.

/** One frame as it came. */
export interface ReceivedFrame {
  readonly timeMs: number;
  readonly isKeyframe: boolean;
  readonly data: Buffer;
}

/** One fragment as it came. */
export interface ReceivedFragment {
  readonly timecodeMs: number;
  readonly frames: ReceivedFrame[];
  readonly tags: Map<string, string>;
  /** EBML header to tracks, as they were sent. */
  readonly header: Buffer;
  readonly codecId: string;
  readonly codecPrivate: Buffer;
  bytes: number;
}

/** A violation, with the error id that the service answers. */
export class Violation extends Error {
  readonly errorId: number;

  constructor(errorId: number, message: string) {
    super(message);
    this.errorId = errorId;
  }
}

/** What the checker tells while bytes arrive. */
export interface CheckerEvents {
  began(fragment: ReceivedFragment): void;
  ended(fragment: ReceivedFragment): void;
}

const LIMITS = { fragmentBytes: 50_000_000, fragmentMs: 20_000, shortestMs: 1000, tags: 10, nameBytes: 128, valueBytes: 256 };

interface Element {
  readonly id: number;
  readonly start: number;
  readonly size: number;
  readonly sizeBytes: number;
}

/** Takes the body of one connection. */
export class MediaChecker {
  readonly #events: CheckerEvents;
  #bytes: Buffer = Buffer.alloc(0);
  #state: "ebml" | "segment" | "info" | "tracks" | "clusters" = "ebml";
  #header: Buffer[] = [];
  #codecId = "";
  #codecPrivate: Buffer = Buffer.alloc(0);
  #fragment: ReceivedFragment | undefined;
  #step: "timecode" | "position" | "blocks" = "blocks";
  #lastTimecodeMs = -1;
  #wasEnded = false;

  constructor(events: CheckerEvents) {
    this.#events = events;
  }

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    for (let element = this.#element(); element !== undefined; element = this.#element()) {
      const whole = this.#bytes.subarray(0, element.start + element.size);
      const body = whole.subarray(element.start);
      this.#bytes = this.#bytes.subarray(whole.length);
      this.#take(element, body, whole);
    }
  }

  /** The body has ended; undefined bytes left over are a violation. */
  finish(): void {
    if (this.#bytes.length > 0) {
      throw new Violation(4006, `${this.#bytes.length} bytes of an element that never ended`);
    }
    this.#endFragment();
  }

  #element(): Element | undefined {
    const idBytes = leading(this.#bytes[0]);
    if (this.#bytes.length < idBytes + 1 || idBytes === 0) {
      return undefined;
    }
    if (idBytes > 4) {
      throw new Violation(4006, `no element begins with ${String(this.#bytes[0])}`);
    }
    const id = this.#bytes.readUIntBE(0, idBytes);
    const sizeBytes = leading(this.#bytes[idBytes]);
    if (sizeBytes > 8) {
      throw new Violation(4006, "no size of an element");
    }
    const start = idBytes + sizeBytes;
    if (this.#bytes.length < start) {
      return undefined;
    }
    const isEndless = id === 0x18538067 || id === 0x1f43b675;
    const size = Number(this.#bytes.subarray(idBytes, start).reduce((sum, byte, at) => sum * 256n + BigInt(at === 0 ? byte & (0xff >> sizeBytes) : byte), 0n));
    if (isEndless) {
      if (sizeBytes !== 1 || this.#bytes[idBytes] !== 0xff) {
        throw new Violation(4006, `element ${id.toString(16)} must have an unknown size of one byte`);
      }
      return { id, start, size: 0, sizeBytes };
    }
    if (size > LIMITS.fragmentBytes) {
      throw new Violation(4001, `element ${id.toString(16)} of ${size} bytes`);
    }
    return this.#bytes.length < start + size ? undefined : { id, start, size, sizeBytes };
  }

  #take(element: Element, body: Buffer, whole: Buffer): void {
    if (this.#state === "clusters") {
      this.#cluster(element, body, whole);
      return;
    }
    this.#header.push(Buffer.from(whole));
    const order = { ebml: [0x1a45dfa3, "segment"], segment: [0x18538067, "info"], info: [0x1549a966, "tracks"], tracks: [0x1654ae6b, "clusters"] } as const;
    const [id, next] = order[this.#state];
    expect(element.id, id, `the ${this.#state}`);
    if (this.#state === "ebml") {
      expect(whole.length, 40, "length of the EBML header");
      checkAll(body, [[0x4286, 1], [0x42f7, 1], [0x42f2, 4], [0x42f3, 8], [0x4282, "matroska"], [0x4287, 2], [0x4285, 2]]);
    } else if (this.#state === "info") {
      expect(element.sizeBytes, 2, "size length of Info");
      this.#info(body);
    } else if (this.#state === "tracks") {
      expect(element.sizeBytes, 4, "size length of Tracks");
      this.#tracks(body);
    }
    this.#state = next;
  }

  #info(body: Buffer): void {
    const fields = children(body);
    expect(fields.map(({ id }) => id.toString(16)).join(), "73a4,2ad7b1,7ba9,4d80,5741", "elements of Info");
    expect(fields[0]?.body.length, 16, "length of the segment's UID");
    expect(fields[1]?.body.length, 8, "length of the timecode scale");
    expect(uint(fields[1]?.body), 1_000_000, "timecode scale");
  }

  #tracks(body: Buffer): void {
    const entries = children(body);
    expect(entries.length, 1, "number of tracks");
    expect(entries[0]?.id, 0xae, "track entry");
    expect(entries[0]?.sizeBytes, 4, "size length of the track entry");
    const fields = children(entries[0]?.body ?? Buffer.alloc(0));
    expect(fields.map(({ id }) => id.toString(16)).join(), "d7,73c5,83,86,536e,63a2,e0", "elements of the track");
    const [number, uid, type, codec, , codecPrivate, video] = fields;
    expect(uint(number?.body), 1, "track number");
    expect(uid?.body.length, 8, "length of the track's UID");
    expect(uint(type?.body), 1, "track type");
    this.#codecId = codec?.body.toString() ?? "";
    this.#codecPrivate = Buffer.from(codecPrivate?.body ?? []);
    expect(["V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC"].includes(this.#codecId), true, `codec id ${this.#codecId}`);
    this.#checkPrivate();
    const size = children(video?.body ?? Buffer.alloc(0));
    expect(size.map(({ id, body: value }) => `${id.toString(16)}/${value.length}`).join(), "b0/2,ba/2", "elements of Video");
    expect(uint(size[0]?.body) > 0 && uint(size[1]?.body) > 0, true, "a size of the picture");
  }

  #checkPrivate(): void {
    const bytes = this.#codecPrivate;
    expect(bytes[0], 1, "version of the codec private data");
    if (this.#codecId === "V_MPEG4/ISO/AVC") {
      expect(bytes[4], 0xff, "length size of the avcC");
      expect(bytes[5], 0xe1, "number of SPS");
      const spsBytes = bytes.readUInt16BE(6);
      const sps = bytes.subarray(8, 8 + spsBytes);
      expect((sps[0] ?? 0) & 31, 7, "type of the SPS");
      expect(sps.subarray(1, 4).equals(bytes.subarray(1, 4)), true, "profile and level of the SPS");
      expect(bytes[8 + spsBytes], 1, "number of PPS");
      expect(bytes.length, 8 + spsBytes + 3 + bytes.readUInt16BE(9 + spsBytes), "length of the avcC");
    } else {
      expect((bytes[21] ?? 0) & 3, 3, "length size of the hvcC");
      expect(bytes[22], 3, "arrays of the hvcC");
    }
  }

  #cluster(element: Element, body: Buffer, whole: Buffer): void {
    if (element.id === 0x1f43b675) {
      this.#endFragment();
      this.#step = "timecode";
      return;
    }
    if (element.id === 0x1254c367) {
      this.#tags(body);
      return;
    }
    if (this.#step === "timecode") {
      expect(element.id, 0xe7, "the cluster's timecode");
      expect(element.size, 8, "length of the cluster's timecode");
      this.#begin(uint(body));
      return;
    }
    if (this.#step === "position") {
      expect(element.id, 0xa7, "the cluster's position");
      expect(uint(body), 0, "the cluster's position");
      this.#step = "blocks";
      return;
    }
    expect(element.id, 0xa3, "a block");
    expect(element.sizeBytes, 8, "size length of a block");
    this.#block(body, whole.length);
  }

  #begin(timecodeMs: number): void {
    if (timecodeMs <= this.#lastTimecodeMs) {
      throw new Violation(4004, `cluster ${timecodeMs} after ${this.#lastTimecodeMs}`);
    }
    this.#lastTimecodeMs = timecodeMs;
    this.#wasEnded = false;
    this.#fragment = { timecodeMs, frames: [], tags: new Map(), header: Buffer.concat(this.#header), codecId: this.#codecId, codecPrivate: this.#codecPrivate, bytes: 18 };
    this.#step = "position";
    this.#events.began(this.#fragment);
  }

  #block(body: Buffer, wireBytes: number): void {
    const fragment = this.#fragment;
    if (fragment === undefined) {
      throw new Violation(4006, "a block outside of a cluster");
    }
    expect(body[0], 0x81, "track number of a block", 4010);
    const offsetMs = body.readInt16BE(1);
    const previous = fragment.frames.at(-1);
    if (previous === undefined) {
      expect(offsetMs, 0, "time of the first block");
    } else if (fragment.timecodeMs + offsetMs <= previous.timeMs) {
      throw new Violation(4006, `block at ${offsetMs} ms does not follow the one at ${previous.timeMs - fragment.timecodeMs} ms`);
    }
    const data = Buffer.from(body.subarray(4));
    checkUnits(data);
    fragment.frames.push({ timeMs: fragment.timecodeMs + offsetMs, isKeyframe: ((body[3] ?? 0) & 0x80) !== 0, data });
    fragment.bytes += wireBytes;
    this.#lastTimecodeMs = Math.max(this.#lastTimecodeMs, fragment.timecodeMs + offsetMs);
    if (offsetMs > LIMITS.fragmentMs) {
      throw new Violation(4002, `a fragment of ${offsetMs} ms`);
    }
    if (fragment.bytes > LIMITS.fragmentBytes) {
      throw new Violation(4001, `a fragment of ${fragment.bytes} bytes`);
    }
  }

  #tags(body: Buffer): void {
    const fragment = this.#fragment;
    if (fragment === undefined || this.#wasEnded) {
      throw new Violation(4006, "tags that belong to no fragment");
    }
    for (const tag of children(body)) {
      expect(tag.id, 0x7373, "a tag");
      for (const simple of children(tag.body)) {
        expect(simple.id, 0x67c8, "a simple tag");
        const [name, value] = children(simple.body);
        expect(name?.id, 0x45a3, "a tag's name");
        expect(value?.id, 0x4487, "a tag's text");
        const key = name?.body.toString() ?? "";
        const isEnd = key === "AWS_KINESISVIDEO_END_OF_FRAGMENT";
        if ((key.startsWith("AWS") && !isEnd) || Buffer.byteLength(key) > LIMITS.nameBytes || (value?.body.length ?? 0) > LIMITS.valueBytes) {
          throw new Violation(4009, `tag ${key}`);
        }
        fragment.tags.set(key, value?.body.toString() ?? "");
        if (fragment.tags.size > LIMITS.tags) {
          throw new Violation(4009, `${fragment.tags.size} tags`);
        }
        if (isEnd) {
          expect(value?.body.length, 0, "value of the end of a fragment");
          this.#endFragment();
          this.#wasEnded = true;
        }
      }
    }
  }

  #endFragment(): void {
    const fragment = this.#fragment;
    if (fragment === undefined) {
      return;
    }
    this.#fragment = undefined;
    if (fragment.frames.length === 0) {
      throw new Violation(4011, "a fragment without frames");
    }
    this.#events.ended(fragment);
  }
}

/** Length-prefixed units that fill the frame, none ending in a zero byte. */
function checkUnits(data: Buffer): void {
  let offset = 0;
  while (offset < data.length) {
    if (offset + 4 > data.length) {
      throw new Violation(4006, "half a length of a NAL unit");
    }
    const size = data.readUInt32BE(offset);
    offset += 4 + size;
    if (size === 0 || offset > data.length) {
      throw new Violation(4006, `a NAL unit of ${size} bytes`);
    }
    if (data[offset - 1] === 0) {
      throw new Violation(4006, "a NAL unit that ends in a zero byte");
    }
  }
}

function checkAll(body: Buffer, expected: readonly (readonly [number, number | string])[]): void {
  const fields = children(body);
  expect(fields.length, expected.length, "number of elements");
  for (const [index, [id, value]] of expected.entries()) {
    expect(fields[index]?.id, id, `element ${index}`);
    expect(typeof value === "string" ? fields[index]?.body.toString() : uint(fields[index]?.body), value, `value of ${id.toString(16)}`);
  }
}

function children(body: Buffer): { id: number; body: Buffer; sizeBytes: number }[] {
  const found: { id: number; body: Buffer; sizeBytes: number }[] = [];
  let offset = 0;
  while (offset < body.length) {
    const idBytes = leading(body[offset]);
    const id = body.readUIntBE(offset, idBytes);
    const sizeBytes = leading(body[offset + idBytes]);
    const start = offset + idBytes + sizeBytes;
    const size = body.subarray(offset + idBytes, start).reduce((sum, byte, at) => sum * 256 + (at === 0 ? byte & (0xff >> sizeBytes) : byte), 0);
    if (start + size > body.length) {
      throw new Violation(4006, `element ${id.toString(16)} reaches beyond its parent`);
    }
    found.push({ id, body: body.subarray(start, start + size), sizeBytes });
    offset = start + size;
  }
  return found;
}

/** How many bytes the number that begins with this one has; 0 without a byte. */
function leading(byte: number | undefined): number {
  return byte === undefined ? 0 : Math.clz32(byte) - 23;
}

function uint(body: Buffer | undefined): number {
  return (body ?? Buffer.alloc(0)).reduce((sum, byte) => sum * 256 + byte, 0);
}

function expect(actual: unknown, expected: unknown, what: string, errorId = 4006): void {
  if (actual !== expected) {
    throw new Violation(errorId, `${what}: expected ${String(expected)}, got ${String(actual)}`);
  }
}

/** Limits that the service only counts: fragments shorter than a second (the last of a connection aside). */
export const SHORTEST_FRAGMENT_MS = LIMITS.shortestMs;
