import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Secret } from "../domain/secret.ts";
import { checkToken } from "./access.ts";
import { RequestError, toRequestError } from "./request-error.ts";

/** How an HTTP listener is set up. */
export interface HttpAppOptions {
  readonly tokens: readonly Secret[];
  /** Speaks TLS; with `ca` clients must show a certificate. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer; readonly ca?: Buffer } | undefined;
  /** Largest body taken, as sent and decompressed. */
  readonly maxBodyBytes: number;
  /** How a failure is told; `path` tells the protocol. */
  readonly formatError: (path: string, error: RequestError) => { readonly body: string; readonly contentType: string };
}

/**
 * A fastify instance as the model server's protocols need it: bodies come as buffers whatever their type, compressed ones
 * are decompressed within the limit, tokens are checked before anything is read, failures are told as the protocol does.
 */
export function createHttpApp(options: HttpAppOptions): FastifyInstance {
  const { tls } = options;
  const https = tls && { ...tls, minVersion: "TLSv1.2" as const, requestCert: tls.ca !== undefined, rejectUnauthorized: tls.ca !== undefined };
  const settings = {
    logger: false,
    bodyLimit: options.maxBodyBytes,
    requestTimeout: 300_000,
    keepAliveTimeout: 75_000,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    forceCloseConnections: "idle" as const,
  };
  // fastify types an application by its server; routes are the same on both.
  const app = https === undefined ? fastify(settings) : (fastify({ ...settings, https }) as unknown as FastifyInstance);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body, done) => {
    decompress(body as Buffer, request.headers["content-encoding"], options.maxBodyBytes).then(
      (bytes) => done(null, bytes),
      (error: unknown) => done(error as Error),
    );
  });
  app.addHook("onRequest", (request, _reply, done) => {
    try {
      checkToken(request.headers.authorization, options.tokens);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  const fail = (request: FastifyRequest, reply: FastifyReply, error: RequestError): void => {
    const { body, contentType } = options.formatError(request.url, error);
    if (error.retryAfterS !== undefined) {
      reply.header("retry-after", String(error.retryAfterS));
    }
    reply.status(error.httpStatus).type(contentType).send(body);
  };
  app.setErrorHandler((error, request, reply) => {
    fail(request, reply, fromFastify(error, options.maxBodyBytes));
  });
  app.setNotFoundHandler((request, reply) => {
    fail(request, reply, new RequestError("not_found", `Requested resource is not found, please refer to API document: ${request.method} ${request.url.split("?", 1)[0] ?? ""}`));
  });
  return app;
}

/** The body of a request; empty when it has none. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

/** Aborts when the client goes away before it has its answer. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) {
      controller.abort(new RequestError("unavailable", "the client has gone"));
    }
  });
  return controller.signal;
}

async function decompress(body: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  if (encoding === undefined || encoding === "identity") {
    return body;
  }
  const limit = { maxOutputLength: maxBytes };
  try {
    if (encoding === "gzip") {
      return await promisify<Buffer, typeof limit, Buffer>(gunzip)(body, limit);
    }
    if (encoding === "deflate") {
      return await promisify<Buffer, typeof limit, Buffer>(inflate)(body, limit);
    }
  } catch (error) {
    const isTooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge
      ? new RequestError("too_large", `expected a body of at most ${maxBytes} bytes after decompression, got a larger one`)
      : new RequestError("invalid", `expected a ${encoding} body, got something else`);
  }
  throw new RequestError("invalid", `expected content-encoding gzip or deflate, got ${encoding.slice(0, 40)}`);
}

function fromFastify(error: unknown, maxBytes: number): RequestError {
  if (error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" && error.statusCode < 500 && !(error instanceof RequestError)) {
    return error.statusCode === 413
      ? new RequestError("too_large", `expected a body of at most ${maxBytes} bytes, got a larger one`)
      : new RequestError("invalid", error.message);
  }
  return toRequestError(error);
}
