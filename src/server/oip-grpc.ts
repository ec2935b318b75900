import { requestFromMessage, responseMessage } from "../protocols/oip/grpc.ts";
import { datatypeOf } from "../protocols/oip/datatypes.ts";
import * as m from "../protocols/oip/messages.ts";
import type { TensorSpec } from "../domain/model.ts";
import { type GrpcApp, unary } from "./grpc-app.ts";
import type { ModelRegistry } from "./model-registry.ts";
import { inferOip, SERVER_METADATA } from "./oip-service.ts";
import { toRequestError } from "./request-error.ts";

/**
 * The Open Inference Protocol v2 over gRPC. `service` is its full name: `inference.GRPCInferenceService` everywhere but
 * in TorchServe, which has it in a package of its own.
 */
export function addOipGrpc(app: GrpcApp, registry: ModelRegistry, service = "inference.GRPCInferenceService"): void {
  app.addService(service, {
    ServerLive: unary(m.ServerLiveRequest, m.ServerLiveResponse, () => ({ live: true })),
    ServerReady: unary(m.ServerReadyRequest, m.ServerReadyResponse, () => ({ ready: registry.index().every(({ state }) => state === "READY") })),
    ModelReady: unary(m.ModelReadyRequest, m.ModelReadyResponse, ({ name, version }) => ({ ready: isReady(registry, name, version) })),
    ServerMetadata: unary(m.ServerMetadataRequest, m.ServerMetadataResponse, () => SERVER_METADATA),
    ModelMetadata: unary(m.ModelMetadataRequest, m.ModelMetadataResponse, ({ name, version }) => {
      const served = registry.get(name, version);
      return { name, versions: registry.versions(name), platform: "onnxruntime_onnx", inputs: served.inputs.map(metadataOf), outputs: served.outputs.map(metadataOf) };
    }),
    ModelInfer: unary(m.ModelInferRequest, m.ModelInferResponse, (request, signal) => infer(registry, request, signal)),
    ModelStreamInfer: { kind: "bidi", handle: (bytes, signal) => streamInfer(registry, bytes, signal) },
    RepositoryIndex: unary(m.RepositoryIndexRequest, m.RepositoryIndexResponse, ({ ready }) => ({
      models: registry.index().filter(({ state }) => !ready || state === "READY").map(({ name, version, state, reason }) => ({ name, version, state, reason })),
    })),
    RepositoryModelLoad: unary(m.RepositoryModelLoadRequest, m.RepositoryModelLoadResponse, async ({ modelName }, signal) => {
      await registry.load(modelName, signal);
      return {};
    }),
    RepositoryModelUnload: unary(m.RepositoryModelUnloadRequest, m.RepositoryModelUnloadResponse, ({ modelName }) => {
      registry.unload(modelName);
      return {};
    }),
  });
}

async function infer(registry: ModelRegistry, request: m.ModelInferRequest, signal: AbortSignal): Promise<ReturnType<typeof responseMessage>> {
  return responseMessage(await inferOip(registry, request.modelName, request.modelVersion, requestFromMessage(request), signal));
}

/** A failure of one request of a stream is its answer; the stream goes on. */
async function streamInfer(registry: ModelRegistry, bytes: Buffer, signal: AbortSignal): Promise<Buffer> {
  let id = "";
  try {
    const request = m.ModelInferRequest.decode(bytes);
    ({ id } = request);
    return m.ModelStreamInferResponse.encode({ inferResponse: await infer(registry, request, signal) });
  } catch (error) {
    return m.ModelStreamInferResponse.encode({ errorMessage: toRequestError(error).message, inferResponse: { id } });
  }
}

function isReady(registry: ModelRegistry, name: string, version: string): boolean {
  return registry.index().some((entry) => entry.name === name && (version === "" || entry.version === version) && entry.state === "READY");
}

function metadataOf({ name, type, shape }: TensorSpec): { name: string; datatype: string; shape: readonly number[] } {
  return { name, datatype: datatypeOf(type), shape };
}
