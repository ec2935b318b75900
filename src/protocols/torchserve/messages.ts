import { bool, bytes, int, map, maybeString, message, nested, string } from "../protobuf/message.ts";

/** The gRPC messages of TorchServe: inference.proto and management.proto as a table. */

const INFERENCE = "org.pytorch.serve.grpc.inference";
const MANAGEMENT = "org.pytorch.serve.grpc.management";

/** Nothing. */
export const Empty = message("google.protobuf.Empty", {});
const Status = message("google.rpc.Status", { code: int(1), message: string(2) });

/** A request to infer: named byte strings, usually one called `data`. */
export const PredictionsRequest = message(`${INFERENCE}.PredictionsRequest`, {
  modelName: string(1),
  modelVersion: string(2),
  input: map(3, bytes(2)),
  sequenceId: maybeString(4),
});
/** The answer: the bytes that the REST body would have. */
export const PredictionResponse = message(`${INFERENCE}.PredictionResponse`, {
  prediction: bytes(1),
  sequenceId: maybeString(2),
  status: nested(3, Status),
});
/** The text of `/ping`. */
export const TorchServeHealthResponse = message(`${INFERENCE}.TorchServeHealthResponse`, { health: string(1) });

const nameAndVersion = { modelName: string(1), modelVersion: string(2) };

/** The text of the REST answer. */
export const ManagementResponse = message(`${MANAGEMENT}.ManagementResponse`, { msg: string(1) });
/** Asks about a model. */
export const DescribeModelRequest = message(`${MANAGEMENT}.DescribeModelRequest`, { ...nameAndVersion, customized: bool(3) });
/** Asks for a page of models. */
export const ListModelsRequest = message(`${MANAGEMENT}.ListModelsRequest`, { limit: int(1), nextPageToken: int(2) });
/** Registers a model. */
export const RegisterModelRequest = message(`${MANAGEMENT}.RegisterModelRequest`, {
  batchSize: int(1),
  handler: string(2),
  initialWorkers: int(3),
  maxBatchDelay: int(4),
  modelName: string(5),
  responseTimeout: int(6),
  runtime: string(7),
  synchronous: bool(8),
  url: string(9),
  s3SseKms: bool(10),
  startupTimeout: int(11),
});
/** Changes a model's workers. */
export const ScaleWorkerRequest = message(`${MANAGEMENT}.ScaleWorkerRequest`, {
  ...nameAndVersion,
  maxWorker: int(3),
  minWorker: int(4),
  numberGpu: int(5),
  synchronous: bool(6),
  timeout: int(7),
});
/** Makes a version the default. */
export const SetDefaultRequest = message(`${MANAGEMENT}.SetDefaultRequest`, nameAndVersion);
/** Removes a model. */
export const UnregisterModelRequest = message(`${MANAGEMENT}.UnregisterModelRequest`, nameAndVersion);
