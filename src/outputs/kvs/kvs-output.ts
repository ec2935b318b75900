import { join, resolve } from "node:path";
import type { KindContext } from "../../contracts/kinds.ts";
import type { Output, StreamTaps } from "../../contracts/output.ts";
import { VedetteError } from "../../errors.ts";
import { defaultCredentials } from "../../runtime/aws/credentials.ts";
import { iotCredentials, iotIdentityFromEnv } from "../../runtime/aws/iot-credentials.ts";
import { KinesisVideo } from "../../runtime/aws/kinesis-video.ts";
import { chooseView, type VideoFeed } from "./choose-view.ts";
import type { KvsOutputConfig } from "./config.ts";
import { Connector, Refusal } from "./connector.ts";
import { FragmentStore, type LossReason } from "./fragment-store.ts";
import type { Fragment } from "./fragment.ts";
import { Fragmenter } from "./fragmenter.ts";
import { Spool } from "./spool.ts";
import { Uploader } from "./uploader.ts";

/** A source that is silent for so long has its last fragment ended. */
const IDLE_MS = 5000;
/** The share of the buffer that may wait before the connection is looked at. */
const MAX_LATENCY = 0.85;
/** With a spool, memory keeps this much besides. */
const MEMORY_BYTES = 32 * 1024 * 1024;

/** Uploads a view to Kinesis Video Streams. */
export class KvsOutput implements Output {
  readonly name: string;
  readonly #config: KvsOutputConfig;
  readonly #context: KindContext;
  readonly #service: KinesisVideo;
  readonly #connector: Connector;
  readonly #stop = new AbortController();
  #spool: Spool | undefined;
  #running: Promise<void> = Promise.resolve();
  #disposed: Promise<void> | undefined;

  constructor(config: KvsOutputConfig, context: KindContext) {
    this.name = `kvs://${config.stream}`;
    this.#config = config;
    this.#context = context;
    const { clock, log } = context;
    const identity = config.iot ?? iotIdentityFromEnv(process.env);
    const credentials = identity === undefined ? defaultCredentials(this.name) : iotCredentials(identity, this.name, () => clock.now());
    this.#service = new KinesisVideo({ region: config.region, endpoint: config.endpoint, credentials, clock });
    this.#connector = new Connector({
      stream: config.stream,
      service: this.#service,
      credentials,
      clock,
      log,
      create: config.create ? { retentionHours: config.retentionHours } : undefined,
    });
  }

  /** Takes the spool, and looks whether the stream is there. Without network the upload begins all the same. */
  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { spool, stream } = this.#config;
    if (spool !== undefined) {
      this.#spool = await Spool.open(join(resolve(this.#context.baseDir, spool), stream), this.#context.log);
    }
    try {
      await this.#connector.prepare(signal);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      if (error.remedy !== "later" && error.remedy !== "throttled") {
        throw error.error;
      }
      this.#context.log.warn(`${error.error.message}; what comes is kept meanwhile`, { output: this.name });
    }
  }

  run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    this.#running = this.#run(stream, AbortSignal.any([signal, this.#stop.signal]));
    return this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#context;
    const { catchUp, renewAfterSeconds, bufferSeconds, reencode, view } = this.#config;
    const store = this.#createStore();
    const uploader = new Uploader({
      stream: this.name,
      store,
      connector: this.#connector,
      clock,
      log,
      random: Math.random,
      catchUp,
      renewAfterMs: renewAfterSeconds * 1000,
      maxLatencyMs: bufferSeconds * MAX_LATENCY * 1000,
    });
    const ending = new AbortController();
    // What the upload failed for ends the reading; a stream that ends leaves the upload to finish.
    const failed = new AbortController();
    const uploading = uploader.run(ending.signal).catch((error: unknown) => {
      failed.abort();
      throw error;
    });
    uploading.catch(() => undefined);
    const reading = AbortSignal.any([signal, failed.signal]);
    try {
      const feed = await chooseView(stream, { output: this.name, view, reencode, log, signal: reading });
      await this.#feed(feed, store, reading);
    } finally {
      store.end();
      await this.#finish(uploading, store, uploader, ending);
    }
  }

  #createStore(): FragmentStore {
    const { bufferBytes, bufferSeconds, spoolBytes } = this.#config;
    const { log } = this.#context;
    const onLost = (fragments: readonly Fragment[], reason: LossReason): void => {
      const seconds = fragments.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
      const frames = fragments.reduce((sum, fragment) => sum + fragment.frames, 0);
      const why = reason === "overflow" ? "more waits to be stored than is kept: the oldest fragments are dropped" : "the service does not take a fragment: it is dropped";
      log.warn(why, { output: this.name, fragments: fragments.length, frames, seconds });
    };
    const limits =
      this.#spool === undefined
        ? { maxBytes: bufferBytes, maxSpanMs: bufferSeconds * 1000, maxMemoryBytes: bufferBytes }
        : { maxBytes: spoolBytes, maxSpanMs: Infinity, maxMemoryBytes: MEMORY_BYTES };
    const left = this.#spool?.recovered.length ?? 0;
    if (left > 0) {
      log.info("an earlier run left fragments in the spool: they are uploaded first", { output: this.name, fragments: left });
    }
    return new FragmentStore({ limits, spool: this.#spool, onLost });
  }

  async #feed(feed: VideoFeed, store: FragmentStore, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#context;
    const { tags, minFragmentMs, maxFragmentMs } = this.#config;
    const fragmenter = new Fragmenter({ stream: this.name, store, track: feed.track, isLive: feed.isLive, log, tags, minFragmentMs, maxFragmentMs });
    let idle = clock.timer(IDLE_MS, () => fragmenter.idle());
    try {
      for await (const packet of feed.packets) {
        idle[Symbol.dispose]();
        fragmenter.push(packet);
        await store.flushed();
        while (!feed.isLive && store.isFull && !signal.aborted) {
          await store.changed.wait();
        }
        idle = clock.timer(IDLE_MS, () => fragmenter.idle());
      }
    } finally {
      idle[Symbol.dispose]();
      fragmenter.idle();
      const { nudged, skipped } = fragmenter;
      if (nudged > 0 || skipped > 0) {
        log.info("frames with repeated timestamps were moved forward, frames before the first keyframe left out", { output: this.name, nudged, skipped });
      }
    }
  }

  async #finish(uploading: Promise<void>, store: FragmentStore, uploader: Uploader, ending: AbortController): Promise<void> {
    const { clock, log } = this.#context;
    const timer = clock.timer(this.#config.stopTimeoutSeconds * 1000, () => ending.abort());
    const stop = (): void => ending.abort();
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    if (this.#stop.signal.aborted) {
      stop();
    }
    try {
      await uploading;
    } finally {
      timer[Symbol.dispose]();
      this.#stop.signal.removeEventListener("abort", stop);
    }
    log.info("uploaded", { output: this.name, fragments: uploader.stored, connections: uploader.connections });
    if (store.fragments.length > 0) {
      const seconds = Math.round(store.fragments.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000);
      throw new VedetteError("E_KVS_UNFINISHED", { stream: this.name, fragments: store.fragments.length, seconds, reason: uploader.lastFailure });
    }
  }

  async #dispose(): Promise<void> {
    this.#stop.abort();
    // A failure of the upload was told by `run`.
    await this.#running.catch(() => undefined);
    await this.#spool?.[Symbol.asyncDispose]();
    this.#service[Symbol.dispose]();
  }
}
