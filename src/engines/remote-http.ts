import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { once } from "node:events";
import { promisify } from "node:util";
import { gunzip, gzip, inflate } from "node:zlib";
import { VedetteError } from "../errors.ts";
import { redactText } from "../runtime/redact.ts";
import type { Credentials } from "./remote-config.ts";
import type { RemoteServer } from "./remote-calls.ts";

/** One request. */
export interface HttpCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent one after the other. */
  readonly body?: readonly Uint8Array[];
}

/** What came back, decompressed. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Largest answer taken. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const SHORT_BODY_BYTES = 4096;

/** A model server over HTTP/1.1 with connections that are kept and used again. */
export class HttpServer implements RemoteServer {
  readonly address: string;
  readonly #engine: string;
  readonly #agent: HttpAgent;
  readonly #isSecure: boolean;
  readonly #compression: "none" | "gzip";
  readonly #headers: Readonly<Record<string, string>>;

  constructor(engine: string, address: string, loaded: Credentials, compression: "none" | "gzip") {
    this.address = address;
    this.#engine = engine;
    this.#isSecure = loaded.tls;
    this.#compression = compression;
    const keep = { keepAlive: true, keepAliveMsecs: 30_000, noDelay: true };
    this.#agent = loaded.tls
      ? new HttpsAgent({
          ...keep,
          ...(loaded.ca === undefined ? {} : { ca: loaded.ca }),
          ...(loaded.cert === undefined ? {} : { cert: loaded.cert, key: loaded.key }),
          ...(loaded.serverName === undefined ? {} : { servername: loaded.serverName }),
        })
      : new HttpAgent(keep);
    this.#headers = {
      ...(loaded.token === undefined ? {} : { authorization: `Bearer ${loaded.token.reveal()}` }),
      ...(compression === "gzip" ? { "accept-encoding": "gzip, deflate" } : {}),
    };
  }

  /** Calls; answers of any status resolve. Rejects with a coded error, or the signal's reason. */
  async call(call: HttpCall, signal: AbortSignal): Promise<HttpReply> {
    const size = call.body?.reduce((sum, part) => sum + part.byteLength, 0) ?? 0;
    const isCompressed = this.#compression === "gzip" && size > SHORT_BODY_BYTES;
    const body = isCompressed ? [await promisify(gzip)(Buffer.concat(call.body ?? []), { level: 1 })] : (call.body ?? []);
    const headers = { ...this.#headers, ...call.headers, ...(isCompressed ? { "content-encoding": "gzip" } : {}) };
    try {
      return await this.#attempt({ ...call, headers, body }, signal);
    } catch (error) {
      // A kept connection may have been closed by the server just as it was used: that says nothing about the server.
      if (!(error instanceof StaleConnection) || signal.aborted) {
        throw error;
      }
    }
    return this.#attempt({ ...call, headers: { ...headers, connection: "close" }, body }, signal).catch((error: unknown) => {
      throw error instanceof StaleConnection ? this.#unreachable(error.message, error) : error;
    });
  }

  /** The error that an answer of 400 and more stands for; `message` is what its body says. */
  failure(reply: HttpReply, message: string): VedetteError {
    const engine = `${this.#engine} ${this.address}`;
    const reason = redactText(message).slice(0, 300);
    switch (reply.status) {
      case 401:
      case 403:
        return new VedetteError("E_ENGINE_CREDENTIALS", { engine, reason });
      case 429:
      case 502:
      case 503:
        return new VedetteError("E_ENGINE_BUSY", { engine, reason, retryAfterMs: retryAfter(reply.headers["retry-after"]) });
      case 408:
      case 504:
        return new VedetteError("E_ENGINE_TIMEOUT", { engine, limit: "its own time limit" });
      default:
        return new VedetteError("E_ENGINE_FAILED", { engine, reason: `HTTP ${reply.status}: ${reason}` });
    }
  }

  /** Closes the connections, and waits until they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    const sockets = [this.#agent.sockets, this.#agent.freeSockets].flatMap((byName) => Object.values(byName)).flatMap((list) => list ?? []);
    const closed = sockets.filter((socket) => !socket.closed).map((socket) => once(socket, "close"));
    this.#agent.destroy();
    await Promise.all(closed);
  }

  #attempt(call: HttpCall, signal: AbortSignal): Promise<HttpReply> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
    const { hostname, port } = new URL(`http://${this.address}`);
    const length = call.body?.reduce((sum, part) => sum + part.byteLength, 0) ?? 0;
    const options: RequestOptions = {
      agent: this.#agent,
      // URL keeps the brackets of an IPv6 address, which a socket does not want.
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 80 : port,
      method: call.method,
      path: call.path,
      headers: { ...call.headers, ...(call.method === "GET" ? {} : { "content-length": String(length) }) },
      signal,
    };
    const request = this.#isSecure ? httpsRequest(options) : httpRequest(options);
    request.on("response", (response) => {
      this.#read(response).then(resolve, reject);
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      reject(signal.aborted ? (signal.reason as Error) : this.#connectionFailure(error, request.reusedSocket));
    });
    for (const part of call.body ?? []) {
      request.write(part);
    }
    request.end();
    return promise;
  }

  async #read(response: IncomingMessage): Promise<HttpReply> {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_ANSWER_BYTES) {
          response.destroy();
          throw this.#answerFault(`expected an answer of at most ${MAX_ANSWER_BYTES} bytes, got a larger one`);
        }
        chunks.push(chunk);
      }
    } catch (error) {
      throw error instanceof VedetteError ? error : this.#answerFault("the answer broke off", error);
    }
    const body = await this.#decompress(Buffer.concat(chunks), response.headers["content-encoding"]);
    return { status: response.statusCode ?? 0, headers: response.headers, body };
  }

  async #decompress(body: Buffer, encoding = "identity"): Promise<Buffer> {
    const limit = { maxOutputLength: MAX_ANSWER_BYTES };
    try {
      switch (encoding.toLowerCase()) {
        case "identity":
          return body;
        case "gzip":
          return await promisify<Buffer, typeof limit, Buffer>(gunzip)(body, limit);
        case "deflate":
          return await promisify<Buffer, typeof limit, Buffer>(inflate)(body, limit);
        default:
          throw this.#answerFault(`expected gzip or deflate, got content-encoding ${encoding}`);
      }
    } catch (error) {
      throw error instanceof VedetteError ? error : this.#answerFault("the answer cannot be decompressed", error);
    }
  }

  #connectionFailure(error: NodeJS.ErrnoException, isReused: boolean): Error {
    const reason = error.message === "" ? (error.code ?? "connection failed") : redactText(error.message);
    if (isReused && (error.code === "ECONNRESET" || error.code === "EPIPE")) {
      return new StaleConnection(reason, { cause: error });
    }
    // Node names certificate faults by many codes; all of them come from a connection that was made.
    const isCertificate = /CERT|SELF_SIGNED|TLS|SSL|ALTNAME/.test(error.code ?? "");
    return isCertificate ? new VedetteError("E_ENGINE_CREDENTIALS", { engine: `${this.#engine} ${this.address}`, reason }, { cause: error }) : this.#unreachable(reason, error);
  }

  #unreachable(reason: string, cause: unknown): VedetteError {
    return new VedetteError("E_ENGINE_UNREACHABLE", { engine: `${this.#engine} ${this.address}`, reason }, { cause });
  }

  #answerFault(reason: string, cause?: unknown): VedetteError {
    return new VedetteError("E_ENGINE_FAILED", { engine: `${this.#engine} ${this.address}`, reason }, { cause });
  }
}

/** A kept connection that was gone when it was used. */
class StaleConnection extends Error {}

/** Seconds, or a date (RFC 9110 §10.2.3), as milliseconds from now; 0 when absent or wrong. */
function retryAfter(value: string | undefined): number {
  if (value === undefined) {
    return 0;
  }
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
