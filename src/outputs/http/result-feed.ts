import type { ServerResponse } from "node:http";
import type { Clock } from "../../contracts/clock.ts";
import type { Result } from "../../domain/result.ts";
import type { RuleEvent } from "../../domain/event.ts";
import { eventToJson } from "../../domain/event-json.ts";
import { resultToJson } from "../../domain/result-json.ts";
import { RateMeter } from "./rate-meter.ts";

/** How many events a new listener is told of. */
const REMEMBERED_EVENTS = 50;

/** How often the numbers of the page are sent. */
const STATUS_MS = 1000;

/** Sends results and a few numbers to everybody who listens, as server-sent events (WHATWG HTML §9.2). */
export class ResultFeed implements Disposable {
  readonly #clock: Clock;
  readonly #listeners = new Set<ServerResponse>();
  readonly #results = new RateMeter();
  readonly #pictures = new RateMeter();
  #lastPicture = -1;
  readonly #events: string[] = [];
  #newest: Result | undefined;
  #timer: Disposable | undefined;
  #isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The stream runs: there are pictures to be had from now on. */
  start(): void {
    this.#isRunning = true;
    const message = this.#stamped(this.#status());
    for (const listener of this.#listeners) {
      send(listener, message);
    }
  }

  /** A new result. A listener that has not taken the last one misses this one. */
  push(result: Result): void {
    this.#newest = result;
    this.#results.mark(this.#clock.monotonicMs());
    if (this.#listeners.size > 0) {
      const message = this.#stamped(resultMessage(result));
      for (const listener of this.#listeners) {
        send(listener, message);
      }
    }
  }

  /** A rule's event: told to everybody who listens, and to who comes next. */
  pushEvent(event: RuleEvent): void {
    const message = `event: rule\ndata: ${JSON.stringify(eventToJson(event))}\n\n`;
    this.#events.push(message);
    this.#events.splice(0, this.#events.length - REMEMBERED_EVENTS);
    for (const listener of this.#listeners) {
      send(listener, this.#stamped(message));
    }
  }

  /** A picture went out to some viewer; the same one may go to several. */
  markPicture(seq: number): void {
    if (seq > this.#lastPicture) {
      this.#lastPicture = seq;
      this.#pictures.mark(this.#clock.monotonicMs());
    }
  }

  /** Serves a listener until it leaves: first the newest result, then each as it comes. */
  add(response: ServerResponse): void {
    response.once("close", () => {
      this.#listeners.delete(response);
      if (this.#listeners.size === 0) {
        this.#timer?.[Symbol.dispose]();
        this.#timer = undefined;
      }
    });
    this.#listeners.add(response);
    // After a lost connection the browser tries again by itself, this soon.
    response.write("retry: 2000\n\n");
    if (this.#newest !== undefined) {
      send(response, this.#stamped(resultMessage(this.#newest)));
    }
    for (const message of this.#events) {
      send(response, this.#stamped(message));
    }
    send(response, this.#stamped(this.#status()));
    this.#schedule();
  }

  /** Ends all listeners' answers. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    for (const listener of this.#listeners) {
      listener.end();
    }
    this.#listeners.clear();
  }

  #schedule(): void {
    this.#timer ??= this.#clock.timer(STATUS_MS, () => {
      this.#timer = undefined;
      const message = this.#stamped(this.#status());
      for (const listener of this.#listeners) {
        send(listener, message);
      }
      this.#schedule();
    });
  }

  /** Every event's id is our time in milliseconds: pages know by it how far their clock is from ours. */
  #stamped(message: string): string {
    return `id: ${this.#clock.now().toFixed(1)}\n${message}`;
  }

  #status(): string {
    const now = this.#clock.monotonicMs();
    const status = {
      isRunning: this.#isRunning,
      resultsPerSecond: Math.round(this.#results.perSecond(now) * 10) / 10,
      picturesPerSecond: Math.round(this.#pictures.perSecond(now) * 10) / 10,
      ageMs: this.#newest === undefined ? null : Math.round(this.#newest.ageMs),
    };
    return `event: status\ndata: ${JSON.stringify(status)}\n\n`;
  }
}

function send(listener: ServerResponse, message: string): void {
  if (!listener.writableNeedDrain && !listener.destroyed) {
    listener.write(message);
  }
}

function resultMessage(result: Result): string {
  const json = resultToJson(result);
  try {
    return `event: result\ndata: ${JSON.stringify(json)}\n\n`;
  } catch {
    // Only a use case's own `data` can be circular or hold what JSON lacks.
    return `event: result\ndata: ${JSON.stringify({ ...json, data: null })}\n\n`;
  }
}
