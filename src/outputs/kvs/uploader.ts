import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import { toVedetteError, VedetteError } from "../../errors.ts";
import { ackError } from "../../protocols/kvs/ack-errors.ts";
import type { FragmentAck } from "../../protocols/kvs/acks.ts";
import { RetryDelays } from "../../runtime/retry-delays.ts";
import { Refusal, type Connector } from "./connector.ts";
import type { FragmentStore } from "./fragment-store.ts";
import type { Fragment } from "./fragment.ts";
import { Lane } from "./lane.ts";
import { Pace } from "./pace.ts";
import { Pressure } from "./pressure.ts";
import { ConnectionOver, PutMediaConnection, type ConnectionEnd } from "./put-media-connection.ts";

/** Settings of an {@link Uploader}. */
export interface UploaderOptions {
  /** For people. */
  readonly stream: string;
  readonly store: FragmentStore;
  readonly connector: Connector;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** How many times real time what was kept is uploaded at. */
  readonly catchUp: number;
  /** Connections are replaced at this age: the service ends them at 45 minutes. */
  readonly renewAfterMs: number;
  /** What waits may not grow beyond this without the connection being looked at. */
  readonly maxLatencyMs: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const STALE_MS = 5000;
const WATCH_MS = 1000;
/** A connection is replaced so long before its credentials end. */
const EXPIRY_MARGIN_MS = 60_000;
/** How long a connection that was ended may take over its last acknowledgements. */
const FINISH_MS = 30_000;
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 5000;
/** Refusals that may pass are tried so often before they are believed. */
const MAX_REFUSALS = 4;

/**
 * Sends what is in the store, in order, over one long request after another, until the service has stored all of it. What
 * a connection took and did not get stored before it broke is sent again. A connection near its end is replaced between
 * two fragments: the next one opens while the last acknowledgements of the old one still come.
 */
export class Uploader {
  readonly #options: UploaderOptions;
  readonly #lanes = new Set<Lane>();
  readonly #delays: RetryDelays;
  readonly #pace: Pace;
  readonly #stale = new Pressure();
  readonly #latency = new Pressure();
  #current: Lane | undefined;
  #nextId = 1;
  #retryAtMs = 0;
  #refusals = 0;
  #holds = 0;
  #failures = 0;
  #waitingMs = 0;
  #lastFailure = "no connection yet";
  #fatal: VedetteError | undefined;
  /** Fragments that the service has stored. */
  stored = 0;
  /** Connections that were opened. */
  connections = 0;

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#delays = new RetryDelays({ firstMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS, random: options.random });
    this.#pace = new Pace(options.clock, options.catchUp);
  }

