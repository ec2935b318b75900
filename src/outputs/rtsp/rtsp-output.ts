import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { Output, StreamTaps } from "../../contracts/output.ts";
import { VedetteError } from "../../errors.ts";
import { formatAddress, requireGuard } from "../../runtime/listen.ts";
import type { RtspOutputConfig } from "./config.ts";
import type { Mount } from "./mount.ts";
import { RtspListener } from "./rtsp-listener.ts";
import { streamEnd } from "./stream-end.ts";

/** Servers by `host:port`: outputs of several streams share one, each under its path. Gone with its last output. */
const listeners = new Map<string, { readonly opening: Promise<RtspListener>; users: number }>();

/** What an output works with. */
export interface RtspOutputOptions {
  readonly config: RtspOutputConfig;
  readonly allowAnonymous: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A stream served by RTSP, in both views. */
export class RtspOutput implements Output {
  readonly #options: RtspOutputOptions;
  readonly #ended = new AbortController();
  readonly #mount: Mount;
  #listener: RtspListener | undefined;
  #release: (() => Promise<void>) | undefined;
  #disposed: Promise<void> | undefined;

  constructor(options: RtspOutputOptions) {
    this.#options = options;
    const { path, view, metadata, username, password, sessionTimeoutS } = options.config;
    this.#mount = {
      path,
      view,
      hasMetadata: metadata,
      users: username === undefined || password === undefined ? undefined : [{ user: username, password }],
      sessionTimeoutS,
      clock: options.clock,
      log: options.log,
      taps: undefined,
      ended: this.#ended.signal,
    };
  }

  get name(): string {
    const { host, port, path } = this.#options.config;
    return `rtsp://${formatAddress({ host, port: this.#listener?.port ?? port })}${path}`;
  }

  /** Viewers that play now. */
  get viewers(): number {
    return this.#listener?.viewers ?? 0;
  }

  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { config, allowAnonymous } = this.#options;
    requireGuard(config, { hasCredentials: config.username !== undefined, allowAnonymous });
    await this.#acquire();
    if (this.#listener?.add(this.#mount) === false) {
      const address = this.name;
      await this.#release?.();
      this.#release = undefined;
      throw new VedetteError("E_ADDRESS_IN_USE", { address });
    }
  }

  async #acquire(): Promise<void> {
    const { config, clock } = this.#options;
    const address = { host: config.host, port: config.port };
    // Every output with port 0 gets a server of its own.
    const key = config.port === 0 ? `${formatAddress(address)}#${String(listeners.size)}${String(clock.monotonicMs())}` : formatAddress(address);
    let shared = listeners.get(key);
    if (shared === undefined) {
      const listener = new RtspListener({ address, maxConnections: config.maxConnections, clock });
      shared = { opening: listener.open().then(() => listener), users: 0 };
      listeners.set(key, shared);
    }
    shared.users++;
    const leave = async (): Promise<void> => {
      shared.users--;
      if (shared.users === 0) {
        listeners.delete(key);
        await this.#listener?.[Symbol.asyncDispose]();
      }
    };
    try {
      this.#listener = await shared.opening;
      this.#release = leave;
    } catch (error) {
      await leave();
      throw error;
    }
  }

  async run(stream: StreamTaps, signal: AbortSignal): Promise<void> {
    this.#mount.taps = stream;
    this.#mount.ended = AbortSignal.any([this.#ended.signal, signal]);
    try {
      await streamEnd(stream, this.#mount.ended);
    } finally {
      this.#mount.taps = undefined;
      await this.#listener?.letGo(this.#mount);
      this.#ended.abort();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    this.#ended.abort();
    if (this.#release !== undefined) {
      await this.#listener?.remove(this.#mount);
      await this.#release();
    }
  }
}
