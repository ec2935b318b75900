import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../../contracts/clock.ts";
import { AckParser, type FragmentAck } from "../../protocols/kvs/acks.ts";
import { parseServiceError, type ServiceError } from "../../protocols/kvs/service-error.ts";
import type { SignedRequest } from "../../protocols/kvs/signed-request.ts";
import type { Carrier } from "./fragment.ts";

/** Why a connection is over. */
export type ConnectionEnd =
  /** The service ended it, after ours or by itself. */
  | { readonly kind: "ended" }
  | { readonly kind: "refused"; readonly error: ServiceError }
  | { readonly kind: "failed"; readonly reason: string };

/** What a {@link PutMediaConnection} needs. */
export interface ConnectionOptions {
  readonly id: number;
  readonly request: SignedRequest;
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  readonly onAck: (ack: FragmentAck) => void;
  /** Told once, before anybody who waits for {@link PutMediaConnection.closed} goes on. */
  readonly onEnd: (end: ConnectionEnd) => void;
}

/** Thrown by {@link PutMediaConnection.write} when there is nothing to write to any more. */
export class ConnectionOver extends Error {
  override readonly name = "ConnectionOver";
}

const MAX_ERROR_BYTES = 64 * 1024;

/**
 * One PutMedia request: a body that is written while its response is read, over HTTP/1.1 with chunks. Disposing it cuts
 * it off.
 */
export class PutMediaConnection implements Carrier, Disposable {
  readonly id: number;
  /** Settles once, never rejects. */
  readonly closed: Promise<ConnectionEnd>;
  readonly #request: ClientRequest;
  readonly #end = Promise.withResolvers<ConnectionEnd>();
  readonly #acks = new AckParser();
  readonly #options: ConnectionOptions;
  #isOver = false;
  #isConnected = false;

  constructor(options: ConnectionOptions) {
    const { id, request, clock, connectTimeoutMs } = options;
    this.id = id;
    this.#options = options;
    this.closed = this.#end.promise;
    const open = request.url.protocol === "http:" ? httpRequest : httpsRequest;
    this.#request = open(request.url, { method: "POST", headers: request.headers, agent: false });
    const timer = clock.timer(connectTimeoutMs, () => {
      if (!this.#isConnected) {
        this.cut(`no connection within ${connectTimeoutMs / 1000} s`);
      }
    });
    void this.closed.then(() => timer[Symbol.dispose]());
    this.#request.on("socket", (socket) => {
      socket.setNoDelay(true);
      socket.once(request.url.protocol === "http:" ? "connect" : "secureConnect", () => {
        this.#isConnected = true;
      });
    });
    this.#request.on("error", (error: NodeJS.ErrnoException) => this.#finish({ kind: "failed", reason: error.code ?? error.message }));
    this.#request.on("close", () => this.#finish({ kind: "failed", reason: "the connection was closed" }));
    this.#request.on("response", (response) => this.#respond(response));
    this.#request.flushHeaders();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when there is room for more. Throws {@link ConnectionOver}. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isOver) {
      throw new ConnectionOver();
    }
    if (!this.#request.write(bytes)) {
      const drained = Promise.withResolvers<undefined>();
      const onDrain = (): void => drained.resolve(undefined);
      this.#request.once("drain", onDrain);
      await Promise.race([drained.promise, this.closed]);
      this.#request.off("drain", onDrain);
    }
    // It may have ended while there was no room.
    if (this.isOver) {
      throw new ConnectionOver();
    }
  }

  /** No more is written; acknowledgements still come. */
  end(): void {
    if (!this.#isOver) {
      this.#request.end();
    }
  }

  /** Gives it up at once. */
  cut(reason: string): void {
    this.#finish({ kind: "failed", reason });
  }

  [Symbol.dispose](): void {
    this.cut("stopped");
  }

  #respond(response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    if (status === 200) {
      response.on("data", (bytes: Buffer) => {
        for (const ack of this.#acks.push(bytes)) {
          this.#options.onAck(ack);
        }
      });
      response.on("end", () => this.#finish({ kind: "ended" }));
      response.on("error", () => this.#finish({ kind: "failed", reason: "the response was cut off" }));
      return;
    }
    const parts: Buffer[] = [];
    let length = 0;
    const finish = (): void => {
      const headers = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
      this.#finish({ kind: "refused", error: parseServiceError(status, headers, Buffer.concat(parts)) });
    };
    response.on("data", (bytes: Buffer) => {
      length += bytes.length;
      if (length <= MAX_ERROR_BYTES) {
        parts.push(bytes);
      }
    });
    // A body that is cut short still says something.
    response.on("end", finish);
    response.on("error", finish);
    response.on("aborted", finish);
  }

  #finish(end: ConnectionEnd): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    this.#request.on("error", () => undefined);
    this.#request.destroy();
    this.#options.onEnd(end);
    this.#end.resolve(end);
  }
}
