import type { Engine, EngineReply, EngineRequest, Interpreter, InterpreterRef } from "../../contracts/engine.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { InputSpec, Model, Tensor, TensorSpec } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { RemoteCalls } from "../remote-calls.ts";
import { loadCredentials, type RemoteConfig } from "../remote-config.ts";
import { GrpcServer } from "../remote-grpc.ts";
import { HttpServer } from "../remote-http.ts";
import { batchSizesUpTo, createTensorWriter, haveOneSize, interpretAll, jpegsOf, loadInterpreter, oneByOne, splitBatch, stretched } from "../remote-tensors.ts";
import { grpcClient, httpClient, type OipClient, type ServedMetadata, type ServedModel } from "./oip-client.ts";
import { StreamingClient } from "./streaming-client.ts";

/** The kind's own configuration, as parsed. */
export interface KserveConfig extends RemoteConfig {
  readonly batch: number;
  readonly stream: boolean;
  readonly jpegQuality: number;
}

interface Parts {
  readonly description: string;
  readonly config: KserveConfig;
  readonly served: ServedModel;
  readonly input: InputSpec;
  readonly inputSpec: TensorSpec;
  readonly outputs: readonly TensorSpec[];
  readonly interpreter: Interpreter;
  readonly calls: RemoteCalls<OipClient>;
}

/** A model on servers that speak the Open Inference Protocol. Outputs are read here, on the calling thread. */
export class KserveEngine implements Engine {
  readonly description: string;
  readonly input: InputSpec;
  readonly parallelism: number;
  readonly batchSizes: readonly number[];
  readonly wantsJpeg?: { readonly quality: number };
  readonly #parts: Parts;
  readonly #write: (batch: readonly EngineRequest[]) => Tensor;

  private constructor(parts: Parts) {
    const { config, inputSpec } = parts;
    this.#parts = parts;
    this.description = parts.description;
    this.input = parts.input;
    this.parallelism = config.executors;
    const takesBatches = (inputSpec.shape[0] ?? -1) < 0 || inputSpec.type === "string";
    this.batchSizes = takesBatches ? batchSizesUpTo(config.batch) : [1];
    if (inputSpec.type === "string") {
      this.wantsJpeg = { quality: config.jpegQuality };
    }
    this.#write = createTensorWriter(parts.input);
  }

  /** Asks the server about the model and checks that it fits. */
  static async open(config: KserveConfig, model: Model, ref: InterpreterRef, context: KindContext, signal: AbortSignal): Promise<KserveEngine> {
    const engine = `kserve+${config.transport}${config.tls ? "s" : ""}`;
    signal.throwIfAborted();
    const calls = await connect(engine, config, context);
    try {
      const served = { name: config.model ?? model.name, version: config.version };
      const metadata = await calls.call((client, callSignal) => client.metadata(served, callSignal), signal);
      const interpreter = await loadInterpreter(ref);
      const inputSpec = findInput(engine, served.name, model.input, metadata);
      const description = `${engine}: ${config.addresses.join(",")}, model ${served.name}${served.version === "" ? "" : ` version ${served.version}`}${metadata.platform === "" ? "" : ` (${metadata.platform})`}`;
      const input = { ...model.input, name: inputSpec.name };
      return new KserveEngine({ description, config, served, input, inputSpec, outputs: metadata.outputs, interpreter, calls });
    } catch (error) {
      await calls[Symbol.asyncDispose]();
      throw error;
    }
  }

  async infer(batch: readonly EngineRequest[], signal: AbortSignal): Promise<readonly EngineReply[]> {
    const { calls, served, interpreter, outputs, config } = this.#parts;
    if (batch.length > 1 && this.wantsJpeg === undefined && !haveOneSize(batch)) {
      return oneByOne(batch, (one) => this.infer(one, signal));
    }
    const tensor = this.wantsJpeg === undefined ? this.#write(batch) : this.#jpegTensor(batch);
    const startMs = performance.now();
    const answer = await calls.call((client, callSignal) => client.infer(served, [tensor], callSignal), signal);
    const inferMs = performance.now() - startMs;
    const frames = splitBatch(`kserve ${config.addresses.join(",")}`, served.name, answer, outputs, batch.length);
    const geometries = batch.map(({ pixels }) => (this.wantsJpeg === undefined ? pixels.geometry : stretched(pixels.geometry, this.input)));
    return interpretAll(interpreter, frames, geometries, inferMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.calls[Symbol.asyncDispose]();
  }

  #jpegTensor(batch: readonly EngineRequest[]): Tensor {
    const { inputSpec } = this.#parts;
    const data = jpegsOf(batch, "kserve");
    // Models that batch say [-1, 1]; those that do not, [1] or [-1].
    const shape = inputSpec.shape.length <= 1 ? [data.length] : [data.length, ...inputSpec.shape.slice(1).map((size) => Math.max(1, size))];
    return { name: inputSpec.name, type: "string", shape, data };
  }
}

/** What the server says the model takes and gives. */
export async function askKserve(config: KserveConfig, name: string, context: KindContext, signal: AbortSignal): Promise<ServedMetadata> {
  await using calls = await connect(`kserve+${config.transport}`, config, context);
  return await calls.call((client, callSignal) => client.metadata({ name: config.model ?? name, version: config.version }, callSignal), signal);
}

async function connect(engine: string, config: KserveConfig, context: KindContext): Promise<RemoteCalls<OipClient>> {
  const loaded = await loadCredentials(engine, config, context.baseDir);
  const clients = config.addresses.map((address) =>
    config.transport === "http"
      ? httpClient(new HttpServer("kserve", address, loaded, config.compression))
      : config.stream
        ? new StreamingClient(new GrpcServer("kserve", address, loaded, config.compression))
        : grpcClient(new GrpcServer("kserve", address, loaded, config.compression)),
  );
  return new RemoteCalls<OipClient>(clients, { engine: "kserve", clock: context.clock, log: context.log, timeoutMs: config.timeoutMs, retryForMs: config.retryForMs });
}

/** The input that takes the picture. Throws `E_ENGINE_MODEL` when the model cannot take what would be sent. */
function findInput(engine: string, model: string, input: InputSpec, metadata: ServedMetadata): TensorSpec {
  const spec = metadata.inputs.find(({ name }) => name === input.name) ?? (metadata.inputs.length === 1 ? metadata.inputs[0] : undefined);
  const describe = ({ name, type, shape }: TensorSpec): string => `${name} ${type} [${shape.map((n) => (n < 0 ? "?" : n)).join(", ")}]`;
  const channels = input.color === "GRAY" ? 1 : 3;
  const size = input.fit === "none" ? [-1, -1] : [input.height, input.width];
  const wanted = input.layout === "NCHW" ? [1, channels, ...size] : [1, ...size, channels];
  const fits =
    spec !== undefined &&
    (spec.type === "string" ||
      (spec.type === input.type && (spec.shape.length === 0 || (spec.shape.length === 4 && spec.shape.every((n, i) => n < 0 || wanted[i] === -1 || n === wanted[i] || (i === 0 && n > 0))))));
  if (!fits) {
    const expected = describe({ name: input.name, type: input.type, shape: wanted });
    throw new VedetteError("E_ENGINE_MODEL", { engine, model, expected, got: metadata.inputs.map(describe).join("; ") || "no input" });
  }
  return spec;
}
