import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Credentials } from "../../protocols/rtsp/authentication.ts";
import { RtspClient } from "../../protocols/rtsp/client.ts";
import type { HeaderFields, RtspResponse } from "../../protocols/rtsp/message.ts";
import { writeInterleaved } from "../../protocols/rtsp/message.ts";
import { connectTcp } from "../../runtime/tcp.ts";
import type { TcpTarget } from "../../runtime/tcp.ts";

/** A description above 1 MiB is refused. */
const LIMITS = { headerBytes: 64 * 1024, bodyBytes: 1024 * 1024 };

/** Receives what comes between the messages. Bytes are the receiver's own. */
export type InterleavedListener = (channel: number, data: Uint8Array) => void;

/** A control connection to a server: the socket around {@link RtspClient}. */
export class ControlConnection implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #client: RtspClient;
  readonly #answerTimeoutMs: number;
  readonly #closed = Promise.withResolvers<Error | undefined>();
  #onInterleaved: InterleavedListener = () => undefined;

  private constructor(socket: Socket, credentials: Credentials | undefined, answerTimeoutMs: number) {
    this.#socket = socket;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#client = new RtspClient({
      send: (bytes) => socket.write(bytes),
      onInterleaved: ({ channel, data }) => this.#onInterleaved(channel, data),
      cnonce: () => randomBytes(8).toString("hex"),
      credentials,
      userAgent: "Vedette",
      limits: LIMITS,
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        this.#client.receive(chunk);
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(undefined));
  }

  /** Connects. Rejects with the system's error. */
  static async open(target: TcpTarget, credentials: Credentials | undefined, signal: AbortSignal): Promise<ControlConnection> {
    const socket = await connectTcp(target, signal);
    return new ControlConnection(socket, credentials, target.timeoutMs);
  }

  /** Address of the server. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  get sessionTimeoutS(): number {
    return this.#client.sessionTimeoutS;
  }

  /** Resolves when the connection is gone: with the reason, or undefined when the server closed it. */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /** From now on interleaved data goes there. */
  listen(listener: InterleavedListener): void {
    this.#onInterleaved = listener;
  }

  /** Asks and waits for the answer, at most as long as a connection may take. */
  async request(method: string, uri: string, headers: HeaderFields, signal: AbortSignal): Promise<RtspResponse> {
    signal.throwIfAborted();
    const onAbort = (): void => this.#fail(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    const timer = setTimeout(() => {
      this.#fail(Object.assign(new Error(`no answer to ${method} within ${String(this.#answerTimeoutMs)} ms`), { code: "ETIMEDOUT" }));
    }, this.#answerTimeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await this.#client.request(method, uri, headers);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Sends a piece of binary data; left out when the server does not read. */
  sendInterleaved(channel: number, data: Uint8Array): void {
    if (this.#socket.writableLength < 64 * 1024) {
      this.#socket.write(writeInterleaved(channel, data));
    }
  }

  #fail(error: Error | undefined): void {
    this.#client.fail(error ?? new Error("the server closed the connection"));
    this.#closed.resolve(error);
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(undefined);
    if (!this.#socket.closed) {
      await new Promise<void>((resolve) => {
        this.#socket.once("close", () => resolve());
      });
    }
  }
}
