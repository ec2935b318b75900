import type { KindContext } from "../../contracts/kinds.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import { VedetteError } from "../../errors.ts";
import { parseRtspAddress } from "../../protocols/rtsp/address.ts";
import type { RtspAddress } from "../../protocols/rtsp/address.ts";
import { redactUrl } from "../../runtime/redact.ts";
import { ControlConnection } from "./control-connection.ts";
import type { RtspSourceConfig } from "./config.ts";
import { describe, Redirected, setUp } from "./negotiation.ts";
import { RtspSession } from "./rtsp-session.ts";
import { toSourceError } from "./rtsp-errors.ts";
import type { UdpPair } from "../../runtime/udp-pair.ts";

const MAX_REDIRECTS = 5;

/** A camera, or any RTSP server. */
export class RtspSource implements Source {
  readonly name: string;
  readonly #config: RtspSourceConfig;
  readonly #context: Pick<KindContext, "clock" | "log">;

  constructor(config: RtspSourceConfig, context: Pick<KindContext, "clock" | "log">) {
    this.name = redactUrl(config.url);
    this.#config = config;
    this.#context = context;
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    let address = this.#parse(this.#config.url);
    try {
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const session = await this.#connect(address, signal);
        if (session instanceof RtspSession) {
          return session;
        }
        address = this.#redirect(address, session.location);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw toSourceError(error, this.name);
    }
    throw new VedetteError("E_SOURCE_BROKEN", { source: this.name, reason: `redirected more than ${String(MAX_REDIRECTS)} times` });
  }

  async #connect(address: RtspAddress, signal: AbortSignal): Promise<RtspSession | Redirected> {
    const { connectTimeoutMs, tls, stream, audio, transport } = this.#config;
    const target = { host: address.host, port: address.port, tls: address.isTls ? tls : undefined, timeoutMs: connectTimeoutMs };
    const connection = await ControlConnection.open(target, address.credentials, signal);
    const sockets: UdpPair[] = [];
    try {
      const description = await describe(connection, address.url, { source: this.name, stream, audio }, signal);
      const tracks = await setUp(connection, description, { source: this.name, transport, own: (pair) => sockets.push(pair) }, signal);
      const session = new RtspSession({ connection, description, tracks, sockets, config: this.#config, source: this.name, ...this.#context });
      await session.start(signal);
      return session;
    } catch (error) {
      await Promise.all([connection[Symbol.asyncDispose](), ...sockets.map((pair) => pair[Symbol.asyncDispose]())]);
      if (error instanceof Redirected) {
        return error;
      }
      throw error;
    }
  }

  /** Credentials go along only to the same host. */
  #redirect(from: RtspAddress, location: string): RtspAddress {
    const to = this.#parse(location);
    return to.credentials === undefined && to.host === from.host ? { ...to, credentials: from.credentials } : to;
  }

  #parse(url: string): RtspAddress {
    const address = parseRtspAddress(url);
    if (address === undefined) {
      throw new VedetteError("E_SOURCE_SCHEME", { source: redactUrl(url), expected: "rtsp://[user:password@]host[:port]/path" });
    }
    return address;
  }
}
