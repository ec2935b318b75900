import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { TensorSpec } from "../domain/model.ts";
import { datatypeOf } from "../protocols/oip/datatypes.ts";
import { decodeRequest, encodeResponse, HEADER_LENGTH, headerLengthOf } from "../protocols/oip/http.ts";
import { bodyOf, clientSignal } from "./http-app.ts";
import type { ModelRegistry } from "./model-registry.ts";
import { inferOip, SERVER_METADATA } from "./oip-service.ts";
import { toRequestError } from "./request-error.ts";

interface ModelParams {
  readonly name: string;
  readonly version?: string;
}

type ModelRequest = FastifyRequest<{ Params: ModelParams }>;

/** The Open Inference Protocol v2 over HTTP, with binary tensors and Triton's repository calls. */
export function registerOipHttp(app: FastifyInstance, registry: ModelRegistry): void {
  app.get("/v2", () => SERVER_METADATA);
  app.get("/v2/health/live", () => ({ live: true }));
  app.get("/v2/health/ready", (_request, reply) => {
    const isReady = registry.index().every(({ state }) => state === "READY");
    return reply.status(isReady ? 200 : 503).send({ ready: isReady });
  });
  for (const prefix of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
    app.get(`${prefix}/ready`, (request: ModelRequest, reply) => {
      try {
        const served = registry.get(request.params.name, request.params.version ?? "");
        return { name: served.name, ready: true };
      } catch (error) {
        return reply.status(toRequestError(error).httpStatus).send({ name: request.params.name, ready: false });
      }
    });
    app.get(prefix, (request: ModelRequest) => {
      const served = registry.get(request.params.name, request.params.version ?? "");
      return {
        name: served.name,
        versions: registry.versions(served.name),
        platform: "onnxruntime_onnx",
        inputs: served.inputs.map(metadataOf),
        outputs: served.outputs.map(metadataOf),
      };
    });
    app.post(`${prefix}/infer`, (request: ModelRequest, reply) => infer(registry, request, reply));
  }
  app.post("/v2/repository/index", (request: FastifyRequest) => {
    const isReadyOnly = /"ready"\s*:\s*true/.test(bodyOf(request).toString());
    return registry
      .index()
      .filter(({ state }) => !isReadyOnly || state === "READY")
      .map(({ name, version, state, reason }) => ({ name, version, state, reason }));
  });
  app.post("/v2/repository/models/:name/load", async (request: ModelRequest, reply) => {
    await registry.load(request.params.name, clientSignal(reply));
    return {};
  });
  app.post("/v2/repository/models/:name/unload", (request: ModelRequest) => {
    registry.unload(request.params.name);
    return {};
  });
}

function metadataOf({ name, type, shape }: TensorSpec): { name: string; datatype: string; shape: readonly number[] } {
  return { name, datatype: datatypeOf(type), shape };
}

async function infer(registry: ModelRegistry, request: ModelRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { name, version = "" } = request.params;
  // An absent model is told as such, whatever the body holds.
  registry.get(name, version);
  const decoded = decodeRequest(bodyOf(request), headerLengthOf(request.headers[HEADER_LENGTH]));
  const response = await inferOip(registry, name, version, decoded, clientSignal(reply));
  const wishes = new Map(decoded.outputs.map((output) => [output.name, output.isBinary]));
  const { parts, headerLength } = encodeResponse(response, (output) => wishes.get(output) ?? decoded.isBinaryByDefault);
  if (headerLength !== undefined) {
    reply.header(HEADER_LENGTH, String(headerLength));
  }
  return reply.type(headerLength === undefined ? "application/json" : "application/octet-stream").send(Buffer.concat(parts));
}
