import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { Output, StreamTaps, View } from "../../contracts/output.ts";
import { VedetteError } from "../../errors.ts";
import { isLoopback, refuse } from "./access.ts";
import type { Credentials } from "./access.ts";
import { page, PAGE_POLICY } from "./page.ts";
import { ResultFeed } from "./result-feed.ts";
import { partStyleFor, sendVideoFeed, VIDEO_FEED_TYPE } from "./video-feed.ts";
import { watching } from "./viewer-response.ts";

/** What {@link HttpOutput} needs to know. */
export interface HttpOutputOptions {
  /** Name of the stream, shown on the page. */
  readonly stream: string;
  readonly host: string;
  /** 0 takes any free port; {@link HttpOutput.name} tells which. */
  readonly port: number;
  readonly view: View;
  /** JPEG quality where the viewer does not ask for one, 1…100. */
  readonly quality: number;
  readonly credentials: Credentials | undefined;
  readonly allowAnonymous: boolean;
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a viewer asked for in the address. */
interface Wish {
  readonly view: View;
  readonly quality: number;
}

/** Each quality is an encode of its own: viewers' wishes are rounded to these steps, so that there are few. */
const QUALITY_STEP = 5;
const SNAPSHOT_WAIT_MS = 5000;
const LAST_PICTURES_MS = 1000;
const SLOW_HEADERS_MS = 10_000;
const MAX_HEADER_BYTES = 16 << 10;

type Handler = (request: IncomingMessage, response: ServerResponse, wish: Wish) => void | Promise<void>;

/**
 * A page with the live picture, for any number of viewers. Each sees every picture it can take; a slow one skips to the
 * newest and never holds up another. Pictures are made only while somebody watches.
 */
export class HttpOutput implements Output {
  readonly #options: HttpOutputOptions;
  readonly #server: Server;
  readonly #feed: ResultFeed;
  readonly #stopped = new AbortController();
  readonly #taps = Promise.withResolvers<StreamTaps | undefined>();
  readonly #routes: ReadonlyMap<string, Handler>;
  readonly #viewers = new Set<Promise<void>>();
  #isRunning = false;
  #closed: Promise<void> | undefined;

  constructor(options: HttpOutputOptions) {
    this.#options = options;
    this.#feed = new ResultFeed(options.clock);
    this.#routes = new Map<string, Handler>([
      ["/", (_, response, { view }) => this.#sendPage(response, view)],
      ["/video_feed", (request, response, wish) => this.#sendVideo(request, response, wish)],
      ["/snapshot.jpg", (request, response, wish) => this.#sendSnapshot(request, response, wish)],
      ["/results", (request, response) => this.#sendResults(request, response)],
      ["/healthz", (_, response) => this.#sendHealth(response)],
    ]);
    this.#server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: SLOW_HEADERS_MS, requestTimeout: SLOW_HEADERS_MS, noDelay: true }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        this.#options.log.warn("a viewer's request failed", { reason: String(error) });
        response.destroy();
      });
    });
    this.#server.maxConnections = options.maxConnections;
  }

  get name(): string {
    const bound = this.#server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : this.#options.port;
    const { host } = this.#options;
    return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { host, port, credentials, allowAnonymous } = this.#options;
    if (!isLoopback(host) && credentials === undefined && !allowAnonymous) {
      throw new VedetteError("E_NOT_LOOPBACK", { address: this.name });
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => reject(this.#listenError(error)));
      this.#server.listen({ host, port, signal: this.#stopped.signal }, resolve);
    });
    this.#server.removeAllListeners("error");
    this.#server.on("error", (error) => this.#options.log.warn("the page's listener", { reason: error.message }));
    this.#options.log.info("live picture", { address: this.name });
  }

