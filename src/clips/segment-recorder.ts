import { ClipFile } from "./clip-file.ts";
import { MediaFolder, isoTime, plainName } from "./media-folder.ts";
import { Turns } from "./turns.ts";
import type { FileRetention } from "./media-folder.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { Output, StreamTaps, View } from "../contracts/output.ts";
import type { Packet, Track } from "../domain/packet.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";

/** What {@link SegmentRecorder} needs to know. */
export interface SegmentRecorderOptions {
  readonly folder: string;
  readonly stream: string;
  /** Name of a file without ending: `{stream}` and the fields `%Y %m %d %H %M %S` of its start, in UTC. */
  readonly pattern: string;
  /** A file ends at the first keyframe after either. */
  readonly segmentS: number;
  readonly segmentBytes: number;
  readonly view: View;
  readonly retention: FileRetention;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Packets that may wait while the disk is busy; then the stream waits. */
const CAPACITY = 512;

/** Results and events that may wait for their pictures. */
const MAX_NOTES = 4096;

type Note = Result | RuleEvent;

/**
 * Records a view without a break, in files of fragmented MP4 that begin with a keyframe, with the results beside them.
 * A process that is killed loses at most the last second.
 */
export class SegmentRecorder implements Output {
  readonly name: string;
  readonly #options: SegmentRecorderOptions;
  readonly #folder: MediaFolder;
  readonly #turns = new Turns();
  #tracks: readonly Track[] = [];
  #current: ClipFile | undefined;
  /** Its pictures are complete; results still come. */
  #previous: ClipFile | undefined;
  /** Waiting for their pictures. */
  readonly #notes: Note[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(options: SegmentRecorderOptions) {
    this.name = options.folder;
    this.#options = options;
    this.#folder = new MediaFolder({ ...options, kind: "recording" });
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

  async #run(stream: StreamTaps, outer: AbortSignal): Promise<void> {
    // One reader failing (a full disk) ends the others.
    const failed = new AbortController();
    const signal = AbortSignal.any([outer, failed.signal]);
    const reading = { whenSlow: "wait", capacity: CAPACITY, signal } as const;
    const results = stream.results(reading);
    const events = stream.events(reading);
    const drain = async <T>(items: AsyncIterable<T>, take: (item: T) => Promise<void>): Promise<void> => {
      try {
        for await (const item of items) {
          await this.#turns.next(() => take(item));
        }
      } catch (error) {
        failed.abort();
        throw error;
      }
    };
    const packets = async (): Promise<void> => {
      const feed = await stream.packets(this.#options.view, reading);
      this.#tracks = feed.tracks;
      const video = feed.tracks.findIndex((track) => track.kind === "video");
      await drain(feed.packets, (packet) => this.#onPacket(packet, packet.track === video));
    };
    const readers = [packets(), drain<Note>(results, (result) => this.#note(result)), drain<Note>(events, (event) => this.#note(event))];
    const outcomes = await Promise.allSettled(readers);
    const closed = await Promise.allSettled([this.#turns.next(() => this.#closeAll())]);
    // The first failure is why it stopped.
    const broken = [...outcomes, ...closed].find((outcome) => outcome.status === "rejected");
    if (broken !== undefined) {
      throw broken.reason;
    }
  }

  async #onPacket(packet: Packet, isVideo: boolean): Promise<void> {
    if (packet.newTrack !== undefined) {
      this.#tracks = this.#tracks.with(packet.track, packet.newTrack);
    }
    if (isVideo && packet.isKeyframe && this.#isDue(packet)) {
      await this.#finish(this.#previous);
      this.#previous = this.#current;
      const stem = await this.#folder.newStem(this.#nameAt(packet.capturedAtMs), packet.capturedAtMs);
      this.#current = await ClipFile.create({ stem, format: "fmp4", tracks: this.#tracks, first: packet });
    }
    await this.#current?.write(packet);
    await this.#writeNotes();
  }

  /** Sizes and lengths are reached; a change of the picture's format begins a file too. */
  #isDue(packet: Packet): boolean {
    const { segmentS, segmentBytes } = this.#options;
    const current = this.#current;
    return current === undefined || packet.newTrack !== undefined || packet.ptsUs - current.startUs >= segmentS * 1e6 || current.sizeBytes >= segmentBytes;
  }

  async #note(item: Note): Promise<void> {
    this.#notes.push(item);
    if (this.#notes.length > MAX_NOTES) {
      this.#notes.shift();
    }
    await this.#writeNotes();
  }

  /** Writes what belongs to pictures that the files have by now: results may be ahead of the packets, or behind. */
  async #writeNotes(): Promise<void> {
    for (let note = this.#notes[0]; note !== undefined && note.ptsUs <= (this.#current?.endUs ?? Number.NEGATIVE_INFINITY); note = this.#notes[0]) {
      this.#notes.shift();
      const { ptsUs } = note;
      const file = [this.#current, this.#previous].find((candidate) => candidate !== undefined && ptsUs >= candidate.startUs);
      await ("seq" in note && "width" in note ? file?.note(note) : file?.noteEvent(note));
    }
  }

  async #closeAll(): Promise<void> {
    const files = [this.#previous, this.#current];
    this.#previous = undefined;
    this.#current = undefined;
    for (const file of files) {
      await this.#finish(file);
    }
  }

  async #finish(file: ClipFile | undefined): Promise<void> {
    if (file === undefined) {
      return;
    }
    const sizeBytes = await file.close();
    const name = `${file.stem.slice(this.#options.folder.length).replace(/^[/\\]/, "")}.mp4`;
    await this.#folder.finished({ file: name, startedAt: isoTime(file.startedAtMs), endedAt: isoTime(file.endedAtMs), startPtsUs: file.startUs, endPtsUs: file.endUs, sizeBytes });
  }

  #nameAt(ms: number): string {
    const iso = isoTime(ms);
    const fields: Readonly<Record<string, string>> = { "%Y": iso.slice(0, -20), "%m": iso.slice(-19, -17), "%d": iso.slice(-16, -14), "%H": iso.slice(-13, -11), "%M": iso.slice(-10, -8), "%S": iso.slice(-7, -5), "{stream}": plainName(this.#options.stream) };
    return this.#options.pattern.replaceAll(/%[YmdHMS]|\{stream\}/g, (field) => fields[field] ?? field);
  }
}
