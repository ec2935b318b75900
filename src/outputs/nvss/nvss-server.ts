import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { sendFrames } from "./frame-sender.ts";
import { FrameParser } from "../../protocols/nvss/framing.ts";
import { streamServer } from "../../protocols/nvss/lines.ts";
import { MAX_TOKEN_MESSAGE_BYTES, isToken } from "../../protocols/nvss/token.ts";
import { formatAddress, listen, requireGuard } from "../../runtime/listen.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { Output, StreamTaps, View } from "../../contracts/output.ts";
import type { Secret } from "../../domain/secret.ts";

/** How an NVSS output is set up. */
export interface NvssOutputConfig {
  readonly host: string;
  readonly port: number;
  readonly token: Secret | undefined;
  readonly tls?: { readonly cert?: string | undefined; readonly key?: string | undefined; readonly ca?: string | undefined } | undefined;
  readonly view: View;
  readonly quality?: number | undefined;
  readonly maxRate?: number | undefined;
  readonly queue: number;
  readonly maxViewers: number;
}

/** How long a viewer may take to show its token. */
const TOKEN_TIMEOUT_MS = 5000;

/** Serves frames to viewers that connect: what NVSS's StreamServer was, for any number of them, one after another too. */
export class NvssServer implements Output {
  readonly #config: NvssOutputConfig;
  readonly #context: KindContext;
  readonly #taps = Promise.withResolvers<StreamTaps>();
  readonly #closing = new AbortController();
  readonly #viewers = new Set<Promise<void>>();
  #server: Server | undefined;
  #port: number;

  constructor(config: NvssOutputConfig, context: KindContext) {
    this.#config = config;
    this.#context = context;
    this.#port = config.port;
    this.#taps.promise.catch(() => undefined);
  }

  get name(): string {
    return `nvss://${formatAddress({ host: this.#config.host, port: this.#port })}`;
  }

  async open(): Promise<void> {
    const { token, tls, maxViewers } = this.#config;
    requireGuard(this.#config, { hasCredentials: token !== undefined, allowAnonymous: this.#context.allowAnonymous });
    const accept = (socket: Socket): void => {
      const viewer = this.#serve(socket).finally(() => this.#viewers.delete(viewer));
      this.#viewers.add(viewer);
    };
    this.#server =
      tls?.cert === undefined || tls.key === undefined
        ? createServer({ noDelay: true, keepAlive: true }, accept)
        : createTlsServer({ cert: await readFile(tls.cert), key: await readFile(tls.key) }, accept);
    this.#server.maxConnections = maxViewers;
    this.#port = (await listen(this.#server, this.#config)).port;
    this.#context.log.info(streamServer.waiting);
  }

  async run(taps: StreamTaps, signal: AbortSignal): Promise<void> {
    this.#taps.resolve(taps);
    // The stream's end is the end of its results; nothing is computed for this.
    for await (const _ of taps.results({ whenSlow: "skip", capacity: 1, signal: AbortSignal.any([signal, this.#closing.signal]) })) {
      continue;
    }
    await Promise.all(this.#viewers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#taps.reject(new Error("closed"));
    const server = this.#server;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      if (server === undefined) {
        resolve();
      } else {
        server.close(() => resolve());
      }
    });
    await Promise.all(this.#viewers);
  }

  async #serve(socket: Socket): Promise<void> {
    const { log, clock } = this.#context;
    socket.on("error", () => socket.destroy());
    log.info(streamServer.listening(socket.remoteAddress ?? "", socket.remotePort ?? 0));
    try {
      if (!(await this.#showsToken(socket))) {
        log.warn("viewer refused: the token was missing or wrong");
        socket.destroy();
        return;
      }
      const { view, quality, maxRate, queue } = this.#config;
      await sendFrames(await this.#taps.promise, socket, { view, quality, maxRate, queue, clock, log, line: streamServer.sending }, this.#closing.signal);
    } catch (error) {
      socket.destroy();
      if (!this.#closing.signal.aborted) {
        log.warn(`viewer lost: ${String(error)}`);
      }
    }
  }

  /** Reads the first message when a token is asked for. */
  async #showsToken(socket: Socket): Promise<boolean> {
    const { token } = this.#config;
    if (token === undefined) {
      return true;
    }
    const parser = new FrameParser(MAX_TOKEN_MESSAGE_BYTES);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const onData = (chunk: Buffer): void => {
      try {
        const [message] = parser.push(chunk);
        if (message !== undefined) {
          resolve(isToken(message, token));
        }
      } catch {
        // A length beyond any token's: not a token.
        resolve(false);
      }
    };
    using _timer = this.#context.clock.timer(TOKEN_TIMEOUT_MS, () => resolve(false));
    socket.on("data", onData).once("close", () => resolve(false));
    const isRight = await promise;
    socket.off("data", onData);
    return isRight;
  }
}
