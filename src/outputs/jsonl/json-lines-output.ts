import type { Logger } from "../../contracts/log.ts";
import type { Output, StreamTaps } from "../../contracts/output.ts";
import { eventToJson } from "../../domain/event-json.ts";
import type { Result } from "../../domain/result.ts";
import { resultToJson } from "../../domain/result-json.ts";
import { openFileLines, StreamLines } from "./line-writer.ts";
import type { LineWriter } from "./line-writer.ts";

/** What {@link JsonLinesOutput} needs to know. */
export interface JsonLinesOptions {
  /** Absolute path; undefined writes to `stdout`. */
  readonly path: string | undefined;
  /** For people. */
  readonly name: string;
  readonly events: boolean;
  readonly log: Logger;
  readonly stdout: NodeJS.WritableStream;
}

/** Results that may wait while the disk is busy. */
const CAPACITY = 64;

/**
 * One JSON object a line for every result, and for every event where asked. Nothing is lost: a slow reader holds the
 * analysis up. Standard output that nobody reads any more (`| head`) ends the output quietly.
 */
export class JsonLinesOutput implements Output {
  readonly name: string;
  readonly #options: JsonLinesOptions;
  #writer: LineWriter | undefined;
  #pending: Promise<boolean> = Promise.resolve(true);
  #saidUnprintable = false;

  constructor(options: JsonLinesOptions) {
    this.#options = options;
    this.name = options.name;
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { path, stdout } = this.#options;
    this.#writer = path === undefined ? new StreamLines(stdout, "standard output") : await openFileLines(path, this.name);
  }

  async run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    // One of the two readers failing, or nobody reading the lines, ends the other.
    const ended = new AbortController();
    const options = { whenSlow: "wait", capacity: CAPACITY, signal: AbortSignal.any([signal, ended.signal]) } as const;
    const drain = async <T>(items: AsyncIterable<T>, toLine: (item: T) => string): Promise<void> => {
      try {
        for await (const item of items) {
          if (!(await this.#write(toLine(item)))) {
            ended.abort();
            return;
          }
        }
      } catch (error) {
        ended.abort();
        throw error;
      }
    };
    const readers = [drain(stream.results(options), (result) => this.#resultLine(result))];
    if (this.#options.events) {
      readers.push(drain(stream.events(options), (event) => `${JSON.stringify({ event: eventToJson(event) })}\n`));
    }
    const failed = (await Promise.allSettled(readers)).find((reader) => reader.status === "rejected");
    if (failed !== undefined) {
      throw failed.reason;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pending.catch(() => undefined);
    await this.#writer?.[Symbol.asyncDispose]();
  }

  /** Results and events take turns at the writer. */
  #write(line: string): Promise<boolean> {
    const writer = this.#writer;
    if (writer === undefined) {
      throw new Error("open() comes before run()");
    }
    this.#pending = this.#pending.then((isRead) => isRead && writer.write(line));
    return this.#pending;
  }

  #resultLine(result: Result): string {
    const json = resultToJson(result);
    try {
      return `${JSON.stringify(json)}\n`;
    } catch (error) {
      // Only a use case's own `data` can be circular or hold what JSON lacks; the rest of the result is still worth a line.
      if (!this.#saidUnprintable) {
        this.#saidUnprintable = true;
        this.#options.log.warn("a use case's data cannot be written as JSON and is left out", { reason: String(error) });
      }
      return `${JSON.stringify({ ...json, data: null })}\n`;
    }
  }
}
