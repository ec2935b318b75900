import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { Output, StreamTaps, View } from "../../contracts/output.ts";
import { VedetteError, toVedetteError } from "../../errors.ts";
import { parseRtspAddress } from "../../protocols/rtsp/address.ts";
import type { RtspAddress } from "../../protocols/rtsp/address.ts";
import { RtspClient, RtspUnauthorized } from "../../protocols/rtsp/client.ts";
import type { HeaderFields } from "../../protocols/rtsp/message.ts";
import { DEFAULT_LIMITS } from "../../protocols/rtsp/parser.ts";
import { writeTransport } from "../../protocols/rtsp/transport.ts";
import { writeSdp } from "../../protocols/sdp/sdp.ts";
import { redactUrl } from "../../runtime/redact.ts";
import { RetryDelays } from "../../runtime/retry-delays.ts";
import { connectTcp } from "../../runtime/tcp.ts";
import { feedOf } from "./feed-of.ts";
import { pumpMedia } from "./media-pump.ts";
import { interleavedRoute } from "./media-route.ts";
import type { MediaRoute } from "./media-route.ts";
import type { RtspPushConfig } from "./push-config.ts";
import { socketDrained } from "./socket-drained.ts";
import { streamEnd } from "./stream-end.ts";
import { TrackSender } from "./track-sender.ts";

const TIMEOUT_MS = 5000;
const KEEP_ALIVE_MS = 20_000;
const MAX_DELAY_MS = 5000;

/** What an output works with. */
export interface RtspPushOptions {
  readonly config: RtspPushConfig;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0…1, for the jitter of the delays between tries. */
  readonly random: () => number;
}

/**
 * Sends the stream to another RTSP server, by ANNOUNCE and RECORD over TCP. The server may be away: it is tried again for
 * ever, and the stream goes on without it. A server that refuses the stream or the credentials ends it with an error.
 */
