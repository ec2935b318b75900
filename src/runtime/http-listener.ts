import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { VedetteError } from "../errors.ts";
import { formatAddress, listen } from "./listen.ts";
import type { ListenAddress } from "./listen.ts";

/** Something that answers below some paths of a listener. */
export interface HttpMount {
  /** Paths it answers; one that ends in `/` stands for everything below it. */
  readonly paths: readonly string[];
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Takes over a connection that asks for another protocol; refused when left out. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Told of failures of the listener or of an answer. */
  onProblem(reason: string): void;
}

/** A place on a listener. */
export interface HttpPlace extends AsyncDisposable {
  readonly port: number;
  /** Whether somebody on this listener answers a path. */
  hasPath(path: string): boolean;
}

const SLOW_HEADERS_MS = 10_000;
const MAX_HEADER_BYTES = 16 << 10;

/**
 * Mounts on an address. An address can be listened on once: kinds of this process that name the same one share it, so
 * that a page and the endpoint it sends a camera to have one origin. Port 0 is never shared. Throws `E_ADDRESS_IN_USE`
 * (also when another mount has one of the paths) or `E_ADDRESS_REFUSED`.
 */
export async function mountHttp(address: ListenAddress, mount: HttpMount, options: { readonly maxConnections: number }): Promise<HttpPlace> {
  const key = address.port === 0 ? Symbol("any port") : formatAddress(address);
  let listener = listeners.get(key);
  if (listener === undefined) {
    listener = new HttpListener(address, () => listeners.delete(key));
    listeners.set(key, listener);
  }
  return listener.add(mount, options.maxConnections);
}

/** Ports belong to the process, and so does this. */
const listeners = new Map<string | symbol, HttpListener>();

class HttpListener {
  readonly #address: ListenAddress;
  readonly #forget: () => void;
  readonly #server: Server;
  readonly #mounts = new Map<HttpMount, Set<{ destroy(): unknown }>>();
  #listening: Promise<number> | undefined;

  constructor(address: ListenAddress, forget: () => void) {
    this.#address = address;
    this.#forget = forget;
    const limits = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: SLOW_HEADERS_MS, requestTimeout: SLOW_HEADERS_MS, noDelay: true };
    this.#server = createServer(limits, (request, response) => this.#answer(request, response));
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    this.#server.maxConnections = 0;
  }

  async add(mount: HttpMount, maxConnections: number): Promise<HttpPlace> {
    const taken = mount.paths.find((path) => this.#mounts.keys().some((other) => other.paths.includes(path)));
    if (taken !== undefined) {
      throw new VedetteError("E_ADDRESS_IN_USE", { address: `http://${formatAddress(this.#address)}${taken === "/" ? "" : taken}` });
    }
    this.#mounts.set(mount, new Set());
    this.#server.maxConnections = Math.max(this.#server.maxConnections, maxConnections);
    try {
      const port = await (this.#listening ??= this.#listen());
      let closed: Promise<void> | undefined;
      const hasPath = (path: string): boolean => this.#mounts.keys().some((other) => other.paths.includes(path));
      return { port, hasPath, [Symbol.asyncDispose]: () => (closed ??= this.#remove(mount)) };
    } catch (error) {
      this.#mounts.delete(mount);
      this.#forget();
      throw error;
    }
  }

  async #listen(): Promise<number> {
    const { port } = await listen(this.#server, this.#address);
    this.#server.on("error", (error) => this.#mounts.keys().forEach((mount) => mount.onProblem(error.message)));
    return port;
  }

  async #remove(mount: HttpMount): Promise<void> {
    const open = this.#mounts.get(mount) ?? [];
    this.#mounts.delete(mount);
    for (const connection of open) {
      connection.destroy();
    }
    if (this.#mounts.size === 0) {
      this.#forget();
      await new Promise<void>((resolve) => {
        this.#server.close(() => resolve());
        this.#server.closeAllConnections();
      });
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // A viewer that goes away while it is written to is no failure.
    response.on("error", () => response.destroy());
    const mount = this.#mountFor(request);
    if (mount === undefined) {
      response.destroy();
      return;
    }
    const open = this.#mounts.get(mount);
    open?.add(response);
    response.once("close", () => open?.delete(response));
    mount.answer(request, response).catch((error: unknown) => {
      mount.onProblem(error instanceof Error ? error.message : String(error));
      response.destroy();
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const mount = this.#mountFor(request);
    if (mount?.upgrade === undefined) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      return;
    }
    const open = this.#mounts.get(mount);
    open?.add(socket);
    socket.once("close", () => open?.delete(socket));
    mount.upgrade(request, socket, head);
  }

  /** Whose path it is; what belongs to nobody is refused by the first. */
  #mountFor(request: IncomingMessage): HttpMount | undefined {
    const [path = "/"] = (request.url ?? "/").split(/[?#]/);
    const owns = (mount: HttpMount): boolean => mount.paths.some((own) => path === own || (own.endsWith("/") && own !== "/" && path.startsWith(own)));
    return this.#mounts.keys().find(owns) ?? this.#mounts.keys().next().value;
  }
}
