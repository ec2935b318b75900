import { ClipFile } from "./clip-file.ts";
import { MediaFolder, isoTime, plainName } from "./media-folder.ts";
import { PacketRing } from "./packet-ring.ts";
import { Turns } from "./turns.ts";
import { toVedetteError } from "../errors.ts";
import type { FileRetention } from "./media-folder.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { Output, StreamTaps, View } from "../contracts/output.ts";
import type { Packet } from "../domain/packet.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";

/** What {@link ClipRecorder} needs to know. */
export interface ClipRecorderOptions {
  readonly folder: string;
  readonly stream: string;
  readonly preS: number;
  readonly postS: number;
  /** Events in a row lengthen a clip up to this. */
  readonly maxS: number;
  /** Most memory for packets of the past. */
  readonly maxRingBytes: number;
  readonly view: View;
  readonly retention: FileRetention;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every complete clip and the events it shows. */
  readonly onClip: (eventIds: readonly string[], path: string) => void;
}

/** Packets that may wait while the disk is busy. */
const CAPACITY = 256;
/** How far results may lie behind the packets. */
const LAG_US = 5_000_000;
/** Results kept for the pre-roll. */
const MAX_RESULTS = 10_000;

/** A clip that is being written. */
interface Current {
  readonly file: ClipFile;
  readonly ids: string[];
  untilUs: number;
  /** Results up to here are written. */
  notedUs: number;
}

/**
 * Clips around events, from the packets as they came: each begins at the keyframe before its pre-roll. Events that come
 * while a clip is written lengthen it. A disk that takes nothing costs clips, never the stream.
 */