export class RtspPushOutput implements Output {
  readonly name: string;
  readonly #options: RtspPushOptions;
  readonly #address: RtspAddress;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: RtspPushOptions) {
    const address = parseRtspAddress(options.config.url);
    this.name = redactUrl(options.config.url);
    if (address === undefined) {
      throw new VedetteError("E_OUTPUT_SCHEME", { output: this.name, expected: "rtsp+push://[user:password@]host[:port]/path" });
    }
    this.#options = options;
    this.#address = address;
  }

  /** Nothing is bound: the server is looked for when there is something to send. */
  open(signal: AbortSignal): Promise<void> {
    return signal.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve();
  }

  async run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    const until = AbortSignal.any([signal, this.#stop.signal]);
    const done = new AbortController();
    // A stream that ends while the server is away ends the tries.
    const ended = new AbortController();
    const watching = streamEnd(stream, AbortSignal.any([until, done.signal])).then(() => ended.abort());
    this.#running = this.#pushForEver(stream, until, ended.signal).finally(() => done.abort());
    await this.#running;
    await watching;
  }

  async #pushForEver(stream: StreamTaps, signal: AbortSignal, ended: AbortSignal): Promise<void> {
    const trying = AbortSignal.any([signal, ended]);
    const { clock, log, random } = this.#options;
    const delays = new RetryDelays({ firstMs: 250, maxMs: MAX_DELAY_MS, random });
    while (!isAborted(trying)) {
      try {
        const ending = await this.#push(stream, { signal, trying }, () => delays.reset());
        if (ending === "ended") {
          return;
        }
        log.info("the codec changed: announcing anew", { output: this.name });
      } catch (error) {
        if (isAborted(trying)) {
          return;
        }
        const failure = toPushError(error, this.name);
        if (!failure.retryable) {
          throw failure;
        }
        const retryInMs = delays.next();
        log.warn(failure.message, { code: failure.code, retryInMs });
        await clock.sleep(retryInMs, trying).catch(() => undefined);
      }
    }
  }

  async #push(stream: StreamTaps, { signal, trying }: { readonly signal: AbortSignal; readonly trying: AbortSignal }, onRecording: () => void): Promise<"ended" | "changed"> {
    const { host, port, isTls } = this.#address;
    const { tls } = this.#options.config;
    const socket = await connectTcp({ host, port, tls: isTls ? tls : undefined, timeoutMs: TIMEOUT_MS }, trying);
    const gone = new AbortController();
    const client = this.#client(socket, gone);
    const until = AbortSignal.any([signal, gone.signal]);
    try {
      const feed = await feedOf(stream, this.#view, until);
      if (feed === undefined) {
        throwGone(gone.signal);
        return "ended";
      }
      const routes = await this.#announce(client, socket, TrackSender.forTracks(feed.tracks, this.#options.config.metadata), stream.stream);
      onRecording();
      const keeping = this.#keepAlive(client, until);
      const { clock } = this.#options;
      const ending = await pumpMedia({ clock, taps: stream, feed, routes, drained: (within) => socketDrained(socket, within) }, until);
      throwGone(gone.signal);
      gone.abort();
      await keeping;
      await ask(client, "TEARDOWN", this.#address.url).catch(() => undefined);
      return ending;
    } finally {
      gone.abort();
      socket.destroy();
      if (!socket.closed) {
        await new Promise<void>((resolve) => {
          socket.once("close", () => resolve());
        });
      }
    }
  }

  get #view(): View {
    return this.#options.config.view;
  }

  #client(socket: Socket, gone: AbortController): RtspClient {
    const client = new RtspClient({
      send: (bytes) => socket.write(bytes),
      onInterleaved: () => undefined,
      cnonce: () => randomBytes(8).toString("hex"),
      credentials: this.#address.credentials,
      userAgent: "Vedette",
      limits: DEFAULT_LIMITS,
    });
    const fail = (error: Error): void => {
      client.fail(error);
      gone.abort(error);
      socket.destroy();
    };
    socket.on("data", (chunk: Buffer) => {
      try {
        client.receive(chunk);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", fail).on("close", () => fail(new Error("the server closed the connection")));
    return client;
  }

  /** Tells the server what comes, agrees on channels, and starts. */
  async #announce(client: RtspClient, socket: Socket, senders: readonly TrackSender[], name: string): Promise<Map<TrackSender, MediaRoute>> {
    const { url } = this.#address;
    if (!senders.some(({ isVideo }) => isVideo)) {
      throw new VedetteError("E_OUTPUT_BROKEN", { output: this.name, reason: "the video's codec cannot be carried by RTP" });
    }
    const media = senders.map((sender, index) => sender.describe(`trackID=${String(index)}`));
    const sdp = writeSdp({ name, attributes: [{ name: "tool", value: "Vedette" }], media }, { sessionId: 1, version: 1 });
    this.#expect(await ask(client, "ANNOUNCE", url, [["Content-Type", "application/sdp"]], sdp), "ANNOUNCE");
    const routes = new Map<TrackSender, MediaRoute>();
    for (const [index, sender] of senders.entries()) {
      const channels = [index * 2, index * 2 + 1] as const;
      const transport = writeTransport({ lower: "tcp", isMulticast: false, isRecord: true, interleaved: channels });
      this.#expect(await ask(client, "SETUP", `${url.replace(/\/$/, "")}/trackID=${String(index)}`, [["Transport", transport]]), "SETUP");
      routes.set(sender, interleavedRoute(socket, channels));
    }
    this.#expect(await ask(client, "RECORD", url, [["Range", "npt=0.000-"]]), "RECORD");
    return routes;
  }

  #expect(response: { readonly status: number; readonly reason: string }, method: string): void {
    if (response.status !== 200) {
      const reason = `${method} was answered ${String(response.status)} ${response.reason}`;
      throw new VedetteError(response.status >= 500 ? "E_OUTPUT_UNREACHABLE" : "E_OUTPUT_BROKEN", { output: this.name, reason });
    }
  }

  async #keepAlive(client: RtspClient, signal: AbortSignal): Promise<void> {
    try {
      while (true) {
        await this.#options.clock.sleep(KEEP_ALIVE_MS, signal);
        await ask(client, "OPTIONS", this.#address.url);
      }
    } catch {
      // Aborted, or the connection is gone: the pump notices that by its own signal.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running?.catch(() => undefined);
  }
}

async function ask(client: RtspClient, method: string, uri: string, headers: HeaderFields = [], body?: string): Promise<{ readonly status: number; readonly reason: string }> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer to ${method} within ${String(TIMEOUT_MS)} ms`)), TIMEOUT_MS);
  try {
    return await Promise.race([client.request(method, uri, headers, body === undefined ? undefined : Buffer.from(body)), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A signal that may have aborted since it was looked at last. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function throwGone(signal: AbortSignal): void {
  if (signal.aborted) {
    throw signal.reason;
  }
}

function toPushError(error: unknown, output: string): VedetteError {
  if (error instanceof VedetteError) {
    return error;
  }
  if (error instanceof RtspUnauthorized) {
    return new VedetteError("E_OUTPUT_BROKEN", { output, reason: "the user name or password was refused" }, { cause: error });
  }
  return new VedetteError("E_OUTPUT_UNREACHABLE", { output, reason: toVedetteError(error).message.replace(/^internal error: /, "") }, { cause: error });
}
