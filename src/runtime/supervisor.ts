import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { PacketSession, Source, SourceSession } from "../contracts/source.ts";
import type { Packet, Track } from "../domain/packet.ts";
import { VedetteError, toVedetteError } from "../errors.ts";
import { RetryDelays } from "./retry-delays.ts";
import { SessionTimeline } from "./session-timeline.ts";

/** How a supervised source is doing. */
export interface SourceStatus {
  readonly state: "connecting" | "live" | "waiting" | "ended" | "failed";
  /** Tries since the last picture. */
  readonly attempts: number;
  /** Why it waits or failed. */
  readonly error?: VedetteError;
  /** Until the next try, when it waits. */
  readonly retryInMs?: number;
}

/** How to supervise. */
export interface SuperviseOptions {
  readonly clock: Clock;
  /** 0…1, for jitter: many cameras behind one switch must not come back at once. */
  readonly random: () => number;
  readonly log: Logger;
  readonly onStatus?: (status: SourceStatus) => void;
  /** A stream from which nothing comes for so long is connected anew; also one whose timestamps stand still. */
  readonly silenceMs?: number;
  /** Longest wait for a connection and its first packet. */
  readonly openTimeoutMs?: number;
  /** Longest wait between tries: short enough that a camera is seen again within 2 s of being reachable. */
  readonly maxDelayMs?: number;
  /**
   * What happens when trying again cannot help (wrong password, no such stream): `fail` ends with the error (a command in
   * the foreground), `wait` tries again every {@link permanentDelayMs} (a daemon whose camera is being set up).
   */
  readonly onPermanent: "fail" | "wait";
  readonly permanentDelayMs?: number;
  /** Whether a first connection that fails is tried again, or told at once. */
  readonly firstOpen?: "retry" | "fail";
}

/** A session that mends itself. */
export interface SupervisedSession extends PacketSession {
  /** The decoder's verdicts: a stream that gives packets and never a picture is connected anew. */
  noteDecoded(ok: boolean): void;
}

const SILENCE_MS = 5000;
const OPEN_TIMEOUT_MS = 10_000;
const MAX_DELAY_MS = 1000;
const PERMANENT_DELAY_MS = 30_000;
/** A connection that delivered for so long was healthy: the next failure is retried at once. */
const HEALTHY_MS = 3000;

/**
 * Opens a source and keeps it open: the only place that retries. Reconnects for ever, with growing delays and jitter;
 * notices silence, timestamps that stand still, and packets that are all undecodable; timestamps never jump backwards.
 * Files and generated frames, which do not come back, are handed through as they are. The signal ends everything;
 * packets then end quietly.
 */
export async function supervise(source: Source, options: SuperviseOptions, signal: AbortSignal): Promise<SourceSession | SupervisedSession> {
  const keeper = new ConnectionKeeper(source, options, signal);
  const session = await keeper.connect(true);
  return session.delivers === "frames" || !session.isLive ? session : new Supervised(session, keeper, options);
}

/** Makes one connection after another, waiting between them. */
class ConnectionKeeper {
  readonly #source: Source;
  readonly #options: SuperviseOptions;
  readonly #delays: RetryDelays;
  readonly stop = new AbortController();
  readonly signal: AbortSignal;
  #attempts = 0;

  constructor(source: Source, options: SuperviseOptions, signal: AbortSignal) {
    this.#source = source;
    this.#options = options;
    this.signal = AbortSignal.any([signal, this.stop.signal]);
    this.#delays = new RetryDelays({ firstMs: 200, maxMs: options.maxDelayMs ?? MAX_DELAY_MS, random: options.random });
  }

  get name(): string {
    return this.#source.name;
  }

  /** True once the signal or the consumer has ended it. */
  isStopped(): boolean {
    return this.signal.aborted;
  }

  /** The stream delivers: what fails next is a new failure once it has been healthy for a while. */
  live(healthyMs: number): void {
    if (healthyMs >= HEALTHY_MS) {
      this.#delays.reset();
    }
    if (this.#attempts > 0) {
      this.#attempts = 0;
      this.#tell({ state: "live", attempts: 0 });
    }
  }

  ended(): void {
    this.#tell({ state: "ended", attempts: 0 });
  }

