import { EbmlReader, splitElements, type EbmlItem } from "../matroska/ebml-reader.ts";
import { ID, readUint } from "../matroska/ebml.ts";

/** One frame of a fragment that came back. */
export interface StoredFrame {
  readonly trackNumber: number;
  /** Milliseconds, as the producer counted; from 1970 when its timecodes were absolute. */
  readonly timeMs: number;
  readonly isKeyframe: boolean;
  readonly data: Uint8Array;
}

/** A track of a fragment that came back. */
export interface StoredTrack {
  readonly number: number;
  /** 1 video, 2 audio. */
  readonly type: number;
  readonly codecId: string;
  readonly codecPrivate: Uint8Array | undefined;
  readonly width: number;
  readonly height: number;
}

/** What GetMedia delivers, in order. Tags before a cluster's frames and after them belong to the same fragment. */
export type MediaItem =
  | { readonly type: "tracks"; readonly tracks: readonly StoredTrack[] }
  | { readonly type: "cluster"; readonly timecodeMs: number; readonly tags: Readonly<Record<string, string>> }
  | { readonly type: "frame"; readonly frame: StoredFrame }
  | { readonly type: "tags"; readonly tags: Readonly<Record<string, string>> };

/** Nanoseconds per unit when the stream does not say (RFC 9559 §5.1.2.9). */
const DEFAULT_SCALE_NS = 1_000_000;

/**
 * Reads what GetMedia sends: a complete Matroska document per fragment, segments and clusters of unknown size. A cluster
 * ends at the next Cluster, Tags, EBML or Segment, not at a Void or CRC-32. Throws `NotEbml` for other bytes.
 */
export class MediaReader {
  readonly #reader = new EbmlReader();
  #scaleNs = DEFAULT_SCALE_NS;
  #tags: Record<string, string> = {};
  #clusterMs: number | undefined;
  #hasCluster = false;

  /** Takes the next bytes of the body. */
  push(bytes: Uint8Array): MediaItem[] {
    return this.#reader.push(bytes).flatMap((item) => this.#item(item));
  }

  #item(item: EbmlItem): MediaItem[] {
    if (item.type === "open") {
      if (item.id === ID.segment) {
        this.#hasCluster = false;
        this.#tags = {};
      }
      if (item.id !== ID.blockGroup) {
        this.#clusterMs = undefined;
      }
      return [];
    }
    return item.type === "element" ? this.#element(item.id, item.body) : [];
  }

  #element(id: number, body: Uint8Array): MediaItem[] {
    switch (id) {
      case ID.info:
        this.#scaleNs = valueOf(body, ID.timecodeScale) ?? DEFAULT_SCALE_NS;
        return [];
      case ID.tracks:
        return [{ type: "tracks", tracks: splitElements(body).filter((e) => e.id === ID.trackEntry).map((e) => readTrack(e.body)) }];
      case ID.timecode:
        return this.#cluster(readUint(body) ?? 0);
      case ID.simpleBlock:
      case ID.block:
        return this.#block(body, id === ID.simpleBlock);
      case ID.tags:
        return this.#tagged(readTags(body));
      default:
        return [];
    }
  }

  #cluster(timecode: number): MediaItem[] {
    this.#clusterMs = (timecode * this.#scaleNs) / 1e6;
    const tags = this.#tags;
    this.#tags = {};
    this.#hasCluster = true;
    return [{ type: "cluster", timecodeMs: this.#clusterMs, tags }];
  }

  #block(body: Uint8Array, isSimple: boolean): MediaItem[] {
    const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const first = view[0] ?? 0;
    // Track numbers above 126 take more bytes; the service has three tracks at most. Lacing is not used for video.
    if (view.length < 4 || (first & 0x80) === 0 || this.#clusterMs === undefined || ((view[3] ?? 0) & 0x06) !== 0) {
      return [];
    }
    const frame: StoredFrame = {
      trackNumber: first & 0x7f,
      timeMs: this.#clusterMs + (view.readInt16BE(1) * this.#scaleNs) / 1e6,
      isKeyframe: isSimple && ((view[3] ?? 0) & 0x80) !== 0,
      data: view.subarray(4),
    };
    return [{ type: "frame", frame }];
  }

  /** Tags that stand before the cluster are told with it. */
  #tagged(tags: Record<string, string>): MediaItem[] {
    if (!this.#hasCluster) {
      Object.assign(this.#tags, tags);
    }
    return [{ type: "tags", tags }];
  }
}

function readTrack(body: Uint8Array): StoredTrack {
  const fields = splitElements(body);
  const field = (id: number): Uint8Array | undefined => fields.find((candidate) => candidate.id === id)?.body;
  const video = field(ID.video) ?? new Uint8Array();
  return {
    number: readUint(field(ID.trackNumber) ?? new Uint8Array()) ?? 0,
    type: readUint(field(ID.trackType) ?? new Uint8Array()) ?? 0,
    codecId: Buffer.from(field(ID.codecId) ?? new Uint8Array()).toString("latin1").replace(/\0+$/, ""),
    codecPrivate: field(ID.codecPrivate),
    width: valueOf(video, ID.pixelWidth) ?? 0,
    height: valueOf(video, ID.pixelHeight) ?? 0,
  };
}

function valueOf(body: Uint8Array, id: number): number | undefined {
  const found = splitElements(body).find((candidate) => candidate.id === id);
  return found === undefined ? undefined : readUint(found.body);
}

function readTags(body: Uint8Array): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const tag of splitElements(body).filter(({ id }) => id === ID.tag)) {
    for (const simple of splitElements(tag.body).filter(({ id }) => id === ID.simpleTag)) {
      const fields = splitElements(simple.body);
      const name = fields.find(({ id }) => id === ID.tagName);
      const value = fields.find(({ id }) => id === ID.tagString);
      if (name !== undefined) {
        // Own property whatever the name is.
        Object.defineProperty(tags, textOf(name.body), { value: textOf(value?.body), enumerable: true, configurable: true, writable: true });
      }
    }
  }
  return tags;
}

function textOf(body: Uint8Array | undefined): string {
  return Buffer.from(body ?? new Uint8Array()).toString("utf8").replace(/\0+$/, "");
}
