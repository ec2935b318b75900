import * as m from "../protocols/torchserve/messages.ts";
import { unary, type GrpcApp } from "./grpc-app.ts";
import type { ModelRegistry } from "./model-registry.ts";
import type { PictureReader } from "./picture-reader.ts";
import { predict } from "./predictions.ts";
import { RequestError, toRequestError } from "./request-error.ts";
import { pretty, torchServeErrors } from "./torchserve-http.ts";
import type { TorchServeManagement } from "./torchserve-management.ts";

type Prediction = ReturnType<typeof m.PredictionsRequest.decode>;

/** TorchServe's inference service (port 7070). */
export function addTorchServeInference(app: GrpcApp, registry: ModelRegistry, pictures: PictureReader): void {
  const answer = async (request: Prediction, signal: AbortSignal): Promise<{ prediction: Buffer; sequenceId: string | undefined }> => {
    const data = request.input.get("data") ?? request.input.get("body") ?? [...request.input.values()][0];
    if (data === undefined) {
      throw new RequestError("invalid", "expected input data, got none");
    }
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const text = await torchServeErrors(request.modelName, () =>
      registry.use(request.modelName, request.modelVersion, (served) => predict(served, bytes, "", pictures, signal)),
    );
    return { prediction: Buffer.from(text), sequenceId: request.sequenceId };
  };
  app.addService("org.pytorch.serve.grpc.inference.InferenceAPIsService", {
    Ping: unary(m.Empty, m.TorchServeHealthResponse, () => ({
      health: pretty({ status: registry.index().every(({ state }) => state === "READY") ? "Healthy" : "Unhealthy" }),
    })),
    Predictions: unary(m.PredictionsRequest, m.PredictionResponse, answer),
    StreamPredictions: { ...unary(m.PredictionsRequest, m.PredictionResponse, answer), kind: "server" },
    StreamPredictions2: {
      kind: "bidi",
      handle: async (bytes, signal) => {
        let sequenceId: string | undefined;
        try {
          const request = m.PredictionsRequest.decode(bytes);
          ({ sequenceId } = request);
          return m.PredictionResponse.encode(await answer(request, signal));
        } catch (error) {
          const { grpcStatus, message } = toRequestError(error);
          return m.PredictionResponse.encode({ sequenceId, status: { code: grpcStatus, message } });
        }
      },
    },
  });
}

/** TorchServe's management service (port 7071). */
export function addTorchServeManagement(app: GrpcApp, management: TorchServeManagement): void {
  const told = (value: unknown): { msg: string } => ({ msg: pretty(value) });
  app.addService("org.pytorch.serve.grpc.management.ManagementAPIsService", {
    DescribeModel: unary(m.DescribeModelRequest, m.ManagementResponse, ({ modelName, modelVersion }) => told(management.describe(modelName, modelVersion))),
    ListModels: unary(m.ListModelsRequest, m.ManagementResponse, ({ limit, nextPageToken }) => told(management.list(limit === 0 ? 100 : limit, nextPageToken))),
    RegisterModel: unary(m.RegisterModelRequest, m.ManagementResponse, async (request, signal) => told({ status: await management.register(request, signal) })),
    ScaleWorker: unary(m.ScaleWorkerRequest, m.ManagementResponse, async ({ modelName, modelVersion, minWorker, maxWorker }, signal) => {
      const workers = minWorker === 0 ? 1 : minWorker;
      return told({ status: await management.scale(modelName, modelVersion, workers, maxWorker === 0 ? workers : maxWorker, signal) });
    }),
    SetDefault: unary(m.SetDefaultRequest, m.ManagementResponse, ({ modelName, modelVersion }) => told({ status: management.setDefault(modelName, modelVersion) })),
    UnregisterModel: unary(m.UnregisterModelRequest, m.ManagementResponse, ({ modelName, modelVersion }) => told({ status: management.unregister(modelName, modelVersion) })),
  });
}
