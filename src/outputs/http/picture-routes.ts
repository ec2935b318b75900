import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../contracts/clock.ts";
import type { StreamTaps, View } from "../../contracts/output.ts";
import type { ResultFeed } from "./result-feed.ts";
import { sendText } from "./send-text.ts";
import { partStyleFor, sendVideoFeed, VIDEO_FEED_TYPE } from "./video-feed.ts";
import { watching } from "./viewer-response.ts";

/** What a viewer asked for in the address. */
export interface Wish {
  readonly view: View;
  readonly quality: number;
}

/** What the routes need to know. */
export interface PictureRoutesOptions {
  readonly view: View;
  readonly quality: number;
  readonly clock: Clock;
  readonly feed: ResultFeed;
  /** Resolves when the stream runs; with undefined when it never will. */
  readonly taps: Promise<StreamTaps | undefined>;
  readonly isRunning: () => boolean;
  readonly stopped: AbortSignal;
}

/** Each quality is an encode of its own: viewers' wishes are rounded to these steps, so that there are few. */
const QUALITY_STEP = 5;
const SNAPSHOT_WAIT_MS = 5000;
const LAST_PICTURES_MS = 1000;

/** Pictures as JPEGs: the endless answer of `/video_feed`, and stills. */
export class PictureRoutes {
  readonly #options: PictureRoutesOptions;
  readonly #viewers = new Set<Promise<void>>();

  constructor(options: PictureRoutesOptions) {
    this.#options = options;
  }

  /** What the address asks for; undefined when it makes no sense. */
  wishOf(query: URLSearchParams): Wish | undefined {
    const view = query.get("view") ?? this.#options.view;
    const quality = query.get("quality") ?? String(this.#options.quality);
    const number = /^\d{1,3}$/.test(quality) ? Number(quality) : 0;
    if ((view !== "original" && view !== "annotated") || number < 1 || number > 100) {
      return undefined;
    }
    return { view, quality: query.has("quality") ? Math.ceil(number / QUALITY_STEP) * QUALITY_STEP : number };
  }

  async sendVideo(request: IncomingMessage, response: ServerResponse, { view, quality }: Wish): Promise<void> {
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
    const { clock, feed, stopped } = this.#options;
    using viewer = watching(response, stopped);
    const taps = await this.#options.taps;
    if (taps !== undefined) {
      const pictures = taps.jpegs(view, { quality, whenSlow: "skip", capacity: 1, signal: viewer.signal });
      const sent = sendVideoFeed(response, pictures, partStyleFor(request), clock, ({ seq }) => feed.markPicture(seq));
      this.#viewers.add(sent);
      try {
        await sent;
      } finally {
        this.#viewers.delete(sent);
      }
    }
  }

  async sendSnapshot(request: IncomingMessage, response: ServerResponse, { view, quality }: Wish): Promise<void> {
    if (request.method === "HEAD") {
      response.setHeader("Content-Type", "image/jpeg");
      response.end();
      return;
    }
    const { clock, isRunning, stopped } = this.#options;
    using viewer = watching(response, stopped);
    const tooLong = new AbortController();
    const timer = clock.timer(SNAPSHOT_WAIT_MS, () => tooLong.abort());
    const signal = AbortSignal.any([viewer.signal, tooLong.signal]);
    const taps = isRunning() ? await this.#options.taps : undefined;
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

  /** The stream has ended: its viewers get what is on its way, those that are too slow do not. */
  async finish(signal: AbortSignal): Promise<void> {
    const inTime = new AbortController();
    const deadline = this.#options.clock.sleep(LAST_PICTURES_MS, AbortSignal.any([signal, inTime.signal])).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#viewers), deadline]);
    inTime.abort();
  }
}
