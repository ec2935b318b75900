import { request as requestPlain } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as requestTls } from "node:https";
import { VedetteError } from "../errors.ts";

/** One question to a device over HTTP. */
export interface HttpQuestion {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Until the answer begins; then, the longest silence within it. */
  readonly timeoutMs: number;
  /** https: refuses certificates that no known authority has signed. Left out: refuses. */
  readonly rejectUnauthorized?: boolean;
}

/** An answer whose body is still to be read. Disposing it cuts the connection. */
export interface OpenAnswer extends Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Buffer>;
}

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Asks, on a connection of its own, and hands over the answer as soon as its head is there. Rejects with the system's error. */
export async function openHttp(question: HttpQuestion, signal: AbortSignal): Promise<OpenAnswer> {
  signal.throwIfAborted();
  const { url, method, headers = {}, body, timeoutMs, rejectUnauthorized = true } = question;
  const options = { method, headers: { ...headers, ...(body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) }) }, agent: false as const };
  const request = url.startsWith("https:") ? requestTls(url, { ...options, rejectUnauthorized }) : requestPlain(url, options);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const onAbort = (): void => void request.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
  request.setTimeout(timeoutMs, () => {
    request.destroy(Object.assign(new Error(`nothing came within ${String(timeoutMs)} ms`), { code: "ETIMEDOUT" }));
  });
  // Stays: an error after the answer began is told by its body.
  request.on("error", reject);
  request.once("response", resolve);
  signal.addEventListener("abort", onAbort, { once: true });
  const close = (): void => {
    signal.removeEventListener("abort", onAbort);
    request.destroy();
  };
  request.end(body);
  try {
    const answer = await promise;
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: answer, [Symbol.dispose]: close };
  } catch (error) {
    close();
    signal.throwIfAborted();
    throw error;
  }
}

/** Asks and reads the whole answer, of at most `maxBytes`, within twice the timeout. */
export async function httpExchange(question: HttpQuestion, maxBytes: number, signal: AbortSignal): Promise<HttpAnswer> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(question.timeoutMs * 2)]);
  try {
    using answer = await openHttp(question, limit);
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of answer.body) {
      size += part.length;
      if (size > maxBytes) {
        throw new Error(`an answer of more than ${String(maxBytes)} bytes`);
      }
      parts.push(part);
    }
    return { status: answer.status, headers: answer.headers, body: Buffer.concat(parts) };
  } catch (error) {
    signal.throwIfAborted();
    throw limit.aborted ? Object.assign(new Error("the answer took too long"), { code: "ETIMEDOUT", cause: error }) : error;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ENOTFOUND: "no such host name",
  EAI_AGAIN: "the host name cannot be looked up now",
};

/** A failed exchange with a device as an error of the table. */
export function deviceError(error: unknown, source: string): VedetteError {
  if (error instanceof VedetteError) {
    return error;
  }
  const reason = error instanceof Error ? error.message : String(error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (/^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)_)/.test(code)) {
    return new VedetteError("E_SOURCE_CERTIFICATE", { source, reason }, { cause: error });
  }
  if (code.startsWith("HPE_")) {
    return new VedetteError("E_WIRE", { where: source, expected: "an HTTP answer", got: reason }, { cause: error });
  }
  return new VedetteError("E_SOURCE_UNREACHABLE", { source, reason: REASONS[code] ?? reason }, { cause: error });
}
