/** The thread of one tensor executor: owns a session, takes tensors, answers tensors. Started by tensor-engine.ts only. */
import { parentPort, workerData } from "node:worker_threads";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Tensor, TensorData, TensorSpec, TensorType } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import type { PlainError, ProviderName } from "./messages.ts";
import { chooseProviders, unavailable } from "./providers.ts";
import { settleFloat16 } from "./float16-tensors.ts";
import { shortReason } from "./short-reason.ts";
import type { FromTensorThread, TensorThreadSetup, ToTensorThread } from "./tensor-messages.ts";

const port = parentPort as NonNullable<typeof parentPort>;
const setup = workerData as TensorThreadSetup;

async function open(): Promise<{ session: InferenceSession; provider: ProviderName }> {
  const { candidates } = chooseProviders(setup.provider);
  let failure = "";
  for (const provider of candidates) {
    try {
      const session = await InferenceSession.create(setup.file, {
        executionProviders: [provider === "cpu" ? "cpu" : { name: provider, deviceId: setup.device }],
        intraOpNumThreads: setup.threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: "all",
        logSeverityLevel: 4,
        extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
      });
      return { session, provider };
    } catch (error) {
      failure = shortReason(error);
    }
  }
  throw candidates.includes("cpu")
    ? new VedetteError("E_MODEL_BROKEN", { model: setup.name, reason: failure })
    : unavailable(setup.provider as ProviderName, failure);
}

function specOf(metadata: InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) {
    throw new VedetteError("E_MODEL_BROKEN", { model: setup.name, reason: `${metadata.name} is no tensor: sequences and maps cannot be served` });
  }
  return { name: metadata.name, type: metadata.type as TensorType, shape: metadata.shape.map((size) => (typeof size === "number" && size >= 0 ? size : -1)) };
}

function feedOf(tensor: Tensor): OrtTensor {
  const data = tensor.type === "string" ? (tensor.data as readonly Uint8Array[]).map((bytes) => Buffer.from(bytes).toString()) : tensor.data;
  // The array is the one that belongs to the type; the declared signature knows only pairs written out.
  return new OrtTensor(tensor.type as "float32", data as Float32Array, tensor.shape);
}

function tensorOf(name: string, output: OrtTensor): Tensor {
  const type = output.type as TensorType;
  const data: TensorData = type === "string" ? (output.data as string[]).map((text) => new TextEncoder().encode(text)) : (output.data as Exclude<TensorData, readonly Uint8Array[]>);
  return { name, type, shape: output.dims, data };
}

function transferable(tensors: readonly Tensor[]): ArrayBuffer[] {
  const buffers = tensors.flatMap(({ data }) => (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer ? [data.buffer] : []));
  return [...new Set(buffers)];
}

function plain(error: unknown): PlainError {
  return error instanceof VedetteError
    ? { code: error.code, details: error.details }
    : { code: "E_ENGINE_FAILED", details: { engine: setup.name, reason: shortReason(error) } };
}

function post(message: FromTensorThread, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function infer(session: InferenceSession, id: number, inputs: readonly Tensor[]): Promise<void> {
  try {
    const results = await session.run(Object.fromEntries(inputs.map((tensor) => [tensor.name, feedOf(tensor)])));
    const outputs = session.outputNames.map((name) => tensorOf(name, results[name] as OrtTensor));
    try {
      post({ type: "replied", id, outputs }, transferable(outputs));
    } catch {
      // Memory that ONNX Runtime keeps for itself cannot be handed over: it is copied.
      post({ type: "replied", id, outputs });
    }
  } catch (error) {
    post({ type: "failed", id, error: plain(error) });
  }
}

try {
  settleFloat16();
  const { session, provider } = await open();
  let turn: Promise<void> = Promise.resolve();
  port.on("message", (message: ToTensorThread) => {
    turn = turn.then(async () => {
      if (message.type === "close") {
        await session.release();
        port.close();
      } else {
        await infer(session, message.id, message.inputs);
      }
    });
  });
  post({ type: "ready", provider, inputs: session.inputMetadata.map(specOf), outputs: session.outputMetadata.map(specOf) });
} catch (error) {
  post({ type: "refused", error: plain(error) });
}
