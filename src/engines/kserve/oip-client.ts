import type { Tensor, TensorSpec } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { typeOfDatatype } from "../../protocols/oip/datatypes.ts";
import { requestMessage, responseFromMessage } from "../../protocols/oip/grpc.ts";
import { decodeResponse, encodeRequest, HEADER_LENGTH, headerLengthOf } from "../../protocols/oip/http.ts";
import { ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse } from "../../protocols/oip/messages.ts";
import { parseJson } from "../../protocols/tensor/tensor-json.ts";
import type { RemoteServer } from "../remote-calls.ts";
import type { GrpcServer } from "../remote-grpc.ts";
import type { HttpReply, HttpServer } from "../remote-http.ts";

/** A model on a server. */
export interface ServedModel {
  readonly name: string;
  /** Empty: the server's choice. */
  readonly version: string;
}

/** What the server says a model takes and gives. */
export interface ServedMetadata {
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** The protocol's two calls that an engine needs, over one transport to one server. */
export interface OipClient extends RemoteServer {
  metadata(model: ServedModel, signal: AbortSignal): Promise<ServedMetadata>;
  infer(model: ServedModel, inputs: readonly Tensor[], signal: AbortSignal): Promise<readonly Tensor[]>;
}

const SERVICE = "/inference.GRPCInferenceService";
const INFER = { path: `${SERVICE}/ModelInfer`, request: ModelInferRequest, response: ModelInferResponse };
const METADATA = { path: `${SERVICE}/ModelMetadata`, request: ModelMetadataRequest, response: ModelMetadataResponse };

/** Over gRPC, with raw contents. */
export function grpcClient(server: GrpcServer): OipClient {
  return {
    address: server.address,
    metadata: async (model, signal) => {
      const { platform, inputs, outputs } = await server.unary(METADATA, model, signal);
      return { platform, inputs: inputs.map(specOf), outputs: outputs.map(specOf) };
    },
    infer: async (model, inputs, signal) => {
      const answer = await server.unary(INFER, requestMessage(model, { inputs }), signal);
      return readAnswer(server.address, () => responseFromMessage(answer).outputs);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Over HTTP, with the binary tensor extension both ways. */
export function httpClient(server: HttpServer): OipClient {
  return {
    address: server.address,
    metadata: async (model, signal) => {
      const reply = await server.call({ method: "GET", path: modelPath(model) }, signal);
      checkStatus(server, reply);
      return readAnswer(server.address, () => metadataOf(parseJson(reply.body.toString(), "metadata")));
    },
    infer: async (model, inputs, signal) => {
      const { parts, headerLength } = encodeRequest({ inputs, isBinaryByDefault: true }, true);
      const headers: Record<string, string> = { "content-type": "application/octet-stream" };
      if (headerLength !== undefined) {
        headers[HEADER_LENGTH] = String(headerLength);
      }
      const reply = await server.call({ method: "POST", path: `${modelPath(model)}/infer`, headers, body: parts }, signal);
      checkStatus(server, reply);
      return readAnswer(server.address, () => decodeResponse(reply.body, headerLengthOf(reply.headers[HEADER_LENGTH])).outputs);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function modelPath({ name, version }: ServedModel): string {
  const versions = version === "" ? "" : `/versions/${encodeURIComponent(version)}`;
  return `/v2/models/${encodeURIComponent(name)}${versions}`;
}

function checkStatus(server: HttpServer, reply: HttpReply): void {
  if (reply.status >= 300) {
    throw server.failure(reply, errorText(reply.body.toString()));
  }
}

/** `{"error": "…"}`, or whatever came instead. */
function errorText(body: string): string {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === "object" && json !== null && "error" in json ? String(json.error) : body;
  } catch {
    // Proxies in between answer with pages of their own.
    return body;
  }
}

function specOf({ name, datatype, shape }: { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }): TensorSpec {
  return { name, type: typeOfDatatype(datatype, `metadata of ${name}`), shape };
}

function metadataOf(json: unknown): ServedMetadata {
  const fields = typeof json === "object" && json !== null ? (json as Readonly<Record<string, unknown>>) : {};
  const list = (key: "inputs" | "outputs"): TensorSpec[] => {
    const entries: unknown = fields[key];
    if (!Array.isArray(entries)) {
      throw new VedetteError("E_WIRE", { where: `metadata ${key}`, expected: "a list", got: typeof entries });
    }
    return entries.map((entry: unknown) => {
      const tensor = typeof entry === "object" && entry !== null ? (entry as Readonly<Record<string, unknown>>) : {};
      const shape = Array.isArray(tensor["shape"]) ? tensor["shape"].map(Number) : [];
      return specOf({ name: String(tensor["name"]), datatype: String(tensor["datatype"]), shape });
    });
  };
  return { platform: typeof fields["platform"] === "string" ? fields["platform"] : "", inputs: list("inputs"), outputs: list("outputs") };
}

/** What is wrong with an answer is the server's fault: it becomes the engine's failure, with the reason. */
function readAnswer<T>(address: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new VedetteError("E_ENGINE_FAILED", { engine: `kserve ${address}`, reason: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
}
