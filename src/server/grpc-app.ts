import { Metadata, Server, ServerCredentials, type handleBidiStreamingCall, type handleServerStreamingCall, type handleUnaryCall, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { VedetteError } from "../errors.ts";
import type { Secret } from "../domain/secret.ts";
import { checkToken, parseListen } from "./access.ts";
import { RequestError, toRequestError } from "./request-error.ts";

/** Certificates of a TLS listener; with `ca` clients must show one of it. */
export interface GrpcTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** A unary method from its messages and what it does. */
export function unary<Request, Reply>(
  request: { decode(bytes: Uint8Array): Request },
  reply: { encode(value: Reply): Buffer },
  handle: (request: Request, signal: AbortSignal) => Promise<Reply> | Reply,
): RawMethod {
  return { kind: "unary", handle: async (bytes, signal) => reply.encode(await handle(request.decode(bytes), signal)) };
}

/**
 * A method over bytes. `unary` and `server` (a stream of one reply) answer a failure by rejecting; `bidi` answers every
 * request as soon as it can, in any order, and must not reject.
 */
export interface RawMethod {
  readonly kind: "unary" | "bidi" | "server";
  readonly handle: (bytes: Buffer, signal: AbortSignal) => Promise<Buffer>;
}

/** A gRPC listener. Messages are decoded inside the handlers, so that faulty ones are answered INVALID_ARGUMENT. */
export class GrpcApp implements AsyncDisposable {
  readonly #server: Server;
  readonly #tokens: readonly Secret[];

  constructor(tokens: readonly Secret[], maxMessageBytes: number) {
    this.#tokens = tokens;
    this.#server = new Server({
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": -1,
      "grpc.keepalive_time_ms": 60_000,
      "grpc.keepalive_timeout_ms": 20_000,
      "grpc.http2.min_ping_interval_without_data_ms": 5_000,
    });
  }

  /** Adds a service: methods by name. */
  addService(service: string, methods: Readonly<Record<string, RawMethod>>): void {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(methods)) {
      definition[name] = {
        path: `/${service}/${name}`,
        requestStream: method.kind === "bidi",
        responseStream: method.kind !== "unary",
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      };
      implementation[name] = method.kind === "unary" ? this.#unary(method) : method.kind === "bidi" ? this.#bidi(method) : this.#serverStream(method);
    }
    this.#server.addService(definition, implementation);
  }

  /** Listens; returns the port. Throws `E_ADDRESS_IN_USE` and `E_ADDRESS_REFUSED`. */
  listen(address: string, tls?: GrpcTls): Promise<number> {
    const { host, port } = parseListen(address);
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(tls.ca ?? null, [{ cert_chain: tls.cert, private_key: tls.key }], tls.ca !== undefined);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync(`${host.includes(":") ? `[${host}]` : host}:${port}`, credentials, (error, bound) => {
      if (error === null) {
        resolve(bound);
      } else {
        const code = error.message.includes("EADDRINUSE") ? "E_ADDRESS_IN_USE" : "E_ADDRESS_REFUSED";
        reject(new VedetteError(code, { address, reason: error.message }, { cause: error }));
      }
    });
    return promise;
  }

  /** Takes no new calls, waits a little for those under way, then ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => {
      this.#server.forceShutdown();
      resolve(undefined);
    }, CLOSE_MS);
    this.#server.tryShutdown(() => resolve(undefined));
    await promise;
    clearTimeout(timer);
  }

  #unary(method: RawMethod): handleUnaryCall<Buffer, Buffer> {
    return (call, callback) => {
      const { signal, isDone } = cancelSignal(call);
      this.#answer(call, () => method.handle(call.request, signal)).then(
        (reply) => {
          isDone();
          callback(null, reply);
        },
        (error: unknown) => {
          isDone();
          callback(toStatus(error));
        },
      );
    };
  }

  #serverStream(method: RawMethod): handleServerStreamingCall<Buffer, Buffer> {
    return (call) => {
      const { signal, isDone } = cancelSignal(call);
      this.#answer(call, () => method.handle(call.request, signal)).then(
        (reply) => {
          isDone();
          call.write(reply);
          call.end();
        },
        (error: unknown) => {
          isDone();
          call.emit("error", toStatus(error));
        },
      );
    };
  }

  #bidi(method: RawMethod): handleBidiStreamingCall<Buffer, Buffer> {
    return (call) => {
      const { signal, isDone } = cancelSignal(call);
      let underWay = 0;
      let hasEnded = false;
      const maybeEnd = (): void => {
        if (hasEnded && underWay === 0) {
          isDone();
          call.end();
        }
      };
      try {
        checkToken(String(call.metadata.get("authorization")[0] ?? ""), this.#tokens);
      } catch (error) {
        call.emit("error", toStatus(error));
        return;
      }
      call.on("data", (bytes: Buffer) => {
        underWay++;
        if (underWay >= MOST_UNDER_WAY) {
          call.pause();
        }
        void method.handle(bytes, signal).then((reply) => {
          underWay--;
          call.resume();
          call.write(reply);
          maybeEnd();
        });
      });
      call.on("end", () => {
        hasEnded = true;
        maybeEnd();
      });
      call.on("error", () => {
        isDone();
      });
    };
  }

  async #answer(call: { readonly metadata: Metadata }, answer: () => Promise<Buffer>): Promise<Buffer> {
    checkToken(String(call.metadata.get("authorization")[0] ?? ""), this.#tokens);
    return answer();
  }
}

const CLOSE_MS = 2_000;
/** Requests of one stream that are worked on at once; further ones wait in its flow-control window. */
const MOST_UNDER_WAY = 64;

function cancelSignal(call: { on(event: "cancelled", listener: () => void): unknown }): { readonly signal: AbortSignal; readonly isDone: () => void } {
  const controller = new AbortController();
  let done = false;
  call.on("cancelled", () => {
    if (!done) {
      controller.abort(new RequestError("unavailable", "the client has gone"));
    }
  });
  return {
    signal: controller.signal,
    isDone: () => {
      done = true;
    },
  };
}

function toStatus(error: unknown): { code: number; details: string; metadata: Metadata } {
  const failure = toRequestError(error);
  const metadata = new Metadata();
  if (failure.retryAfterS !== undefined) {
    metadata.set("retry-after", String(failure.retryAfterS));
  }
  return { code: failure.grpcStatus, details: failure.message, metadata };
}