  async run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([signal, this.#stopped.signal]);
    this.#isRunning = true;
    this.#taps.resolve(stream);
    try {
      // Read also while nobody watches: it costs nothing, shows when the stream ends, and greets the next viewer.
      for await (const result of stream.results({ whenSlow: "skip", capacity: 1, signal: stop })) {
        this.#feed.push(result);
      }
      if (!stop.aborted) {
        await this.#sendLastPictures(stop);
      }
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isRunning = false;
    this.#stopped.abort();
    this.#taps.resolve(undefined);
    this.#feed[Symbol.dispose]();
    if (this.#server.listening) {
      await new Promise<void>((resolve) => {
        this.#server.close(() => resolve());
        this.#server.closeAllConnections();
      });
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A viewer that goes away while it is written to is no failure.
    response.on("error", () => response.destroy());
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Referrer-Policy", "no-referrer");
    response.setHeader("Cross-Origin-Resource-Policy", this.#options.allowAnonymous ? "cross-origin" : "same-origin");
    const refusal = refuse(request, this.#options);
    if (refusal !== undefined) {
      if (refusal.status === 401) {
        response.setHeader("WWW-Authenticate", 'Basic realm="Vedette", charset="UTF-8"');
      }
      sendText(response, refusal.status, refusal.reason);
      return;
    }
    const url = URL.parse(`http://vedette${request.url ?? "/"}`);
    const handler = this.#routes.get(url?.pathname ?? "");
    if (url === null || handler === undefined) {
      sendText(response, 404, `there is ${[...this.#routes.keys()].join(", ")}`);
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      sendText(response, 405, "only GET and HEAD are answered");
      return;
    }
    const wish = this.#wishOf(url.searchParams);
    if (wish === undefined) {
      sendText(response, 400, "expected view=original or view=annotated, and quality=1…100");
      return;
    }
    await handler(request, response, wish);
  }

  #wishOf(query: URLSearchParams): Wish | undefined {
    const view = query.get("view") ?? this.#options.view;
    const quality = query.get("quality") ?? String(this.#options.quality);
    const number = /^\d{1,3}$/.test(quality) ? Number(quality) : 0;
    if ((view !== "original" && view !== "annotated") || number < 1 || number > 100) {
      return undefined;
    }
    return { view, quality: query.has("quality") ? Math.ceil(number / QUALITY_STEP) * QUALITY_STEP : number };
  }

  /** The stream has ended: its viewers get what is on its way, those that are too slow do not. */
  async #sendLastPictures(signal: AbortSignal): Promise<void> {
    const inTime = new AbortController();
    const deadline = this.#options.clock.sleep(LAST_PICTURES_MS, AbortSignal.any([signal, inTime.signal])).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#viewers), deadline]);
    inTime.abort();
  }

  #sendPage(response: ServerResponse, view: View): void {
    response.setHeader("Content-Security-Policy", PAGE_POLICY);
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    // Node leaves the body out of answers to HEAD.
    response.end(page(this.#options.stream, view));
  }

  async #sendVideo(request: IncomingMessage, response: ServerResponse, { view, quality }: Wish): Promise<void> {
    response.setHeader("Content-Type", VIDEO_FEED_TYPE);
    response.setHeader("Vary", "Accept");
    // An endless answer: its end is the connection's, and simple clients need not know chunks.
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    response.flushHeaders();
    using viewer = watching(response, this.#stopped.signal);
    const taps = await this.#taps.promise;
    if (taps !== undefined) {
      const pictures = taps.jpegs(view, { quality, whenSlow: "skip", capacity: 1, signal: viewer.signal });
      const sent = sendVideoFeed(response, pictures, partStyleFor(request), this.#options.clock, ({ seq }) => this.#feed.markPicture(seq));
      this.#viewers.add(sent);
      try {
        await sent;
      } finally {
        this.#viewers.delete(sent);
      }
    }
  }

  async #sendSnapshot(request: IncomingMessage, response: ServerResponse, { view, quality }: Wish): Promise<void> {
    if (request.method === "HEAD") {
      response.setHeader("Content-Type", "image/jpeg");
      response.end();
      return;
    }
    using viewer = watching(response, this.#stopped.signal);
    const tooLong = new AbortController();
    const timer = this.#options.clock.timer(SNAPSHOT_WAIT_MS, () => tooLong.abort());
    const signal = AbortSignal.any([viewer.signal, tooLong.signal]);
    const taps = this.#isRunning ? await this.#taps.promise : undefined;
    try {
      for await (const picture of taps?.jpegs(view, { quality, whenSlow: "skip", capacity: 1, signal }) ?? []) {
        response.setHeader("Content-Type", "image/jpeg");
        response.setHeader("Content-Length", picture.data.length);
        response.setHeader("Last-Modified", new Date(picture.capturedAtMs).toUTCString());
        response.end(picture.data);
        return;
      }
    } finally {
      timer[Symbol.dispose]();
    }
    response.setHeader("Retry-After", "1");
    sendText(response, 503, "there is no picture yet");
  }

  #sendResults(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader("Content-Type", "text/event-stream; charset=utf-8");
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    response.flushHeaders();
    this.#feed.add(response);
  }

  #sendHealth(response: ServerResponse): void {
    response.statusCode = this.#isRunning ? 200 : 503;
    response.setHeader("Content-Type", "application/json");
    response.end(`${JSON.stringify({ status: this.#isRunning ? "ok" : "starting", stream: this.#options.stream })}\n`);
  }

  #listenError(error: NodeJS.ErrnoException): VedetteError {
    return error.code === "EADDRINUSE"
      ? new VedetteError("E_ADDRESS_IN_USE", { address: this.name }, { cause: error })
      : new VedetteError("E_ADDRESS_REFUSED", { address: this.name, reason: LISTEN_REASONS[error.code ?? ""] ?? error.message }, { cause: error });
  }
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRNOTAVAIL: "it is not an address of this machine",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the name cannot be resolved now",
};

function sendText(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end(`${text}\n`);
}
