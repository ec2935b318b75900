import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { TensorSpec } from "../domain/model.ts";
import { decodePredictRequest, encodePredictResponse } from "../protocols/tfserving/rest.ts";
import { dtypeName } from "../protocols/tfserving/tensors.ts";
import { bodyOf, clientSignal } from "./http-app.ts";
import type { ModelRegistry } from "./model-registry.ts";
import type { PictureReader } from "./picture-reader.ts";
import { RequestError } from "./request-error.ts";
import { versionNumber, versionStates, withPictures } from "./tfserving-service.ts";

interface ModelParams {
  readonly name: string;
  readonly version?: string;
}

type ModelRequest = FastifyRequest<{ Params: ModelParams }>;

/** TensorFlow Serving's REST interface: status, metadata and `:predict`. */
export function registerTfServingHttp(app: FastifyInstance, registry: ModelRegistry, pictures: PictureReader): void {
  for (const prefix of ["/v1/models/:name", "/v1/models/:name/versions/:version"]) {
    app.get(prefix, (request: ModelRequest) => ({
      model_version_status: versionStates(registry, request.params.name, request.params.version ?? "").map(({ version, state, reason }) => ({
        version: String(version),
        state,
        status: { error_code: reason === "" ? "OK" : "UNAVAILABLE", error_message: reason === "" ? "OK" : reason },
      })),
    }));
    app.get(`${prefix}/metadata`, (request: ModelRequest) => {
      const served = registry.get(request.params.name, request.params.version ?? "");
      const infos = (specs: readonly TensorSpec[]) =>
        Object.fromEntries(
          specs.map((spec) => [
            spec.name,
            { name: spec.name, dtype: dtypeName(spec.type), tensor_shape: { dim: spec.shape.map((size) => ({ size: String(size), name: "" })), unknown_rank: false } },
          ]),
        );
      const signature = { inputs: infos(served.inputs), outputs: infos(served.outputs), method_name: "tensorflow/serving/predict" };
      return {
        model_spec: { name: served.name, signature_name: "", version: String(versionNumber(served.version)) },
        metadata: { signature_def: { signature_def: { serving_default: signature } } },
      };
    });
  }
  // The router has no way to say "a parameter, then a colon": the last part of the path is taken apart here.
  app.post("/v1/models/:call", (request: FastifyRequest<{ Params: { readonly call: string } }>, reply) => predict(registry, pictures, calledName(request.params.call), "", request, reply));
  app.post("/v1/models/:name/versions/:call", (request: FastifyRequest<{ Params: { readonly name: string; readonly call: string } }>, reply) =>
    predict(registry, pictures, request.params.name, calledName(request.params.call), request, reply),
  );
}

/** `NAME:predict` → `NAME`. */
function calledName(call: string): string {
  const [, name, method] = /^(.+):(\w+)$/.exec(call) ?? [];
  if (name === undefined || method !== "predict") {
    throw new RequestError("not_found", `expected …:predict, got ${call.slice(0, 60)}`);
  }
  return name;
}

async function predict(
  registry: ModelRegistry,
  pictures: PictureReader,
  name: string,
  version: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const signal = clientSignal(reply);
  return registry.use(name, version, async (served) => {
    const { format, inputs, signatureName } = decodePredictRequest(bodyOf(request).toString(), served.inputs);
    if (signatureName !== "" && signatureName !== "serving_default") {
      throw new RequestError("invalid", `expected signature serving_default, got ${signatureName}`);
    }
    const outputs = await served.infer(await withPictures(served, inputs, pictures, signal), signal);
    return reply.type("application/json").send(encodePredictResponse(format, outputs));
  });
}