export class ClipRecorder implements Output {
  readonly name: string;
  readonly #options: ClipRecorderOptions;
  readonly #folder: MediaFolder;
  readonly #turns = new Turns();
  #ring: PacketRing | undefined;
  readonly #results: Result[] = [];
  readonly #events: RuleEvent[] = [];
  #current: Current | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ClipRecorderOptions) {
    this.name = options.folder;
    this.#options = options;
    this.#folder = new MediaFolder({ ...options, kind: "clips" });
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#folder.open();
    await this.#folder.sweep();
  }

  run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    this.#running = this.#run(stream, signal);
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its failure was told by `run`.
    await this.#running.catch(() => undefined);
  }

  async #run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const { view, preS, maxRingBytes } = this.#options;
    const reading = { whenSlow: "wait", capacity: 64, signal } as const;
    const results = stream.results(reading);
    const events = stream.events(reading);
    const drain = async <T>(items: AsyncIterable<T>, take: (item: T) => Promise<void>): Promise<void> => {
      for await (const item of items) {
        await this.#turns.next(() => this.#guard(() => take(item)));
      }
    };
    const packets = async (): Promise<void> => {
      const feed = await stream.packets(view, { whenSlow: "wait", capacity: CAPACITY, signal });
      this.#ring = new PacketRing(feed.tracks, { maxUs: preS * 1e6 + LAG_US, maxBytes: maxRingBytes });
      await drain(feed.packets, (packet) => this.#onPacket(packet));
    };
    try {
      await Promise.all([packets(), drain(results, (result) => this.#onResult(result)), drain(events, (event) => this.#take(event))]);
    } finally {
      await this.#turns.next(() => this.#guard(() => this.#handleEvents(Infinity)));
      await this.#turns.next(() => this.#guard(() => this.#finish()));
    }
  }

  async #onPacket(packet: Packet): Promise<void> {
    this.#ring?.push(packet);
    await this.#current?.file.write(packet);
    await this.#noteResults();
    await this.#finishWhenDone();
    await this.#handleEvents(this.#ring?.newestUs ?? Number.NEGATIVE_INFINITY);
  }

  async #take(event: RuleEvent): Promise<void> {
    this.#events.push(event);
    await this.#handleEvents(this.#ring?.newestUs ?? Number.NEGATIVE_INFINITY);
  }

  async #onResult(result: Result): Promise<void> {
    this.#results.push(result);
    const oldestUs = result.ptsUs - this.#options.preS * 1e6 - 2 * LAG_US;
    while (this.#results.length > MAX_RESULTS || (this.#results[0]?.ptsUs ?? Infinity) < oldestUs) {
      this.#results.shift();
    }
    await this.#noteResults();
    await this.#finishWhenDone();
  }

  /** Events wait for their pictures where the analysis is ahead of the recorder; at the end for nothing. */
  async #handleEvents(untilUs: number): Promise<void> {
    for (let event = this.#events[0]; event !== undefined && event.ptsUs <= untilUs; event = this.#events[0]) {
      this.#events.shift();
      await this.#onEvent(event);
    }
  }

  async #onEvent(event: RuleEvent): Promise<void> {
    const { preS, postS, maxS } = this.#options;
    const untilUs = event.ptsUs + postS * 1e6;
    if (this.#current !== undefined && untilUs - this.#current.file.startUs > maxS * 1e6) {
      await this.#finish();
    }
    this.#current ??= await this.#begin(event, event.ptsUs - preS * 1e6);
    if (this.#current !== undefined) {
      this.#current.untilUs = Math.max(this.#current.untilUs, untilUs);
      this.#current.ids.push(event.id);
      await this.#current.file.noteEvent(event);
    }
  }

  async #begin(event: RuleEvent, fromUs: number): Promise<Current | undefined> {
    const section = this.#ring?.since(fromUs);
    const [first] = section?.packets ?? [];
    if (section === undefined || first === undefined) {
      this.#options.log.warn("no clip: no keyframe has come yet, or one group of pictures is larger than the ring", { event: event.id });
      return undefined;
    }
    const name = [plainName(event.stream), isoTime(event.capturedAtMs).replaceAll(/[-:]/g, ""), plainName(event.rule)].join("-");
    const stem = await this.#folder.newStem(name, first.capturedAtMs);
    const file = await ClipFile.create({ stem, format: "mp4", tracks: section.tracks, first });
    const current = { file, ids: [], untilUs: 0, notedUs: file.startUs - 1 };
    // From here on a failure closes it.
    this.#current = current;
    for (const packet of section.packets) {
      await file.write(packet);
    }
    await this.#noteResults();
    return current;
  }

  /** Writes the results of pictures that the clip has by now: they may be ahead of the packets, or behind. */
  async #noteResults(): Promise<void> {
    const current = this.#current;
    if (current === undefined) {
      return;
    }
    const from = this.#results.findIndex(({ ptsUs }) => ptsUs > current.notedUs);
    for (let at = from; at >= 0; at++) {
      const result = this.#results[at];
      if (result === undefined || result.ptsUs > current.file.endUs) {
        return;
      }
      current.notedUs = Math.max(current.notedUs, result.ptsUs);
      await current.file.note(result);
    }
  }

  /** Pictures have reached the end, and so has the analysis: an event within the post-roll would have been seen. */
  async #finishWhenDone(): Promise<void> {
    const { file, untilUs } = this.#current ?? {};
    if (file === undefined || untilUs === undefined || file.endUs < untilUs) {
      return;
    }
    const analysedUs = this.#results.at(-1)?.ptsUs ?? Number.NEGATIVE_INFINITY;
    if (analysedUs >= untilUs || file.endUs - untilUs > LAG_US) {
      await this.#finish();
    }
  }

  async #finish(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) {
      return;
    }
    const { file, ids } = current;
    const sizeBytes = await file.close();
    this.#options.onClip(ids, file.path);
    const name = `${file.stem.slice(this.#options.folder.length).replace(/^[/\\]/, "")}.mp4`;
    await this.#folder.finished({
      file: name,
      startedAt: isoTime(file.startedAtMs),
      endedAt: isoTime(file.endedAtMs),
      startPtsUs: file.startUs,
      endPtsUs: file.endUs,
      sizeBytes,
      events: ids,
    });
  }

  /** A failure costs the clip under way; what was written of it stays. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { message } = toVedetteError(error);
      this.#options.log.error(`a clip ends early: ${message}`);
      const broken = this.#current;
      this.#current = undefined;
      await broken?.file.close().catch(() => undefined);
    }
  }
}