  /** Tries until it works. Throws what cannot be mended, and the signal's reason. */
  async connect(isFirst: boolean): Promise<SourceSession> {
    while (true) {
      this.#attempts++;
      this.#tell({ state: "connecting", attempts: this.#attempts });
      try {
        return await this.#open();
      } catch (error) {
        this.signal.throwIfAborted();
        await this.wait(toVedetteError(error), isFirst && this.#options.firstOpen === "fail");
      }
    }
  }

  /** Waits after a failure; throws it when it is final. */
  async wait(error: VedetteError, isFinal = false): Promise<void> {
    const { onPermanent, clock, log, permanentDelayMs = PERMANENT_DELAY_MS } = this.#options;
    if (isFinal || (!error.retryable && onPermanent === "fail")) {
      this.#tell({ state: "failed", attempts: this.#attempts, error });
      throw error;
    }
    const retryInMs = error.retryable ? this.#delays.next() : permanentDelayMs;
    this.#tell({ state: "waiting", attempts: this.#attempts, error, retryInMs });
    log.warn(error.message, { code: error.code, attempts: this.#attempts, retryInMs: Math.round(retryInMs) });
    await clock.sleep(retryInMs, this.signal);
  }

  async #open(): Promise<SourceSession> {
    const { clock, openTimeoutMs = OPEN_TIMEOUT_MS } = this.#options;
    const timeout = new AbortController();
    const seconds = openTimeoutMs / 1000;
    const timer = clock.timer(openTimeoutMs, () => timeout.abort(new VedetteError("E_SOURCE_SILENT", { source: this.name, seconds })));
    try {
      return await this.#source.open(AbortSignal.any([this.signal, timeout.signal]));
    } catch (error) {
      throw timeout.signal.aborted ? (timeout.signal.reason as VedetteError) : error;
    } finally {
      timer[Symbol.dispose]();
    }
  }

  #tell(status: SourceStatus): void {
    this.#options.onStatus?.(status);
  }
}

/** The session that consumers see, over however many connections. */
class Supervised implements SupervisedSession {
  readonly delivers = "packets";
  readonly isLive = true;
  readonly durationS: number | undefined;
  readonly packets: AsyncIterable<Packet>;
  readonly #keeper: ConnectionKeeper;
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #timeline = new SessionTimeline();
  readonly #tracks: Track[];
  #session: PacketSession | undefined;
  /** Since when the decoder has failed without one success. */
  #undecodedSinceMs: number | undefined;
  #running: Promise<unknown> | undefined;
  #disposed: Promise<void> | undefined;

