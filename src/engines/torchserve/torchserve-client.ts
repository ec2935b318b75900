import { decodeBatchAnswer, encodeClientBatch, errorMessage } from "../../protocols/torchserve/bodies.ts";
import { Empty, PredictionResponse, PredictionsRequest, TorchServeHealthResponse } from "../../protocols/torchserve/messages.ts";
import type { RemoteServer } from "../remote-calls.ts";
import type { GrpcServer } from "../remote-grpc.ts";
import type { HttpServer } from "../remote-http.ts";

/** A model on a server. */
export interface TorchServeModel {
  readonly name: string;
  /** Empty: the default version. */
  readonly version: string;
}

/** TorchServe's calls that an engine needs. Answers are what the handler made of the frames: JSON values. */
export interface TorchServeClient extends RemoteServer {
  /** What `/ping` says: `Healthy`, or why not. */
  ping(signal: AbortSignal): Promise<string>;
  /** One frame. */
  predict(model: TorchServeModel, jpeg: Uint8Array, signal: AbortSignal): Promise<unknown>;
  /** Several frames in one request; an answer for each. */
  predictBatch(model: TorchServeModel, jpegs: readonly Uint8Array[], signal: AbortSignal): Promise<readonly unknown[]>;
}

/** Over REST. */
export function httpClient(server: HttpServer): TorchServeClient {
  const post = async (model: TorchServeModel, headers: Record<string, string>, body: Uint8Array, signal: AbortSignal): Promise<unknown> => {
    const version = model.version === "" ? "" : `/${encodeURIComponent(model.version)}`;
    const path = `/predictions/${encodeURIComponent(model.name)}${version}`;
    const reply = await server.call({ method: "POST", path, headers, body: [body] }, signal);
    if (reply.status >= 300) {
      throw server.failure(reply, errorMessage(reply.body.toString()));
    }
    return answerOf(reply.body);
  };
  return {
    address: server.address,
    ping: async (signal) => {
      const reply = await server.call({ method: "GET", path: "/ping" }, signal);
      return healthOf(reply.body.toString());
    },
    predict: (model, jpeg, signal) => post(model, { "content-type": "image/jpeg" }, jpeg, signal),
    predictBatch: async (model, jpegs, signal) => {
      const headers = { "content-type": "application/json", accept: "text/plain" };
      return decodeBatchAnswer(await post(model, headers, Buffer.from(encodeClientBatch(jpegs)), signal), jpegs.length);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const SERVICE = "/org.pytorch.serve.grpc.inference.InferenceAPIsService";
const PREDICTIONS = { path: `${SERVICE}/Predictions`, request: PredictionsRequest, response: PredictionResponse };
const PING = { path: `${SERVICE}/Ping`, request: Empty, response: TorchServeHealthResponse };

/** Over gRPC. */
export function grpcClient(server: GrpcServer): TorchServeClient {
  const predict = async (model: TorchServeModel, data: Uint8Array, signal: AbortSignal): Promise<unknown> => {
    const request = { modelName: model.name, modelVersion: model.version, input: new Map([["data", data]]) };
    const { prediction } = await server.unary(PREDICTIONS, request, signal);
    return answerOf(prediction);
  };
  return {
    address: server.address,
    ping: async (signal) => healthOf((await server.unary(PING, {}, signal)).health),
    predict,
    predictBatch: async (model, jpegs, signal) => decodeBatchAnswer(await predict(model, Buffer.from(encodeClientBatch(jpegs)), signal), jpegs.length),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function healthOf(body: string): string {
  const answer = answerOf(Buffer.from(body));
  return typeof answer === "object" && answer !== null && "status" in answer ? String(answer.status) : body.trim().slice(0, 100);
}

/** JSON where it is, text otherwise: handlers may answer anything. */
function answerOf(body: Uint8Array): unknown {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A handler that answers text: kept as it is.
    return text;
  }
}
