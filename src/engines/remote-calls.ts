import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import { VedetteError } from "../errors.ts";
import { CircuitBreaker } from "../runtime/circuit-breaker.ts";

/** One server: how it is called is its transport's business. */
export interface RemoteServer extends AsyncDisposable {
  /** `HOST:PORT`. */
  readonly address: string;
}

/** How calls are spread and repeated. */
export interface RemoteCallsOptions {
  /** For messages: `kserve`. */
  readonly engine: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timeoutMs: number;
  /** How long after its beginning a call may be made again. */
  readonly retryForMs: number;
}

/** Failures that another try, or another server, may not share. Inference changes nothing on the server: repeating is safe. */
const WORTH_RETRYING: ReadonlySet<string> = new Set(["E_ENGINE_UNREACHABLE", "E_ENGINE_BUSY"]);
/** Failures that say the server is not well. */
const SERVER_IS_ILL: ReadonlySet<string> = new Set(["E_ENGINE_UNREACHABLE", "E_ENGINE_BUSY", "E_ENGINE_TIMEOUT"]);
const FAILURES = 5;
const PAUSE_MS = 500;
const MAX_PAUSE_MS = 15_000;
/** Between two tries at the same server. */
const RETRY_PAUSE_MS = 20;

interface Place<S> {
  readonly server: S;
  readonly breaker: CircuitBreaker;
  underWay: number;
}

/**
 * Calls several servers as one: each call goes to the least busy that is well, is bounded in time, and is repeated,
 * elsewhere if possible, while the frame is young enough and repeating may help. A server that fails again and again is
 * left alone for a while (circuit breaker), as long as it asks for at most (Retry-After). After disposal no call runs.
 */
export class RemoteCalls<S extends RemoteServer> implements AsyncDisposable {
  readonly #options: RemoteCallsOptions;
  readonly #places: readonly Place<S>[];
  readonly #closed = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();
  #turn = 0;
  #disposal: Promise<void> | undefined;

  /** Owns the servers. */
  constructor(servers: readonly S[], options: RemoteCallsOptions) {
    this.#options = options;
    this.#places = servers.map((server) => ({
      server,
      breaker: new CircuitBreaker({ clock: options.clock, failures: FAILURES, pauseMs: PAUSE_MS, maxPauseMs: MAX_PAUSE_MS }),
      underWay: 0,
    }));
  }

  /** Makes a call. The signal given to `use` aborts with the caller's, at the time limit, or when this is disposed. */
  async call<R>(use: (server: S, signal: AbortSignal) => Promise<R>, signal: AbortSignal): Promise<R> {
    signal.throwIfAborted();
    if (this.#closed.signal.aborted) {
      throw this.#stopped();
    }
    const call = this.#callWithRetries(use, signal);
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= (async () => {
      this.#closed.abort(this.#stopped());
      await Promise.allSettled(this.#underWay);
      await Promise.all(this.#places.map(({ server }) => server[Symbol.asyncDispose]()));
    })();
    return this.#disposal;
  }

  async #callWithRetries<R>(use: (server: S, signal: AbortSignal) => Promise<R>, signal: AbortSignal): Promise<R> {
    const { clock, retryForMs } = this.#options;
    const startMs = clock.monotonicMs();
    const tried = new Set<Place<S>>();
    let failure: Error | undefined;
    while (true) {
      const place = this.#choose(tried);
      const permit = place?.breaker.enter();
      if (place === undefined || permit === undefined) {
        throw failure ?? this.#nobody();
      }
      place.underWay++;
      try {
        const reply = await this.#once(place.server, use, signal);
        permit.succeeded();
        return reply;
      } catch (error) {
        const code = error instanceof VedetteError ? error.code : "";
        const isOurs = signal.aborted || this.#closed.signal.aborted;
        if (isOurs) {
          permit.withdrawn();
        } else if (SERVER_IS_ILL.has(code)) {
          permit.failed();
          this.#pause(place, error);
        } else {
          // It answered: what it said concerns this request alone.
          permit.succeeded();
        }
        // Transports reject with errors only.
        failure = error as Error;
        tried.add(place);
        const isYoung = clock.monotonicMs() - startMs + RETRY_PAUSE_MS <= retryForMs;
        if (isOurs || !WORTH_RETRYING.has(code) || !isYoung) {
          throw error;
        }
      } finally {
        place.underWay--;
      }
      if (tried.size >= this.#places.length) {
        await clock.sleep(RETRY_PAUSE_MS, AbortSignal.any([signal, this.#closed.signal]));
        tried.clear();
      }
    }
  }

  async #once<R>(server: S, use: (server: S, signal: AbortSignal) => Promise<R>, signal: AbortSignal): Promise<R> {
    const { clock, timeoutMs, engine } = this.#options;
    const late = new AbortController();
    const timer = clock.timer(timeoutMs, () => late.abort(new VedetteError("E_ENGINE_TIMEOUT", { engine: `${engine} ${server.address}`, limit: `${timeoutMs} ms` })));
    const either = AbortSignal.any([signal, late.signal, this.#closed.signal]);
    try {
      return await use(server, either);
    } catch (error) {
      // Whatever the transport made of the abort, its reason is what happened.
      throw either.aborted ? (either.reason as Error) : error;
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** The least busy that is well and was not tried; in turn among equals. */
  #choose(tried: ReadonlySet<Place<S>>): Place<S> | undefined {
    this.#turn++;
    let best: Place<S> | undefined;
    for (let i = 0; i < this.#places.length; i++) {
      const place = this.#places[(i + this.#turn) % this.#places.length];
      if (place !== undefined && !tried.has(place) && isWell(place.breaker) && (best === undefined || place.underWay < best.underWay)) {
        best = place;
      }
    }
    return best;
  }

  #pause(place: Place<S>, error: unknown): void {
    const retryAfterMs = error instanceof VedetteError ? Number(error.details["retryAfterMs"] ?? 0) : 0;
    if (retryAfterMs > 0) {
      place.breaker.pauseFor(Math.min(retryAfterMs, MAX_PAUSE_MS));
    }
    if (place.breaker.state === "open") {
      this.#options.log.warn("model server left alone for a while", {
        server: place.server.address,
        forMs: Math.round(place.breaker.waitMs),
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #nobody(): VedetteError {
    const waitMs = Math.min(...this.#places.map(({ breaker }) => breaker.waitMs));
    return new VedetteError("E_ENGINE_UNREACHABLE", {
      engine: `${this.#options.engine} ${this.#places.map(({ server }) => server.address).join(",")}`,
      reason: `failed before, tried again in ${Math.ceil(waitMs)} ms`,
    });
  }

  #stopped(): VedetteError {
    return new VedetteError("E_STOPPED", { what: `the ${this.#options.engine} engine` });
  }
}

function isWell(breaker: CircuitBreaker): boolean {
  return breaker.state === "closed" || (breaker.state === "open" && breaker.waitMs === 0);
}
