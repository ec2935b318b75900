import { Client, compressionAlgorithms, credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { VedetteError } from "../errors.ts";
import { redactText } from "../runtime/redact.ts";
import type { Message } from "../protocols/protobuf/message.ts";
import type { Credentials } from "./remote-config.ts";
import type { RemoteServer } from "./remote-calls.ts";

/** A unary call: its path, and its messages. */
export interface GrpcMethod<Input, Value> {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: Pick<Message<unknown, Input>, "encode">;
  readonly response: Pick<Message<Value, unknown>, "decode">;
}

/** A model server over gRPC. One connection, kept alive; opens by itself and again after a failure. */
export class GrpcServer implements RemoteServer {
  readonly address: string;
  readonly #engine: string;
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(engine: string, address: string, loaded: Credentials, compression: "none" | "gzip") {
    this.address = address;
    this.#engine = engine;
    const channel = loaded.tls ? credentials.createSsl(loaded.ca ?? null, loaded.key ?? null, loaded.cert ?? null) : credentials.createInsecure();
    this.#client = new Client(address, channel, {
      "grpc.max_receive_message_length": 256 * 1024 * 1024,
      "grpc.max_send_message_length": -1,
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 5_000,
      // A server that came back should be found at once, not after grpc-js's two minutes.
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2_000,
      // Two engines of one process on one server share nothing: a stalled stream of one cannot hold up the other.
      "grpc.use_local_subchannel_pool": 1,
      // Repeating is this program's own business (remote-calls.ts).
      "grpc.enable_retries": 0,
      ...(loaded.serverName === undefined ? {} : { "grpc.ssl_target_name_override": loaded.serverName, "grpc.default_authority": loaded.serverName }),
      ...(compression === "gzip" ? { "grpc.default_compression_algorithm": compressionAlgorithms.gzip } : {}),
    });
    if (loaded.token !== undefined) {
      this.#metadata.set("authorization", `Bearer ${loaded.token.reveal()}`);
    }
  }

  /** Calls; rejects with a coded error, or the signal's reason. */
  unary<Input, Value>(method: GrpcMethod<Input, Value>, input: Input, signal: AbortSignal): Promise<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    if (signal.aborted) {
      reject(signal.reason as Error);
      return promise;
    }
    const onAbort = (): void => call.cancel();
    const call = this.#client.makeUnaryRequest(
      method.path,
      (value: Input) => method.request.encode(value),
      // Decoded below, so that faults keep their own code.
      (bytes: Buffer) => bytes,
      input,
      this.#metadata,
      (error, reply) => {
        signal.removeEventListener("abort", onAbort);
        if (error !== null) {
          reject(signal.aborted ? (signal.reason as Error) : this.#failure(error));
          return;
        }
        try {
          resolve(method.response.decode(reply ?? new Uint8Array(0)));
        } catch (fault) {
          reject(this.#answerFault(fault));
        }
      },
    );
    signal.addEventListener("abort", onAbort, { once: true });
    return promise;
  }

  /** Opens a bidirectional stream; answers come undecoded. */
  duplex<Input>(path: string, request: Pick<Message<unknown, Input>, "encode">): ClientDuplexStream<Input, Buffer> {
    return this.#client.makeBidiStreamRequest(path, (value: Input) => request.encode(value), (bytes: Buffer) => bytes, this.#metadata);
  }

  /** The coded error that a call's or stream's failure stands for. */
  failureOf(error: unknown): VedetteError {
    return isServiceError(error)
      ? this.#failure(error)
      : new VedetteError("E_ENGINE_UNREACHABLE", { engine: `${this.#engine} ${this.address}`, reason: String(error) }, { cause: error });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  #answerFault(fault: unknown): VedetteError {
    const reason = fault instanceof Error ? fault.message : String(fault);
    return new VedetteError("E_ENGINE_FAILED", { engine: `${this.#engine} ${this.address}`, reason }, { cause: fault });
  }

  #failure(error: ServiceError): VedetteError {
    const engine = `${this.#engine} ${this.address}`;
    const reason = redactText(error.details).slice(0, 300);
    const options = { cause: error };
    switch (error.code) {
      case status.UNAVAILABLE: {
        // Connection failures and a server's own "come back later" share this status; the trailer tells them apart.
        const retryAfterMs = retryAfter(error.metadata);
        return retryAfterMs === undefined
          ? new VedetteError("E_ENGINE_UNREACHABLE", { engine, reason }, options)
          : new VedetteError("E_ENGINE_BUSY", { engine, reason, retryAfterMs }, options);
      }
      case status.RESOURCE_EXHAUSTED:
        return new VedetteError("E_ENGINE_BUSY", { engine, reason, retryAfterMs: retryAfter(error.metadata) ?? 0 }, options);
      case status.DEADLINE_EXCEEDED:
        return new VedetteError("E_ENGINE_TIMEOUT", { engine, limit: "its own time limit" }, options);
      case status.UNAUTHENTICATED:
      case status.PERMISSION_DENIED:
        return new VedetteError("E_ENGINE_CREDENTIALS", { engine, reason }, options);
      default:
        return new VedetteError("E_ENGINE_FAILED", { engine, reason: `${status[error.code]}: ${reason}` }, options);
    }
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error;
}

/** `retry-after` in seconds, or gRPC's own `grpc-retry-pushback-ms`. */
function retryAfter(metadata: Metadata): number | undefined {
  const pushback = Number(metadata.get("grpc-retry-pushback-ms")[0] ?? NaN);
  const seconds = Number(metadata.get("retry-after")[0] ?? NaN);
  return Number.isFinite(pushback) && pushback >= 0 ? pushback : Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
