import { open, unlink } from "node:fs/promises";
import { getSystemErrorMessage } from "node:util";
import type { Logger } from "../../contracts/log.ts";
import type { Output, StreamTaps, View } from "../../contracts/output.ts";
import { VedetteError } from "../../errors.ts";
import { createMuxer } from "../../media/index.ts";
import { startingNearZero } from "./start-time.ts";

/** What {@link FileOutput} needs to know. */
export interface FileOutputOptions {
  /** Absolute path; its ending says the container. */
  readonly path: string;
  /** For people: the path as it was given. */
  readonly name: string;
  readonly view: View;
  readonly log: Logger;
}

/** Packets that may wait while the disk is busy. */
const CAPACITY = 256;

/** Records a view. Nothing is lost: a slow disk holds the stream up. A recording without a packet leaves no file. */
export class FileOutput implements Output {
  readonly name: string;
  readonly #options: FileOutputOptions;
  #running: Promise<void> = Promise.resolve();
  #isEmpty = false;
  #disposed: Promise<void> | undefined;

  constructor(options: FileOutputOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    try {
      // Emptied at once: whoever looks sees that the old recording goes.
      await (await open(this.#options.path, "w")).close();
      this.#isEmpty = true;
    } catch (error) {
      throw new VedetteError("E_OUTPUT_UNWRITABLE", { output: this.name, reason: reasonOf(error) }, { cause: error });
    }
  }

  run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    this.#running = this.#record(stream, signal);
    return this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #record(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const { path, view } = this.#options;
    const feed = await stream.packets(view, { whenSlow: "wait", capacity: CAPACITY, signal });
    const muxer = await createMuxer(path, { format: /\.mkv$/i.test(path) ? "matroska" : "mp4", tracks: feed.tracks, name: this.name });
    try {
      for await (const packet of startingNearZero(feed.packets)) {
        await muxer.write(packet);
        this.#isEmpty = false;
      }
    } catch (error) {
      // What was written so far is made whole; why it stopped is what the user needs to hear.
      await muxer[Symbol.asyncDispose]();
      throw error;
    }
    await muxer.close();
  }

  async #dispose(): Promise<void> {
    // A failure of the recording was told by `run`.
    await this.#running.catch(() => undefined);
    if (this.#isEmpty) {
      await unlink(this.#options.path).catch((error: unknown) => {
        this.#options.log.debug("an empty recording could not be removed", { output: this.name, reason: reasonOf(error) });
      });
    }
  }
}

function reasonOf(error: unknown): string {
  // Errors of node:fs carry the system's number.
  const number = (error as NodeJS.ErrnoException).errno;
  return number === undefined ? String(error) : getSystemErrorMessage(number);
}
