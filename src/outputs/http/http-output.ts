import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { Output, StreamTaps, View } from "../../contracts/output.ts";
import { VedetteError } from "../../errors.ts";
import { mountHttp } from "../../runtime/http-listener.ts";
import type { HttpPlace } from "../../runtime/http-listener.ts";
import { formatAddress, requireGuard } from "../../runtime/listen.ts";
import type { IceSettings } from "../../webrtc/ice-settings.ts";
import { refuse, refuseUpgrade } from "./access.ts";
import type { AccessRules, Credentials } from "./access.ts";
import { allowOrigin } from "../../runtime/cross-origin.ts";
import { livePage, LIVE_PAGE_POLICY } from "./live/page.ts";
import { MseFeed } from "./live/mse-feed.ts";
import { createWhep } from "./live/whep.ts";
import { page, PAGE_POLICY } from "./page.ts";
import { PictureRoutes } from "./picture-routes.ts";
import { ResultFeed } from "./result-feed.ts";
import { sendText } from "./send-text.ts";
import type { SessionEndpoint } from "../../webrtc/session-endpoint.ts";

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
  /** Origins of other pages that may use the endpoints. */
  readonly origins: readonly string[];
  readonly maxConnections: number;
  /** WebRTC viewers at most. */
  readonly maxSessions: number;
  readonly ice: IceSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;

/**
 * Pages with the live picture, for any number of viewers: MJPEG, WebRTC (WHEP), MP4 over WebSocket, stills and results.
 * Each viewer sees every picture it can take; a slow one skips to the newest and never holds up another. Pictures are
 * made only while somebody watches.
 */
export class HttpOutput implements Output {
  readonly #options: HttpOutputOptions;
  readonly #rules: AccessRules;
  readonly #feed: ResultFeed;
  readonly #stopped = new AbortController();
  readonly #taps = Promise.withResolvers<StreamTaps | undefined>();
  readonly #pictures: PictureRoutes;
  readonly #whep: SessionEndpoint;
  readonly #mse: MseFeed;
  readonly #routes: ReadonlyMap<string, Handler>;
  #place: HttpPlace | undefined;
  #isRunning = false;
  #closed: Promise<void> | undefined;

