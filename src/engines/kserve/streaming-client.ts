import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Tensor } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { requestMessage, responseFromMessage } from "../../protocols/oip/grpc.ts";
import { ModelInferRequest, ModelStreamInferResponse } from "../../protocols/oip/messages.ts";
import type { ValueOf } from "../../protocols/protobuf/message.ts";
import type { GrpcServer } from "../remote-grpc.ts";
import { grpcClient, type OipClient, type ServedMetadata, type ServedModel } from "./oip-client.ts";

interface Waiting {
  readonly resolve: (tensors: readonly Tensor[]) => void;
  readonly reject: (error: unknown) => void;
}

type Answer = ValueOf<typeof ModelStreamInferResponse>;
type Stream = ClientDuplexStream<Parameters<typeof ModelInferRequest.encode>[0], Buffer>;

/**
 * All requests in one ModelStreamInfer call: no set-up for each of them. Answers are matched by request id, or by order
 * where a server sends none back. A broken stream fails what waits on it; the next request opens another.
 */
export class StreamingClient implements OipClient {
  readonly address: string;
  readonly #server: GrpcServer;
  readonly #unary: OipClient;
  readonly #waiting = new Map<string, Waiting>();
  #stream: Stream | undefined;
  #nextId = 0;

  constructor(server: GrpcServer) {
    this.address = server.address;
    this.#server = server;
    this.#unary = grpcClient(server);
  }

  metadata(model: ServedModel, signal: AbortSignal): Promise<ServedMetadata> {
    return this.#unary.metadata(model, signal);
  }

  async infer(model: ServedModel, inputs: readonly Tensor[], signal: AbortSignal): Promise<readonly Tensor[]> {
    signal.throwIfAborted();
    const id = String(this.#nextId++);
    const { promise, resolve, reject } = Promise.withResolvers<readonly Tensor[]>();
    this.#waiting.set(id, { resolve, reject });
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      this.#opened().write(requestMessage(model, { inputs, id }));
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      // An answer that still comes finds nobody; where servers send no ids the order must stay, so the entry stays as well.
      if (signal.aborted && this.#waiting.has(id)) {
        this.#waiting.set(id, { resolve: () => undefined, reject: () => undefined });
      }
      if (signal.aborted && signal.reason instanceof VedetteError && signal.reason.code === "E_ENGINE_TIMEOUT") {
        // A stream that hangs is given up, with all that waits on it.
        this.#stream?.cancel();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream?.cancel();
    this.#failAll(new VedetteError("E_STOPPED", { what: "the stream" }));
    await this.#server[Symbol.asyncDispose]();
  }

  #opened(): Stream {
    if (this.#stream !== undefined) {
      return this.#stream;
    }
    const stream: Stream = this.#server.duplex("/inference.GRPCInferenceService/ModelStreamInfer", ModelInferRequest);
    this.#stream = stream;
    stream.on("data", (bytes: Buffer) => {
      this.#onAnswer(bytes);
    });
    stream.on("error", (error) => {
      this.#onEnd(stream, this.#server.failureOf(error));
    });
    stream.on("end", () => {
      stream.end();
      this.#onEnd(stream, new VedetteError("E_ENGINE_UNREACHABLE", { engine: `kserve ${this.address}`, reason: "the server ended the stream" }));
    });
    return stream;
  }

  #onAnswer(bytes: Buffer): void {
    let answer: Answer;
    try {
      answer = ModelStreamInferResponse.decode(bytes);
    } catch (error) {
      this.#take("")?.reject(this.#failed(error instanceof Error ? error.message : String(error)));
      return;
    }
    const waiting = this.#take(answer.inferResponse?.id ?? "");
    if (answer.errorMessage !== "" || answer.inferResponse === undefined) {
      waiting?.reject(this.#failed(answer.errorMessage === "" ? "an empty answer" : answer.errorMessage));
      return;
    }
    try {
      waiting?.resolve(responseFromMessage(answer.inferResponse).outputs);
    } catch (error) {
      waiting?.reject(this.#failed(error instanceof Error ? error.message : String(error)));
    }
  }

  #take(id: string): Waiting | undefined {
    const key = this.#waiting.has(id) ? id : this.#waiting.keys().next().value;
    const waiting = key === undefined ? undefined : this.#waiting.get(key);
    if (key !== undefined) {
      this.#waiting.delete(key);
    }
    return waiting;
  }

  #onEnd(stream: Stream, error: VedetteError): void {
    if (this.#stream === stream) {
      this.#stream = undefined;
      this.#failAll(error);
    }
  }

  #failAll(error: VedetteError): void {
    for (const waiting of this.#waiting.values()) {
      waiting.reject(error);
    }
    this.#waiting.clear();
  }

  #failed(reason: string): VedetteError {
    return new VedetteError("E_ENGINE_FAILED", { engine: `kserve ${this.address}`, reason });
  }
}
