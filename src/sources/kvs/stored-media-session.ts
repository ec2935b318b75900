import type { IncomingMessage } from "node:http";
import type { Clock } from "../../contracts/clock.ts";
import type { PacketSession } from "../../contracts/source.ts";
import type { Packet, VideoTrack } from "../../domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import { VedetteError } from "../../errors.ts";
import { MediaReader, type MediaItem, type StoredTrack } from "../../protocols/kvs/media-reader.ts";
import { nalCodecOf } from "../../protocols/kvs/track.ts";
import { NotEbml } from "../../protocols/matroska/ebml-reader.ts";

/** Where to go on after the connection has ended. */
export interface Resume {
  token: string | undefined;
}

/** What {@link openStoredMedia} needs. */
export interface StoredMediaOptions {
  /** For people. */
  readonly name: string;
  readonly clock: Clock;
  /** Told how far reading has come. */
  readonly resume: Resume;
  readonly signal: AbortSignal;
}

const CODECS: Readonly<Record<string, string>> = { "V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc" };
const TOKEN = "AWS_KINESISVIDEO_CONTINUATION_TOKEN";
const ERROR_CODE = "AWS_KINESISVIDEO_ERROR_CODE";
const ERROR_ID = "AWS_KINESISVIDEO_ERROR_ID";
const PRODUCER_TIME = "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP";

/** Waits for the first fragment's tracks and gives the video track's frames. Throws `E_SOURCE_…` and `E_MEDIA_…`. */
export async function openStoredMedia(response: IncomingMessage, options: StoredMediaOptions): Promise<PacketSession> {
  const { name, signal } = options;
  const abort = (): void => {
    response.destroy();
  };
  signal.addEventListener("abort", abort, { once: true });
  const items = readItems(response, name);
  const early: MediaItem[] = [];
  try {
    const fragments = new Fragments(options);
    while (fragments.track === undefined) {
      const next = await items.next();
      if (next.done === true) {
        throw new VedetteError("E_SOURCE_BROKEN", { source: name, reason: "the stream ended before its first fragment" });
      }
      early.push(...fragments.take(next.value));
    }
    const track = fragments.track;
    let isDisposed = false;
    async function* packets(): AsyncGenerator<Packet, void, undefined> {
      try {
        yield* fragments.packets(early);
        for (let next = await items.next(); next.done !== true; next = await items.next()) {
          yield* fragments.packets(fragments.take(next.value));
        }
      } catch (error) {
        if (!isDisposed && !signal.aborted) {
          throw error;
        }
      }
    }
    return {
      delivers: "packets",
      isLive: true,
      tracks: [track],
      durationS: undefined,
      packets: packets(),
      [Symbol.asyncDispose]: async () => {
        isDisposed = true;
        signal.removeEventListener("abort", abort);
        response.destroy();
        await items.return(undefined).catch(() => undefined);
      },
    };
  } catch (error) {
    signal.removeEventListener("abort", abort);
    response.destroy();
    signal.throwIfAborted();
    throw error;
  }
}

async function* readItems(response: IncomingMessage, name: string): AsyncGenerator<readonly MediaItem[], void, undefined> {
  const reader = new MediaReader();
  try {
    for await (const bytes of response as AsyncIterable<Buffer>) {
      yield reader.push(bytes);
    }
  } catch (error) {
    const reason = error instanceof NotEbml ? `what comes is no Matroska: ${error.message}` : "the connection was cut";
    throw new VedetteError("E_SOURCE_BROKEN", { source: name, reason }, { cause: error });
  }
}

/** Turns what the reader finds into packets. */
class Fragments {
  track: VideoTrack | undefined;
  readonly #options: StoredMediaOptions;
  #number = 0;
  #lastUs = Number.NEGATIVE_INFINITY;
  /** From the media's time to the producer's, in milliseconds. */
  #producerOffsetMs = 0;

  constructor(options: StoredMediaOptions) {
    this.#options = options;
  }

  /** Notes tracks and tags at once; gives the rest back in order. */
  take(items: readonly MediaItem[]): MediaItem[] {
    for (const item of items) {
      if (item.type === "tracks" && this.track === undefined) {
        this.#begin(item.tracks);
      }
    }
    return [...items];
  }

  *packets(items: readonly MediaItem[]): Generator<Packet, void, undefined> {
    for (const item of items) {
      if (item.type === "frame" && item.frame.trackNumber === this.#number && item.frame.data.length > 0) {
        const { timeMs, isKeyframe, data } = item.frame;
        // Fragments of another connection may begin before the last one ended.
        const us = Math.max(Math.round(timeMs * 1000), this.#lastUs + 1);
        this.#lastUs = us;
        const capturedAtMs = wallTimeMs(timeMs + this.#producerOffsetMs);
        yield { track: 0, data, ptsUs: mediaTimeUs(us), dtsUs: mediaTimeUs(us), durationUs: 0, isKeyframe, capturedAtMs, ...this.#changed };
        this.#changed = {};
      } else if (item.type === "cluster") {
        const producerMs = Number(item.tags[PRODUCER_TIME]) * 1000;
        this.#producerOffsetMs = Number.isFinite(producerMs) && producerMs > 0 ? producerMs - item.timecodeMs : 0;
      } else if (item.type === "tags") {
        this.#tagged(item.tags);
      } else if (item.type === "tracks") {
        this.#change(item.tracks);
      }
    }
  }

  #changed: { readonly newTrack?: VideoTrack } = {};

  #begin(tracks: readonly StoredTrack[]): void {
    const found = this.#videoOf(tracks);
    if (found === undefined) {
      const kinds = tracks.map(({ codecId }) => codecId).join(", ") || "nothing";
      throw new VedetteError("E_MEDIA_NO_VIDEO", { source: this.#options.name, found: kinds });
    }
    this.#number = found.number;
    this.track = found.track;
  }

  #change(tracks: readonly StoredTrack[]): void {
    const found = this.#videoOf(tracks);
    const before = this.track;
    if (found === undefined || before === undefined) {
      return;
    }
    this.#number = found.number;
    if (Buffer.compare(found.track.codecPrivate ?? new Uint8Array(), before.codecPrivate ?? new Uint8Array()) !== 0) {
      this.track = found.track;
      this.#changed = { newTrack: found.track };
    }
  }

  #videoOf(tracks: readonly StoredTrack[]): { number: number; track: VideoTrack } | undefined {
    const stored = tracks.find(({ type, codecId }) => type === 1 && Object.hasOwn(CODECS, codecId));
    if (stored === undefined) {
      return undefined;
    }
    const codec = CODECS[stored.codecId] ?? "";
    const track: VideoTrack = { kind: "video", codec, width: stored.width, height: stored.height, rotation: 0, frameRate: 0, codecPrivate: stored.codecPrivate };
    const nal = nalCodecOf(codec);
    const sps = nal?.parameterSets(track).find((unit) => nal.isSps(unit));
    const info = sps === undefined ? undefined : nal?.parseSps(sps);
    return { number: stored.number, track: { ...track, width: info?.width ?? stored.width, height: info?.height ?? stored.height, frameRate: info?.frameRate ?? 0 } };
  }

  #tagged(tags: Readonly<Record<string, string>>): void {
    if (tags[TOKEN] !== undefined) {
      this.#options.resume.token = tags[TOKEN];
    }
    if (tags[ERROR_CODE] !== undefined || tags[ERROR_ID] !== undefined) {
      throw new VedetteError("E_SOURCE_BROKEN", { source: this.#options.name, reason: `the service says ${tags[ERROR_CODE] ?? "error"} (${tags[ERROR_ID] ?? "no id"})` });
    }
  }
}