  constructor(options: HttpOutputOptions) {
    this.#options = options;
    this.#rules = options;
    const { clock, view, quality, log } = options;
    this.#feed = new ResultFeed(clock);
    const taps = this.#taps.promise;
    this.#pictures = new PictureRoutes({ view, quality, clock, feed: this.#feed, taps, isRunning: () => this.#isRunning, stopped: this.#stopped.signal });
    this.#whep = createWhep({ view, clock, log, ice: options.ice, maxSessions: options.maxSessions, taps: () => (this.#isRunning ? taps : undefined) });
    this.#mse = new MseFeed({ view, clock, log, taps, maxViewers: options.maxSessions, stopped: this.#stopped.signal });
    this.#routes = new Map<string, Handler>([
      ["/", (_, response, url) => this.#withView(response, url, (wished) => sendHtml(response, page(options.stream, wished), PAGE_POLICY))],
      ["/live", (_, response) => sendHtml(response, livePage(options.stream, { takesCamera: this.#place?.hasPath("/whip") === true }), LIVE_PAGE_POLICY)],
      ["/video_feed", (request, response, url) => this.#withWish(response, url, (wish) => this.#pictures.sendVideo(request, response, wish))],
      ["/snapshot.jpg", (request, response, url) => this.#withWish(response, url, (wish) => this.#pictures.sendSnapshot(request, response, wish))],
      ["/results", (request, response) => this.#sendResults(request, response)],
      ["/healthz", (_, response) => this.#sendHealth(response)],
    ]);
  }

  get name(): string {
    const { host, port } = this.#options;
    return `http://${formatAddress({ host, port: this.#place?.port ?? port })}`;
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { host, port, credentials, allowAnonymous, maxConnections, log } = this.#options;
    try {
      requireGuard({ host, port }, { hasCredentials: credentials !== undefined, allowAnonymous });
      const mount = {
        paths: [...this.#routes.keys(), "/whep", "/whep/", "/mse"],
        answer: (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response),
        upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head),
        onProblem: (reason: string) => log.warn("a viewer's request failed", { reason }),
      };
      this.#place = await mountHttp({ host, port }, mount, { maxConnections });
    } catch (error) {
      // The same failure, with the address as people write it.
      throw error instanceof VedetteError ? new VedetteError(error.code, { ...error.details, address: this.name }, { cause: error }) : error;
    }
    log.info("live picture", { address: this.name });
  }

  async run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([signal, this.#stopped.signal]);
    this.#isRunning = true;
    this.#feed.start();
    this.#taps.resolve(stream);
    try {
      // Read also while nobody watches: it costs nothing, shows when the stream ends, and greets the next viewer.
      await Promise.all([this.#followResults(stream, stop), this.#followEvents(stream, stop)]);
      if (!stop.aborted) {
        await this.#pictures.finish(stop);
      }
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async #followResults(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    for await (const result of stream.results({ whenSlow: "skip", capacity: 1, signal })) {
      this.#feed.push(result);
    }
  }

  async #followEvents(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    for await (const event of stream.events({ whenSlow: "skip", capacity: 64, signal })) {
      this.#feed.pushEvent(event);
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
    await Promise.all([this.#whep[Symbol.asyncDispose](), this.#mse[Symbol.asyncDispose]()]);
    await this.#place?.[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Referrer-Policy", "no-referrer");
    response.setHeader("Cross-Origin-Resource-Policy", this.#options.allowAnonymous ? "cross-origin" : "same-origin");
    if (allowOrigin(request, response, this.#options.origins)) {
      return;
    }
    const refusal = refuse(request, this.#rules);
    if (refusal !== undefined) {
      if (refusal.status === 401) {
        response.setHeader("WWW-Authenticate", 'Basic realm="Vedette", charset="UTF-8"');
      }
      sendText(response, refusal.status, refusal.reason);
      return;
    }
    const url = URL.parse(`http://vedette${request.url ?? "/"}`);
    if (url !== null && this.#whep.owns(url.pathname)) {
      await this.#whep.answer(request, response, url);
      return;
    }
    const handler = this.#routes.get(url?.pathname ?? "");
    if (url === null || handler === undefined) {
      sendText(response, 404, `there is ${[...this.#routes.keys(), "/whep", "/mse (WebSocket)"].join(", ")}`);
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      sendText(response, 405, "only GET and HEAD are answered");
      return;
    }
    await handler(request, response, url);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = URL.parse(`http://vedette${request.url ?? "/"}`);
    const refusal = refuse(request, this.#rules) ?? (url?.pathname === "/mse" ? undefined : { status: 404 as const, reason: "there is /mse" });
    if (url === null || refusal !== undefined) {
      refuseUpgrade(socket, refusal ?? { status: 404, reason: "there is /mse" });
      return;
    }
    this.#mse.upgrade(request, socket, head, url.searchParams);
  }

  async #withWish(response: ServerResponse, url: URL, then: (wish: { view: View; quality: number }) => void | Promise<void>): Promise<void> {
    const wish = this.#pictures.wishOf(url.searchParams);
    if (wish === undefined) {
      sendText(response, 400, "expected view=original or view=annotated, and quality=1…100");
      return;
    }
    await then(wish);
  }

  #withView(response: ServerResponse, url: URL, then: (view: View) => void): Promise<void> {
    return this.#withWish(response, url, ({ view }) => then(view));
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
}

function sendHtml(response: ServerResponse, html: string, policy: string): void {
  response.setHeader("Content-Security-Policy", policy);
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  // Node leaves the body out of answers to HEAD.
  response.end(html);
}