  constructor(session: PacketSession, keeper: ConnectionKeeper, options: SuperviseOptions) {
    this.#session = session;
    this.#keeper = keeper;
    this.#clock = options.clock;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#tracks = [...session.tracks];
    this.durationS = session.durationS;
    const run = this.#run();
    // A generator cannot be stopped while it awaits: disposal aborts what it awaits, then waits for it.
    this.packets = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          const next = run.next();
          this.#running = next.then(() => undefined, () => undefined);
          return next;
        },
        return: async () => {
          await this[Symbol.asyncDispose]();
          return { done: true, value: undefined };
        },
      }),
    };
  }

  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  noteDecoded(ok: boolean): void {
    this.#undecodedSinceMs = ok ? undefined : (this.#undecodedSinceMs ?? this.#clock.monotonicMs());
  }

  async *#run(): AsyncGenerator<Packet, undefined, undefined> {
    while (!this.#keeper.isStopped()) {
      const session = this.#session;
      try {
        if (session !== undefined) {
          yield* this.#deliver(session);
          if (session.durationS !== undefined || this.#keeper.isStopped()) {
            this.#keeper.ended();
            return;
          }
          throw new VedetteError("E_SOURCE_BROKEN", { source: this.#keeper.name, reason: "the stream ended" });
        }
      } catch (error) {
        await session?.[Symbol.asyncDispose]();
        this.#session = undefined;
        if (!(await this.#mend(toVedetteError(error)))) {
          return;
        }
      }
    }
  }

  /** Waits and connects again; false when the signal ended it. */
  async #mend(error: VedetteError): Promise<boolean> {
    try {
      this.#keeper.signal.throwIfAborted();
      await this.#keeper.wait(error);
      const session = await this.#keeper.connect(false);
      if (session.delivers === "frames") {
        await session[Symbol.asyncDispose]();
        throw new VedetteError("E_INTERNAL", { reason: `${this.#keeper.name} delivered packets before, and frames now` });
      }
      this.#session = session;
      this.#timeline.break();
      this.#undecodedSinceMs = undefined;
      return true;
    } catch (failure) {
      if (this.#keeper.isStopped()) {
        await this.#session?.[Symbol.asyncDispose]();
        return false;
      }
      throw failure;
    }
  }

  async *#deliver(session: PacketSession): AsyncGenerator<Packet, void, undefined> {
    const mapping = matchTracks(this.#tracks, session.tracks);
    const startMs = this.#clock.monotonicMs();
    let moved = { dtsUs: Number.NEGATIVE_INFINITY, atMs: startMs };
    const changed = new Map(mapping.changed);
    const iterator = session.packets[Symbol.asyncIterator]();
    let waitedMs = 0;
    while (true) {
      const beforeMs = this.#clock.monotonicMs();
      const next = await this.#next(iterator, this.#silenceMs - waitedMs);
      if (next.done === true) {
        return;
      }
      const packet = next.value;
      const track = mapping.indices.get(packet.track);
      if (track === undefined) {
        continue;
      }
      const nowMs = this.#clock.monotonicMs();
      // Only waiting counts, not the time that the consumer takes; sound alone is silence too.
      waitedMs += nowMs - beforeMs;
      if (this.#tracks[track]?.kind === "video") {
        waitedMs = 0;
        if (packet.dtsUs > moved.dtsUs + FROZEN_STEP_US || packet.dtsUs < moved.dtsUs) {
          moved = { dtsUs: packet.dtsUs, atMs: nowMs };
        }
        this.#check(nowMs, moved.atMs);
      }
      this.#keeper.live(nowMs - startMs);
      const newTrack = packet.newTrack ?? changed.get(track);
      changed.delete(track);
      if (newTrack !== undefined) {
        this.#tracks[track] = newTrack;
      }
      const mapped = this.#timeline.map(packet, nowMs);
      yield mapped.track === track && newTrack === packet.newTrack ? mapped : { ...mapped, track, ...(newTrack === undefined ? {} : { newTrack }) };
    }
  }

  #check(nowMs: number, movedMs: number): void {
    const source = this.#keeper.name;
    if (nowMs - movedMs >= this.#silenceMs) {
      throw new VedetteError("E_SOURCE_BROKEN", { source, reason: `the timestamps have stood still for ${String(this.#silenceMs / 1000)} s` });
    }
    if (this.#undecodedSinceMs !== undefined && nowMs - this.#undecodedSinceMs >= this.#silenceMs) {
      throw new VedetteError("E_SOURCE_BROKEN", { source, reason: `nothing could be decoded for ${String(this.#silenceMs / 1000)} s` });
    }
  }

  /** The next packet, or an error after silence. */
  async #next(iterator: AsyncIterator<Packet>, patienceMs: number): Promise<IteratorResult<Packet>> {
    const silent = Promise.withResolvers<never>();
    const { signal } = this.#keeper;
    const onAbort = (): void => silent.reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = this.#clock.timer(patienceMs, () => {
      silent.reject(new VedetteError("E_SOURCE_SILENT", { source: this.#keeper.name, seconds: this.#silenceMs / 1000 }));
    });
    try {
      signal.throwIfAborted();
      return await Promise.race([iterator.next(), silent.promise]);
    } finally {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    this.#keeper.stop.abort(new VedetteError("E_STOPPED", { what: this.#keeper.name }));
    await this.#running;
    await this.#session?.[Symbol.asyncDispose]();
  }
}

/** Decoding times that creep by single microseconds come from stamps that stand still. */
const FROZEN_STEP_US = 100;

/** Which of a new connection's tracks is which of the old ones: by kind, in order. Tracks that were not there are left out. */
function matchTracks(
  known: readonly Track[],
  found: readonly Track[],
): { readonly indices: ReadonlyMap<number, number>; readonly changed: ReadonlyMap<number, Track> } {
  const indices = new Map<number, number>();
  const changed = new Map<number, Track>();
  const taken = new Set<number>();
  for (const [index, track] of found.entries()) {
    const match = known.findIndex((candidate, at) => candidate.kind === track.kind && !taken.has(at));
    const before = known[match];
    if (before !== undefined) {
      taken.add(match);
      indices.set(index, match);
      if (!isSameTrack(before, track)) {
        changed.set(match, track);
      }
    }
  }
  return { indices, changed };
}

function isSameTrack(a: Track, b: Track): boolean {
  const { codecPrivate: privateA, ...restA } = a;
  const { codecPrivate: privateB, ...restB } = b;
  return JSON.stringify(restA) === JSON.stringify(restB) && Buffer.compare(privateA ?? new Uint8Array(), privateB ?? new Uint8Array()) === 0;
}
