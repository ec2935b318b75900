import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { readFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:tls";
import { JpegFeed } from "./jpeg-feed.ts";
import { webcamServer } from "../../protocols/nvss/lines.ts";
import { MAX_TOKEN_MESSAGE_BYTES, isToken } from "../../protocols/nvss/token.ts";
import { formatAddress, listen, requireGuard } from "../../runtime/listen.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import type { Secret } from "../../domain/secret.ts";

/** How an NVSS end is set up. */
export interface NvssConfig {
  readonly host: string;
  readonly port: number;
  readonly token: Secret | undefined;
  readonly tls?: { readonly cert?: string | undefined; readonly key?: string | undefined; readonly ca?: string | undefined } | undefined;
  readonly queue: number;
  readonly drop: "oldest" | "newest";
}

/** Waits for cameras that send frames: what NVSS's WebCamServer was, but it takes the next camera when one leaves. */
export class NvssListener implements Source {
  readonly waitsForPeers = true;
  readonly #config: NvssConfig;
  readonly #context: KindContext;

  constructor(config: NvssConfig, context: KindContext) {
    this.#config = config;
    this.#context = context;
  }

  get name(): string {
    return `nvss://${formatAddress(this.#config)}`;
  }

  /** Resolves with the first frame of the first camera. */
  async open(signal: AbortSignal): Promise<PacketSession> {
    const { log, clock, allowAnonymous } = this.#context;
    requireGuard(this.#config, { hasCredentials: this.#config.token !== undefined, allowAnonymous });
    const { queue, drop, token } = this.#config;
    const lines = { rate: webcamServer.reading, skippedFull: webcamServer.skippedFull, skippedDecode: webcamServer.skippedDecode };
    const feed = new JpegFeed({ queue, drop, clock, log, lines });
    let current: Socket | undefined;
    const accept = (socket: Socket): void => {
      // A camera that comes back gets through although the connection it lost still looks open.
      current?.destroy();
      current = socket;
      log.info(webcamServer.listening(socket.remoteAddress ?? "", socket.remotePort ?? 0));
      const isFirst = (message: Uint8Array): boolean =>
        token === undefined || (message.length <= MAX_TOKEN_MESSAGE_BYTES && isToken(message, token));
      void feed.read(socket, isFirst).then((reason) => {
        log[reason === undefined ? "info" : "warn"](`camera left${reason === undefined ? "" : `: ${reason}`}`, { badFrames: feed.badFrames });
        log.info(webcamServer.waiting);
      });
    };
    const server = await this.#createServer(accept);
    const close = async (): Promise<void> => {
      current?.destroy();
      feed.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    };
    try {
      await listen(server, this.#config);
      server.on("error", (error) => feed.end(error));
      log.info(webcamServer.waiting);
      const track = await untilAborted(feed.track, signal);
      // A camera that has left sends nothing that could wake the reader: the signal must.
      signal.addEventListener("abort", () => feed.end(), { once: true });
      return { delivers: "packets", isLive: true, tracks: [track], packets: feed.packets, durationS: undefined, [Symbol.asyncDispose]: close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  async #createServer(accept: (socket: Socket) => void): Promise<Server> {
    const { cert, key } = this.#config.tls ?? {};
    if (cert === undefined || key === undefined) {
      return createServer({ noDelay: true, keepAlive: true }, accept);
    }
    return createTlsServer({ cert: await readFile(cert), key: await readFile(key) }, accept);
  }
}

/** The promise's value, or a rejection as soon as the signal aborts. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
