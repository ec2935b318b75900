import { readFile } from "node:fs/promises";
import { JpegFeed } from "./jpeg-feed.ts";
import { untilAborted } from "./nvss-listener.ts";
import { VedetteError } from "../../errors.ts";
import { streamClient } from "../../protocols/nvss/lines.ts";
import { encodeFrame } from "../../protocols/nvss/framing.ts";
import { encodeToken } from "../../protocols/nvss/token.ts";
import { formatAddress } from "../../runtime/listen.ts";
import { connectTcp } from "../../runtime/tcp.ts";
import type { NvssConfig } from "./nvss-listener.ts";
import type { Socket } from "node:net";
import type { KindContext } from "../../contracts/kinds.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";

const CONNECT_TIMEOUT_MS = 5000;

/** Fetches frames from a server of them: what NVSS's StreamClient was. Ends when the server closes. */
export class NvssViewer implements Source {
  readonly #config: NvssConfig;
  readonly #context: KindContext;

  constructor(config: NvssConfig, context: KindContext) {
    this.#config = config;
    this.#context = context;
  }

  get name(): string {
    return `nvss-connect://${formatAddress(this.#config)}`;
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    const { log, clock } = this.#context;
    const { queue, drop } = this.#config;
    const lines = { rate: streamClient.receiving, skippedFull: streamClient.skippedDecode, skippedDecode: streamClient.skippedDecode };
    const feed = new JpegFeed({ queue, drop, clock, log, lines });
    const socket = await this.#connect(signal);
    const reading = feed.read(socket).then((reason) => {
      feed.end(reason === undefined ? undefined : new VedetteError("E_SOURCE_BROKEN", { source: this.name, reason }));
    });
    const close = async (): Promise<void> => {
      socket.destroy();
      await reading;
      feed.packets[Symbol.dispose]();
    };
    try {
      const track = await untilAborted(feed.track, signal);
      signal.addEventListener("abort", () => feed.end(), { once: true });
      return { delivers: "packets", isLive: true, tracks: [track], packets: feed.packets, durationS: undefined, [Symbol.asyncDispose]: close };
    } catch (error) {
      await close();
      throw signal.aborted ? error : new VedetteError("E_SOURCE_BROKEN", { source: this.name, reason: "it closed before the first frame" }, { cause: error });
    }
  }

  async #connect(signal: AbortSignal): Promise<Socket> {
    const { host, port, token, tls } = this.#config;
    const security = tls === undefined ? undefined : { rejectUnauthorized: true, ca: tls.ca === undefined ? undefined : await readFile(tls.ca, "utf8") };
    try {
      const socket = await connectTcp({ host, port, tls: security, timeoutMs: CONNECT_TIMEOUT_MS }, signal);
      if (token !== undefined) {
        socket.write(encodeFrame(encodeToken(token)));
      }
      return socket;
    } catch (error) {
      signal.throwIfAborted();
      const reason = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new VedetteError("E_SOURCE_UNREACHABLE", { source: this.name, reason }, { cause: error });
    }
  }
}
