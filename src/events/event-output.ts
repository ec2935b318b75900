import { Delivery } from "./delivery.ts";
import { DeliveryLock } from "./delivery-lock.ts";
import { Outbox } from "./outbox.ts";
import { VedetteError } from "../errors.ts";
import type { Destination } from "./destination.ts";
import type { OutboxLimits } from "./outbox.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { Output, StreamTaps } from "../contracts/output.ts";

/** What a destination may know of the stream it serves. */
export interface DestinationContext {
  readonly stream: string;
  /** The stream's rules, by name. */
  readonly rules: readonly string[];
  /** Events of a rule so far. */
  readonly countOf: (rule: string) => number;
}

/** What {@link EventOutput} needs to know. */
export interface EventOutputOptions {
  /** For people, and to know the outbox by: the address without credentials. */
  readonly name: string;
  readonly stream: string;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
  readonly limits?: Partial<OutboxLimits>;
  readonly maxAttempts?: number;
  /** Makes the destination; nothing is connected by that. */
  readonly create: (context: DestinationContext) => Destination;
}

/** Events between the rule and the disk: what waits here is lost when the process is killed. */
const CAPACITY = 1;
/** How long what is left may be delivered after the stream has ended. */
const GRACE_MS = 5000;
/** How often another process's right to deliver is asked for. */
const LOCK_POLL_MS = 1000;
const MAX_ATTEMPTS = 50;

/**
 * Events to a broker or receiver, at least once and in order: each is written to the outbox first, and what an earlier
 * process left there is delivered before. A destination that cannot be reached holds nothing up.
 */
export class EventOutput implements Output {
  readonly name: string;
  readonly #options: EventOutputOptions;
  #outbox: Outbox | undefined;
  #lock: DeliveryLock | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(options: EventOutputOptions) {
    this.name = options.name;
    this.#options = options;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a contract of promises
  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { dataDir, stream, clock, log, limits = {} } = this.#options;
    const destination = `${stream} → ${this.name}`;
    this.#outbox = new Outbox({ dataDir, destination, clock, log, limits });
    this.#lock = new DeliveryLock(dataDir, destination);
  }

  run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const outbox = this.#outbox;
    if (outbox === undefined) {
      throw new VedetteError("E_INTERNAL", { reason: "open() comes before run()" });
    }
    this.#running = this.#run(stream, outbox, signal);
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    // Its failure was told by `run`.
    await this.#running.catch(() => undefined);
    this.#lock?.[Symbol.dispose]();
    this.#outbox?.[Symbol.dispose]();
    this.#lock = undefined;
    this.#outbox = undefined;
  }

  async #run(stream: StreamTaps, outbox: Outbox, signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const stop = this.#stop.signal;
    // Reading begins before anything is waited for: no event is missed.
    const events = stream.events({ whenSlow: "wait", capacity: CAPACITY, signal: AbortSignal.any([signal, stop]) });
    const delivering = this.#deliver(stream, outbox, ending.signal);
    for await (const event of events) {
      outbox.enqueue(event);
    }
    ending.abort();
    using _grace = this.#options.clock.timer(GRACE_MS, () => this.#stop.abort());
    await delivering;
  }

  async #deliver(stream: StreamTaps, outbox: Outbox, ending: AbortSignal): Promise<void> {
    const { create, clock, log, random = Math.random, maxAttempts = MAX_ATTEMPTS } = this.#options;
    if (!(await this.#takeLock(outbox, ending))) {
      return;
    }
    await using destination = create({ stream: stream.stream, rules: stream.rules, countOf: (rule) => outbox.countOf(rule) });
    await new Delivery({ outbox, destination, name: this.name, clock, log, random, maxAttempts }).run(ending, this.#stop.signal);
  }

  /** False when another process has delivered to the end of this stream. */
  async #takeLock(outbox: Outbox, ending: AbortSignal): Promise<boolean> {
    let isTold = false;
    while (this.#lock?.tryTake() === false) {
      if (!isTold) {
        isTold = true;
        this.#options.log.info("another process delivers to this destination, also what this one finds", { output: this.name });
      }
      if (ending.aborted) {
        return false;
      }
      await outbox.changed(LOCK_POLL_MS, ending);
    }
    return true;
  }
}
