import type { EventStore } from "./event-store.ts";
import type { Logger } from "../contracts/log.ts";
import type { Output, StreamTaps, View } from "../contracts/output.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";

/** What {@link EventKeeper} needs to know. */
export interface EventKeeperOptions {
  readonly store: EventStore;
  /** Which picture to keep with an event; undefined for none. */
  readonly snapshot: View | undefined;
  /** 1…100 as libjpeg counts it. */
  readonly quality: number;
  readonly log: Logger;
}

/** Results that may have caused an event not read yet. */
const MAX_RESULTS = 64;
/** Snapshots under way; events that come faster get none. */
const MAX_SNAPSHOTS = 8;

/** Keeps a stream's events in the store: the result that caused each, and the picture. */
export class EventKeeper implements Output {
  readonly name = "event store";
  readonly #options: EventKeeperOptions;
  readonly #results = new Map<number, Result>();
  readonly #snapshots = new Set<Promise<void>>();
  #newestSeq = -1;
  #wake: (() => void) | undefined;
  #hasEnded = false;

  constructor(options: EventKeeperOptions) {
    this.#options = options;
  }

  open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return Promise.resolve();
  }

  async run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const reading = { whenSlow: "wait", capacity: MAX_RESULTS / 2, signal } as const;
    const results = stream.results(reading);
    const events = stream.events({ ...reading, capacity: 1 });
    const remembering = this.#remember(results);
    for await (const event of events) {
      this.#options.store.add(event, await this.#causeOf(event));
      this.#takeSnapshot(stream, event, signal);
    }
    await remembering;
    await Promise.all(this.#snapshots);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #remember(results: AsyncIterable<Result>): Promise<void> {
    for await (const result of results) {
      this.#results.set(result.seq, result);
      this.#newestSeq = result.seq;
      for (const [seq] of this.#results) {
        if (this.#results.size <= MAX_RESULTS) {
          break;
        }
        this.#results.delete(seq);
      }
      this.#wake?.();
    }
    this.#hasEnded = true;
    this.#wake?.();
  }

  /** The result is published before its events, but on another way. */
  async #causeOf({ seq }: RuleEvent): Promise<Result | undefined> {
    while (this.#newestSeq < seq && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#results.get(seq);
  }

  #takeSnapshot(stream: StreamTaps, event: RuleEvent, signal: AbortSignal): void {
    const { snapshot, store, quality, log } = this.#options;
    if (snapshot === undefined || this.#snapshots.size >= MAX_SNAPSHOTS) {
      return;
    }
    const take = async (): Promise<void> => {
      const enough = new AbortController();
      try {
        const pictures = stream.jpegs(snapshot, { whenSlow: "skip", capacity: 1, quality, signal: AbortSignal.any([signal, enough.signal]) });
        for await (const picture of pictures) {
          // The first is the newest that was there: usually the event's own.
          store.attachSnapshot(event.id, picture.data);
          break;
        }
      } catch (error) {
        log.warn(`no snapshot: ${error instanceof Error ? error.message : String(error)}`, { event: event.id });
      } finally {
        enough.abort();
      }
    };
    const taking = take().finally(() => this.#snapshots.delete(taking));
    this.#snapshots.add(taking);
  }
}
