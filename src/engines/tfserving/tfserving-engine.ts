import type { Engine, EngineReply, EngineRequest, Interpreter, InterpreterRef } from "../../contracts/engine.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { InputSpec, Model, Tensor, TensorSpec } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { GetModelMetadataRequest, GetModelMetadataResponse, PredictRequest, PredictResponse } from "../../protocols/tfserving/messages.ts";
import { signatureFromBytes, tensorFromProto, tensorToProto } from "../../protocols/tfserving/tensors.ts";
import { RemoteCalls } from "../remote-calls.ts";
import { loadCredentials, type RemoteConfig } from "../remote-config.ts";
import { GrpcServer } from "../remote-grpc.ts";
import { batchSizesUpTo, createTensorWriter, haveOneSize, interpretAll, jpegsOf, loadInterpreter, oneByOne, splitBatch, stretched } from "../remote-tensors.ts";

/** The kind's own configuration, as parsed. */
export interface TfServingConfig extends RemoteConfig {
  readonly signature: string;
  readonly binaryInput: boolean;
  readonly jpegQuality: number;
  readonly batch: number;
}

interface Parts {
  readonly config: TfServingConfig;
  readonly name: string;
  readonly input: InputSpec;
  readonly outputs: readonly TensorSpec[];
  readonly interpreter: Interpreter;
  readonly calls: RemoteCalls<GrpcServer>;
}

const SERVICE = "/tensorflow.serving.PredictionService";
const PREDICT = { path: `${SERVICE}/Predict`, request: PredictRequest, response: PredictResponse };
const METADATA = { path: `${SERVICE}/GetModelMetadata`, request: GetModelMetadataRequest, response: GetModelMetadataResponse };

/**
 * A model behind `PredictionService.Predict`. Arrays go as the model's input says: for OVMS's own application that is
 * NHWC, BGR, float 0…255, at the camera's size (`fit: none`). With `binaryInput` JPEGs go, and the server scales.
 */
export class TfServingEngine implements Engine {
  readonly description: string;
  readonly input: InputSpec;
  readonly parallelism: number;
  readonly batchSizes: readonly number[];
  readonly wantsJpeg?: { readonly quality: number };
  readonly #parts: Parts;
  readonly #write: (batch: readonly EngineRequest[]) => Tensor;

  private constructor(parts: Parts) {
    const { config, name } = parts;
    this.#parts = parts;
    this.input = parts.input;
    this.parallelism = config.executors;
    this.batchSizes = batchSizesUpTo(config.batch);
    if (config.binaryInput) {
      this.wantsJpeg = { quality: config.jpegQuality };
    }
    this.description = `tfserving+grpc${config.tls ? "s" : ""}: ${config.addresses.join(",")}, model ${name} ${config.version === "" ? "latest" : `version ${config.version}`}, ${config.binaryInput ? "JPEG" : "array"} input`;
    this.#write = createTensorWriter(parts.input);
  }

  /** Asks the server about the model and checks that it has one input. */
  static async open(config: TfServingConfig, model: Model, ref: InterpreterRef, context: KindContext, signal: AbortSignal): Promise<TfServingEngine> {
    signal.throwIfAborted();
    const calls = await connect(config, context);
    try {
      const name = config.model ?? model.name;
      const { inputs, outputs } = await readMetadata(calls, config, name, signal);
      const [first] = inputs;
      const input = inputs.find((spec) => spec.name === model.input.name) ?? (inputs.length === 1 ? first : undefined);
      if (input === undefined) {
        // The OVMS application refuses such models as well.
        throw new VedetteError("E_ENGINE_MODEL", { engine: "tfserving", model: name, expected: `one input, or one named ${model.input.name}`, got: inputs.map((spec) => spec.name).join(", ") || "none" });
      }
      const interpreter = await loadInterpreter(ref);
      return new TfServingEngine({ config, name, input: { ...model.input, name: input.name }, outputs, interpreter, calls });
    } catch (error) {
      await calls[Symbol.asyncDispose]();
      throw error;
    }
  }

  async infer(batch: readonly EngineRequest[], signal: AbortSignal): Promise<readonly EngineReply[]> {
    const { calls, config, name, interpreter, outputs } = this.#parts;
    if (batch.length > 1 && !config.binaryInput && !haveOneSize(batch)) {
      return oneByOne(batch, (one) => this.infer(one, signal));
    }
    const tensor: Tensor = config.binaryInput
      ? { name: this.input.name, type: "string", shape: [batch.length], data: jpegsOf(batch, "tfserving") }
      : this.#write(batch);
    const request = { modelSpec: modelSpec(config, name), inputs: new Map([[tensor.name, tensorToProto(tensor)]]) };
    const startMs = performance.now();
    const answer = await calls.call((server, callSignal) => server.unary(PREDICT, request, callSignal), signal);
    const inferMs = performance.now() - startMs;
    const engine = `tfserving ${config.addresses.join(",")}`;
    const tensors = readAnswer(engine, () => [...answer.outputs].flatMap(([key, proto]) => (proto === undefined ? [] : [tensorFromProto(key, proto)])));
    const frames = splitBatch(engine, name, tensors, outputs, batch.length);
    const geometries = batch.map(({ pixels }) => (config.binaryInput ? stretched(pixels.geometry, this.input) : pixels.geometry));
    return interpretAll(interpreter, frames, geometries, inferMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.calls[Symbol.asyncDispose]();
  }
}

/** What the server says the model takes and gives. */
export async function askTfServing(config: TfServingConfig, name: string, context: KindContext, signal: AbortSignal): Promise<{ inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] }> {
  await using calls = await connect(config, context);
  return await readMetadata(calls, config, config.model ?? name, signal);
}

async function connect(config: TfServingConfig, context: KindContext): Promise<RemoteCalls<GrpcServer>> {
  const loaded = await loadCredentials("tfserving", config, context.baseDir);
  const servers = config.addresses.map((address) => new GrpcServer("tfserving", address, loaded, config.compression));
  return new RemoteCalls(servers, { engine: "tfserving", clock: context.clock, log: context.log, timeoutMs: config.timeoutMs, retryForMs: config.retryForMs });
}

function modelSpec(config: TfServingConfig, name: string): { name: string; version: { value: number } | undefined; signatureName: string } {
  return { name, version: config.version === "" || config.version === "0" ? undefined : { value: Number(config.version) }, signatureName: config.signature };
}

async function readMetadata(
  calls: RemoteCalls<GrpcServer>,
  config: TfServingConfig,
  name: string,
  signal: AbortSignal,
): Promise<{ inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] }> {
  const request = { modelSpec: modelSpec(config, name), metadataField: ["signature_def"] };
  const answer = await calls.call((server, callSignal) => server.unary(METADATA, request, callSignal), signal);
  return readAnswer(`tfserving ${config.addresses.join(",")}`, () => {
    const field = answer.metadata.get("signature_def");
    if (field === undefined) {
      throw new VedetteError("E_WIRE", { where: "metadata", expected: "signature_def", got: [...answer.metadata.keys()].join(", ") || "nothing" });
    }
    return signatureFromBytes(field.value, config.signature);
  });
}

function readAnswer<T>(engine: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new VedetteError("E_ENGINE_FAILED", { engine, reason: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
}
