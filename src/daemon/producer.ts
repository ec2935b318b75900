import { existsSync } from "node:fs";
import { createOutput } from "./addresses.ts";
import { defaultDataDir } from "./data-dir.ts";
import { Host } from "./host.ts";
import { uploadRequest } from "./upload-request.ts";
import type { Logger } from "../contracts/log.ts";
import { VedetteError } from "../errors.ts";
import type { StreamSnapshot } from "../pipeline/stats.ts";
import { systemClock } from "../runtime/clock.ts";
import { silentLogger } from "../runtime/log.ts";
import { DEEPLENS_STREAM } from "../sources/deeplens/index.ts";

/** A source as `pipeline` takes it: an address (`rtsp://…`, a path, `device:0`) or a configured kind. */
export type ProducerSource = string | Readonly<Record<string, unknown>>;

/** How a {@link Producer} captures and uploads. */
export interface ProducerOptions {
  /** Lines of the picture, or WIDTHxHEIGHT. */
  readonly resolution?: 480 | 720 | 1080 | `${number}x${number}`;
  readonly fps?: number;
  /** Frames from keyframe to keyframe; a second of them when left out. */
  readonly gop?: number;
  /** Bits per second. */
  readonly bitrate?: number;
  /** Left out: a DeepLens' own camera where there is one, else the first camera of this machine. */
  readonly source?: ProducerSource;
  readonly region?: string;
  /** Address of the control plane, for private endpoints and test servers. */
  readonly endpoint?: string;
  /** Folder that keeps what is not stored yet. */
  readonly spool?: string;
  /** Create a stream that is not there; true when left out. */
  readonly create?: boolean;
  /** Further settings of the output kind `kvs`, by their names in the configuration. */
  readonly kvs?: Readonly<Record<string, unknown>>;
  readonly log?: Logger;
}

/** One upload. */
export interface UploadOptions {
  readonly source?: ProducerSource;
  /** Begin again at the end of a file. */
  readonly loop?: boolean;
  /** Aborting ends the upload; what was read is still stored. */
  readonly signal?: AbortSignal;
}

const SIZES: Readonly<Record<number, string>> = { 1080: "1920x1080", 720: "1280x720", 480: "858x480" };
const STREAM = "producer";

/**
 * Uploads video to Kinesis Video Streams: settings in the constructor, then `connect` to a stream, `upload` for some
 * seconds, `disconnect`. H.264 and H.265 go as they are; other pictures are encoded with the settings given.
 *
 * ```ts
 * const producer = new Producer({ resolution: 720, fps: 15, gop: 15, bitrate: 2_000_000 });
 * await producer.connect("MyKVStream");
 * await producer.upload(60);
 * await producer.disconnect();
 * ```
 */
export class Producer implements AsyncDisposable {
  readonly #options: ProducerOptions;
  readonly #log: Logger;
  #stream: string | undefined;
  #uploading: { readonly stop: AbortController; readonly finished: Promise<StreamSnapshot> } | undefined;

  constructor(options: ProducerOptions = {}) {
    this.#options = options;
    this.#log = options.log ?? silentLogger;
  }

  /** Finds credentials and the stream, and makes the stream if need be. Throws `E_KVS_…`. */
  async connect(stream: string, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const context = { stream: STREAM, clock: systemClock, log: this.#log, baseDir: process.cwd(), dataDir: defaultDataDir(), allowAnonymous: false };
    await using output = await createOutput({ kind: "kvs", ...this.#kvs(stream) }, {}, context);
    await output.open(signal);
    this.#stream = stream;
  }

  /**
   * Uploads for so many seconds, or until the source ends; resolves when the service has stored everything. Throws
   * `E_KVS_…` for what the service refuses, and `E_SOURCE_…` when the source fails.
   */
  async upload(seconds?: number, options: UploadOptions = {}): Promise<StreamSnapshot> {
    if (this.#stream === undefined) {
      throw new VedetteError("E_USAGE", { reason: "connect(STREAM) comes before upload(…)" });
    }
    if (this.#uploading !== undefined) {
      throw new VedetteError("E_USAGE", { reason: "an upload is under way: one Producer uploads one thing at a time" });
    }
    if (seconds !== undefined && !(seconds > 0)) {
      throw new VedetteError("E_USAGE", { reason: `upload(seconds): expected a number above 0, got ${seconds}` });
    }
    const stop = new AbortController();
    const finished = this.#run(this.#stream, options, stop, seconds);
    this.#uploading = { stop, finished };
    try {
      return await finished;
    } finally {
      this.#uploading = undefined;
    }
  }

  /** Ends an upload that is under way, and waits until what was read is stored. */
  async disconnect(): Promise<void> {
    const uploading = this.#uploading;
    uploading?.stop.abort();
    // Its failure is told to whoever called `upload`.
    await uploading?.finished.catch(() => undefined);
    this.#stream = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  async #run(stream: string, options: UploadOptions, stop: AbortController, seconds: number | undefined): Promise<StreamSnapshot> {
    const { resolution, fps, gop = fps, bitrate } = this.#options;
    const size = typeof resolution === "number" ? SIZES[resolution] : resolution;
    const request = uploadRequest(STREAM, {
      source: options.source ?? this.#options.source ?? this.#camera(),
      kvs: this.#kvs(stream),
      encode: given({ bitrate, gop, size }),
      size,
      fps,
      loop: options.loop,
    });
    await using host = new Host({ clock: systemClock, log: this.#log, baseDir: process.cwd(), dataDir: defaultDataDir(), allowAnonymous: false });
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
    const running = await host.prepare(STREAM, request, signal);
    using _timer = seconds === undefined ? undefined : systemClock.timer(seconds * 1000, () => stop.abort());
    return await running.run(signal);
  }

  #camera(): ProducerSource {
    const { resolution, fps, gop, bitrate } = this.#options;
    const lines = typeof resolution === "number" ? resolution : undefined;
    return existsSync(DEEPLENS_STREAM) ? given({ kind: "deeplens", resolution: lines, fps, gop, bitrate }) : "device:0";
  }

  #kvs(stream: string): Readonly<Record<string, unknown>> {
    const { region, endpoint, spool, create = true, kvs = {} } = this.#options;
    return given({ stream, region, endpoint, spool, create, ...kvs });
  }
}

function given(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