  /** Why nothing goes on at the moment, for people. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  /** Resolves when the store has ended and is empty. Throws what cannot be mended; ends quietly when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#options.store.changed.notify();
    signal.addEventListener("abort", stop, { once: true });
    const watching = this.#watch();
    try {
      await this.#upload(signal);
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    } finally {
      watching[Symbol.dispose]();
      signal.removeEventListener("abort", stop);
      for (const lane of this.#lanes) {
        lane.connection.cut("stopped");
      }
    }
  }

  async #upload(signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    while (!signal.aborted) {
      if (this.#fatal !== undefined) {
        throw this.#fatal;
      }
      const next = store.nextToSend();
      if (next !== undefined) {
        await this.#sendNext(next, signal);
      } else if (store.isEnded && store.fragments.length === 0) {
        return;
      } else {
        if (store.isEnded) {
          this.#finish(this.#current);
        }
        await store.changed.wait();
      }
    }
  }

  async #sendNext(next: Fragment, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const waitMs = this.#retryAtMs - clock.monotonicMs();
    if (waitMs > 0) {
      await clock.sleep(waitMs, signal);
      return;
    }
    if (next.isComplete) {
      await this.#pace.take(next, signal);
    }
    // Meanwhile a connection may have broken, and older fragments be to send again.
    if (this.#options.store.nextToSend() !== next || this.#retryAtMs > clock.monotonicMs()) {
      return;
    }
    const lane = this.#current?.takes(next, clock.monotonicMs()) === true ? this.#current : await this.#open(next, signal);
    if (lane !== undefined) {
      await this.#send(next, lane);
    }
  }

  /** Opens a connection for a fragment; the one before, where there is one, only waits for its acknowledgements. */
  async #open(first: Fragment, signal: AbortSignal): Promise<Lane | undefined> {
    const { connector, clock, renewAfterMs } = this.#options;
    try {
      const { request, expiresAtMs } = await connector.request(first.timecodeMs, signal);
      const nowMs = clock.monotonicMs();
      const lifeMs = expiresAtMs === undefined ? Infinity : expiresAtMs - clock.now() - EXPIRY_MARGIN_MS;
      const connection = new PutMediaConnection({
        id: this.#nextId++,
        request,
        clock,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        onAck: (ack) => this.#acknowledged(lane, ack),
        onEnd: (end) => this.#closed(lane, end),
      });
      this.connections++;
      // Credentials that end within the margin still serve for a while: not for nothing is asked for others.
      const lane = new Lane({ connection, format: first.format, openedAtMs: nowMs, renewAtMs: nowMs + Math.min(renewAfterMs, Math.max(lifeMs, STALE_MS)) });
      this.#lanes.add(lane);
      this.#finish(this.#current);
      this.#current = lane;
      return lane;
    } catch (error) {
      this.#refused(error, signal);
      return undefined;
    }
  }

  async #send(fragment: Fragment, lane: Lane): Promise<void> {
    const { store, clock } = this.#options;
    lane.add(fragment, clock.monotonicMs());
    try {
      if (!lane.hasHeader) {
        lane.hasHeader = true;
        await lane.connection.write(lane.format.header);
      }
      if (fragment.chunks === undefined) {
        for (const bytes of await store.read(fragment)) {
          await lane.connection.write(bytes);
        }
      } else {
        await this.#sendGrowing(fragment, fragment.chunks, lane);
      }
      fragment.isSent = true;
    } catch (error) {
      if (error instanceof ConnectionOver) {
        return;
      }
      // Somebody took its file away: the others go on.
      this.#options.log.error(toVedetteError(error).message, { output: this.#options.stream });
      lane.forget(fragment);
      store.refuse(fragment);
    }
  }

  /** Frames go out as they come; kept ones are joined, as many small writes cost more than one copy. */
  async #sendGrowing(fragment: Fragment, chunks: readonly Buffer[], lane: Lane): Promise<void> {
    let at = 0;
    while (true) {
      const ready = chunks.slice(at);
      at = chunks.length;
      if (ready.length > 0) {
        await lane.connection.write(ready.length === 1 && ready[0] !== undefined ? ready[0] : Buffer.concat(ready));
      } else if (fragment.isComplete) {
        return;
      } else {
        await Promise.race([this.#options.store.changed.wait(), lane.connection.closed]);
        if (lane.connection.isOver) {
          throw new ConnectionOver();
        }
      }
    }
  }

  /** No more is sent over it; it stays until the service has said what it has to say. */
  #finish(lane: Lane | undefined): void {
    if (lane === undefined || lane.isFinishing) {
      return;
    }
    lane.isFinishing = true;
    lane.connection.end();
    const timer = this.#options.clock.timer(FINISH_MS, () => lane.connection.cut("the last acknowledgements did not come"));
    void lane.connection.closed.then(() => timer[Symbol.dispose]());
  }

  #acknowledged(lane: Lane, ack: FragmentAck): void {
    const { store, connector } = this.#options;
    if (ack.event === "IDLE") {
      return;
    }
    const fragment = lane.find(ack);
    if (ack.event === "ERROR") {
      this.#failedFragment(lane, fragment, ack);
      return;
    }
    this.#delays.reset();
    this.#refusals = 0;
    this.#failures = 0;
    if (fragment === undefined) {
      return;
    }
    lane.heard(fragment);
    // A stream without retention keeps nothing: "received" is all it ever says.
    const isStored = ack.event === "PERSISTED" || (connector.storesNothing && ack.event === "RECEIVED");
    if (isStored) {
      this.#holds = 0;
      this.stored++;
      lane.forget(fragment);
      store.stored(fragment);
    }
  }

  /** Every error ends the connection; what becomes of the fragment says the table. */
  #failedFragment(lane: Lane, fragment: Fragment | undefined, ack: FragmentAck): void {
    const { store, log, stream } = this.#options;
    const error = ackError(ack.errorId, ack.errorCode);
    const reason = `${error.name} (${ack.errorId ?? "no id"}): ${error.meaning}`;
    log.warn(`the service refused a fragment: ${reason}`, { output: stream, fragment: fragment?.timecodeMs, remedy: error.remedy });
    if (error.remedy === "skip" && fragment !== undefined) {
      lane.forget(fragment);
      store.refuse(fragment);
    }
    if (error.remedy === "hold") {
      this.#holds++;
      if (this.#holds > MAX_REFUSALS) {
        this.#fatal = new VedetteError("E_KVS_REFUSED", { stream, reason });
      }
      this.#later(2 ** this.#holds);
    }
    this.#lastFailure = reason;
    lane.connection.cut(reason);
  }

  /** What was not stored is to be sent again. */
  #closed(lane: Lane, end: ConnectionEnd): void {
    this.#lanes.delete(lane);
    if (this.#current === lane) {
      this.#current = undefined;
    }
    for (const fragment of lane.fragments) {
      fragment.carrier = undefined;
      fragment.isSent = false;
    }
    const hasLeft = lane.fragments.length > 0;
    if (end.kind === "refused") {
      void this.#learn(end);
      return;
    }
    if (end.kind === "failed" || hasLeft) {
      this.#lastFailure = end.kind === "failed" ? end.reason : "the service ended the connection";
      this.#options.log.info("the connection is over: what was not stored is sent again", {
        output: this.#options.stream,
        reason: this.#lastFailure,
        fragments: lane.fragments.length,
      });
      this.#failed();
    }
    this.#options.store.changed.notify();
  }

  async #learn(end: ConnectionEnd & { readonly kind: "refused" }): Promise<void> {
    // Held back at once: learning takes a moment.
    this.#later(1);
    const refusal = await this.#options.connector.learn(end.error, "PutMedia").catch((error: unknown) => error);
    this.#refused(refusal);
    this.#options.store.changed.notify();
  }

  #refused(error: unknown, signal?: AbortSignal): void {
    signal?.throwIfAborted();
    if (!(error instanceof Refusal)) {
      // Credentials: none at first is final; none any more may pass.
      const known = toVedetteError(error);
      this.#lastFailure = known.message;
      if (this.stored === 0 || known.code === "E_INTERNAL") {
        this.#fatal = known;
      }
      this.#later(1);
      return;
    }
    this.#lastFailure = error.error.message;
    this.#options.log.warn(error.error.message, { output: this.#options.stream, remedy: error.remedy });
    if (error.remedy === "refused") {
      this.#fatal = error.error;
    } else if (error.remedy === "clock" && this.#refusals === 0) {
      this.#refusals++;
      this.#retryAtMs = 0;
    } else if (error.remedy === "later" || error.remedy === "throttled") {
      this.#later(error.remedy === "throttled" ? 5 : 1);
    } else {
      this.#refusals++;
      // What worked before may work again: a role that is being changed, a stream that is made anew.
      if (this.#refusals >= MAX_REFUSALS && this.stored === 0) {
        this.#fatal = error.error;
      }
      this.#later(this.#refusals === 1 ? 0 : 2 ** Math.min(this.#refusals, 5));
    }
  }

  #failed(): void {
    this.#failures++;
    if (this.#failures % 3 === 0) {
      this.#options.connector.forgetEndpoint();
    }
    this.#later(1);
  }

  #later(times: number): void {
    const untilMs = this.#options.clock.monotonicMs() + this.#delays.next() * times;
    this.#retryAtMs = Math.max(this.#retryAtMs, untilMs);
  }

  /** Looks once a second whether the service still listens and keeps up. */
  #watch(): Disposable {
    const { clock } = this.#options;
    let timer = clock.timer(WATCH_MS, () => tick());
    const tick = (): void => {
      this.#look(clock.monotonicMs());
      timer = clock.timer(WATCH_MS, tick);
    };
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  #look(nowMs: number): void {
    const { store, log, stream, maxLatencyMs } = this.#options;
    const lane = this.#current;
    if (lane === undefined) {
      return;
    }
    if (this.#stale.look(nowMs, lane.owedMs(nowMs) > STALE_MS) !== "none") {
      log.warn(`no acknowledgement for ${STALE_MS / 1000} s: the connection is reset`, { output: stream });
      lane.connection.cut(`no acknowledgement for ${STALE_MS / 1000} s`);
      return;
    }
    const waitingMs = store.spanMs;
    const step = this.#latency.look(nowMs, waitingMs > maxLatencyMs && waitingMs > this.#waitingMs);
    this.#waitingMs = waitingMs;
    if (step === "reset") {
      log.warn(`${(waitingMs / 1000).toFixed(0)} s wait to be stored, and more come: the connection is reset`, { output: stream });
      lane.connection.cut("the upload does not keep up");
    } else if (step === "throttle") {
      log.warn(`the upload does not keep up: ${(waitingMs / 1000).toFixed(0)} s wait to be stored`, { output: stream });
    }
  }
}
