import { createServer, isIPv6 } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Clock } from "../../contracts/clock.ts";
import { listen } from "../../runtime/listen.ts";
import type { ListenAddress } from "../../runtime/listen.ts";
import { bindUdpPair } from "../../runtime/udp-pair.ts";
import type { UdpPair } from "../../runtime/udp-pair.ts";
import type { Mount } from "./mount.ts";
import { ViewerConnection } from "./viewer-connection.ts";

/** A connection that has not asked for anything to watch is given so long between requests. */
const IDLE_MS = 10_000;
const SWEEP_MS = 1000;

/** Settings of a server. */
export interface RtspListenerOptions {
  readonly address: ListenAddress;
  readonly maxConnections: number;
  readonly clock: Clock;
}

/** A server on one port, with the mounts of any number of outputs. */
export class RtspListener implements AsyncDisposable {
  readonly #options: RtspListenerOptions;
  readonly #server: Server;
  readonly #mounts = new Map<string, Mount>();
  readonly #connections = new Set<ViewerConnection>();
  readonly #udp = new Map<"udp4" | "udp6", Promise<UdpPair>>();
  #address: AddressInfo | undefined;
  #sweep: Disposable | undefined;

  constructor(options: RtspListenerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Binds the port. Throws `E_ADDRESS_IN_USE` or `E_ADDRESS_REFUSED`. */
  async open(): Promise<void> {
    this.#address = await listen(this.#server, this.#options.address);
    this.#scheduleSweep();
  }

  get port(): number {
    return this.#address?.port ?? this.#options.address.port;
  }

  /** Viewers that play now. */
  get viewers(): number {
    return [...this.#connections].filter(({ session }) => session?.isPlaying === true).length;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Adds a stream; false when its path is taken. */
  add(mount: Mount): boolean {
    if (this.#mounts.has(mount.path)) {
      return false;
    }
    this.#mounts.set(mount.path, mount);
    return true;
  }

  /** Takes a stream away, and lets its viewers go. */
  async remove(mount: Mount): Promise<void> {
    this.#mounts.delete(mount.path);
    const theirs = [...this.#connections].filter(({ session }) => session?.mount === mount);
    await Promise.all(theirs.map((connection) => connection.closed()));
  }

  /** Waits until the viewers of a stream that ended were told so. */
  async letGo(mount: Mount): Promise<void> {
    const theirs = [...this.#connections].flatMap(({ session }) => (session?.mount === mount ? [session.done] : []));
    await Promise.all(theirs);
  }

  /** How many streams it serves. */
  get size(): number {
    return this.#mounts.size;
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#options.maxConnections && !this.#evict()) {
      socket.on("error", () => undefined);
      socket.destroy();
      return;
    }
    const connection = new ViewerConnection(socket, {
      mount: (path) => this.#mounts.get(path),
      udp: (address) => this.#udpPair(address),
      monotonicMs: () => this.#options.clock.monotonicMs(),
    });
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
  }

  /** Closes the connection that has been idle for longest and plays nothing: a flood cannot lock viewers out. */
  #evict(): boolean {
    for (const connection of this.#connections) {
      if (connection.session === undefined) {
        this.#connections.delete(connection);
        connection.close();
        return true;
      }
    }
    return false;
  }

  /** One pair of ports for all viewers over UDP: few ports to open in a firewall. */
  async #udpPair(address: string): Promise<UdpPair> {
    const family = isIPv6(address) ? "udp6" : "udp4";
    const known = this.#udp.get(family);
    if (known !== undefined) {
      return known;
    }
    const binding = bindUdpPair(address);
    this.#udp.set(family, binding);
    const pair = await binding;
    pair.rtcp.on("message", (_, from) => {
      const peer = `${from.address.replace(/^::ffff:/, "")}:${String(from.port)}`;
      for (const { session } of this.#connections) {
        session?.heard(peer);
      }
    });
    for (const socket of [pair.rtp, pair.rtcp]) {
      socket.on("error", () => undefined);
    }
    return pair;
  }

  #scheduleSweep(): void {
    this.#sweep = this.#options.clock.timer(SWEEP_MS, () => {
      const nowMs = this.#options.clock.monotonicMs();
      for (const connection of this.#connections) {
        const limitMs = connection.session === undefined ? IDLE_MS : connection.session.mount.sessionTimeoutS * 1000;
        if (nowMs - connection.heardMs > limitMs) {
          connection.close();
        }
      }
      this.#scheduleSweep();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sweep?.[Symbol.dispose]();
    const stopped = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    await Promise.all([...this.#connections].map((connection) => connection.closed()));
    await stopped;
    for (const pair of this.#udp.values()) {
      await (await pair)[Symbol.asyncDispose]();
    }
  }
}
