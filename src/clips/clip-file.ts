import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { createMuxer } from "../media/index.ts";
import { VedetteError } from "../errors.ts";
import { eventToJson } from "../domain/event-json.ts";
import { resultToJson } from "../domain/result-json.ts";
import { mediaTimeUs } from "../domain/time.ts";
import type { Muxer } from "../media/index.ts";
import type { Packet, Track } from "../domain/packet.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";

/** What a new file needs. */
export interface ClipFileOptions {
  /** Absolute path without ending. */
  readonly stem: string;
  /** `mp4` becomes a regular MP4 when closed, `fmp4` stays fragments; both are playable when the process dies. */
  readonly format: "mp4" | "fmp4";
  readonly tracks: readonly Track[];
  /** The keyframe it begins with: its time is zero of the file. */
  readonly first: Packet;
}

/**
 * `STEM.mp4` with packets as they came, and `STEM.jsonl` with results and events as timed metadata: the same lines as the
 * JSON lines output, plus `clipPtsUs`, the time within the clip (`ptsUs` is the stream's own).
 */
export class ClipFile {
  readonly stem: string;
  readonly startUs: number;
  readonly startedAtMs: number;
  readonly #video: number;
  readonly #muxer: Muxer;
  readonly #lines: FileHandle;
  #endUs: number;
  #endedAtMs: number;
  #sizeBytes = 0;

  private constructor({ stem, tracks, first }: ClipFileOptions, muxer: Muxer, lines: FileHandle) {
    this.stem = stem;
    this.startUs = first.ptsUs;
    this.startedAtMs = first.capturedAtMs;
    this.#endUs = first.ptsUs;
    this.#endedAtMs = first.capturedAtMs;
    this.#video = tracks.findIndex((track) => track.kind === "video");
    this.#muxer = muxer;
    this.#lines = lines;
  }

  /** Creates both files. Throws the coded errors of the muxer. */
  static async create(options: ClipFileOptions): Promise<ClipFile> {
    const muxer = await createMuxer(`${options.stem}.mp4`, { format: options.format, tracks: options.tracks });
    try {
      return new ClipFile(options, muxer, await open(`${options.stem}.jsonl`, "a"));
    } catch (error) {
      await muxer[Symbol.asyncDispose]();
      throw unwritable(options.stem, error);
    }
  }

  get path(): string {
    return `${this.stem}.mp4`;
  }

  /** Time of the newest picture. */
  get endUs(): number {
    return this.#endUs;
  }

  get endedAtMs(): number {
    return this.#endedAtMs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Sound from before the first picture is left out. */
  async write(packet: Packet): Promise<void> {
    if (packet.track === this.#video) {
      if (packet.ptsUs > this.#endUs) {
        this.#endUs = packet.ptsUs;
        this.#endedAtMs = packet.capturedAtMs;
      }
    } else if (packet.ptsUs < this.startUs) {
      return;
    }
    this.#sizeBytes += packet.data.length;
    await this.#muxer.write({ ...packet, ptsUs: mediaTimeUs(packet.ptsUs - this.startUs), dtsUs: mediaTimeUs(packet.dtsUs - this.startUs) });
  }

  /** A result that belongs to its time. */
  async note(result: Result): Promise<void> {
    await this.#line({ ...resultToJson(result), clipPtsUs: result.ptsUs - this.startUs });
  }

  /** An event that it shows. */
  async noteEvent(event: RuleEvent): Promise<void> {
    await this.#line({ event: eventToJson(event), clipPtsUs: event.ptsUs - this.startUs });
  }

  /** Finishes both files; returns their size. Throws the coded errors of the muxer. */
  async close(): Promise<number> {
    try {
      await this.#muxer.close();
    } finally {
      await this.#lines.close();
    }
    return (await stat(this.path)).size;
  }

  async #line(value: object): Promise<void> {
    try {
      await this.#lines.write(`${JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item))}\n`);
    } catch (error) {
      throw unwritable(this.stem, error);
    }
  }
}

function unwritable(stem: string, error: unknown): VedetteError {
  const output = `${stem}.jsonl`;
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" ? new VedetteError("E_OUTPUT_FULL", { output }, { cause: error }) : new VedetteError("E_OUTPUT_BROKEN", { output, reason: message }, { cause: error });
}
