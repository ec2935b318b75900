import type { Tensor } from "../domain/model.ts";
import type { InputOf } from "../protocols/protobuf/message.ts";
import * as m from "../protocols/tfserving/messages.ts";
import { dtypeName, signatureToBytes, tensorFromProto, tensorToProto } from "../protocols/tfserving/tensors.ts";
import { unary, type GrpcApp } from "./grpc-app.ts";
import type { ModelRegistry } from "./model-registry.ts";
import type { PictureReader } from "./picture-reader.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

/** TensorFlow Serving's prediction and model services, as OVMS's own client application uses them. */
export function addTfServingGrpc(app: GrpcApp, registry: ModelRegistry, pictures: PictureReader): void {
  app.addService("tensorflow.serving.PredictionService", {
    Predict: unary(m.PredictRequest, m.PredictResponse, (request, signal) => predict(registry, pictures, request, signal)),
    GetModelMetadata: unary(m.GetModelMetadataRequest, m.GetModelMetadataResponse, ({ modelSpec, metadataField }) => {
      const served = tfModel(registry, modelSpec);
      if (!metadataField.includes("signature_def")) {
        throw new RequestError("invalid", `Metadata field must be signature_def, got ${metadataField.join(", ") || "none"}`);
      }
      const value = signatureToBytes(served.inputs, served.outputs);
      return { modelSpec: specOf(served), metadata: new Map([["signature_def", { typeUrl: m.SIGNATURE_DEF_TYPE_URL, value }]]) };
    }),
  });
  app.addService("tensorflow.serving.ModelService", {
    GetModelStatus: unary(m.GetModelStatusRequest, m.GetModelStatusResponse, ({ modelSpec }) => ({
      modelVersionStatus: versionStates(registry, modelSpec?.name ?? "", versionOf(modelSpec)).map(({ version, state, reason }) => ({
        version,
        state: m.MODEL_STATE[state],
        status: { errorCode: reason === "" ? 0 : 14, errorMessage: reason === "" ? "OK" : reason },
      })),
    })),
  });
}

/** State of the versions of a model, or of one. Throws `not_found`. */
export function versionStates(
  registry: ModelRegistry,
  name: string,
  version: string,
): readonly { readonly version: number; readonly state: "AVAILABLE" | "LOADING" | "END"; readonly reason: string }[] {
  const entries = registry.index().filter((entry) => entry.name === name && (version === "" || versionNumber(entry.version) === Number(version)));
  if (entries.length === 0) {
    throw new RequestError("not_found", "Model with requested name is not found");
  }
  return entries.map((entry) => ({
    version: versionNumber(entry.version),
    state: entry.state === "READY" ? "AVAILABLE" : entry.state === "LOADING" ? "LOADING" : "END",
    reason: entry.reason,
  }));
}

/** TensorFlow Serving's versions are integers: the number that a version begins with, 1 where there is none. */
export function versionNumber(version: string): number {
  const number = Number.parseInt(version, 10);
  return Number.isSafeInteger(number) ? number : 1;
}

/** Binary inputs (JPEG or PNG in DT_STRING) become the tensor that the model takes; numbers stay. Throws as OVMS says it. */
export async function withPictures(served: ServedModel, inputs: readonly Tensor[], pictures: PictureReader, signal: AbortSignal): Promise<readonly Tensor[]> {
  return Promise.all(
    inputs.map(async (input) => {
      const spec = served.inputs.find(({ name }) => name === input.name);
      if (input.type !== "string" || spec === undefined || spec.type === "string") {
        return input;
      }
      if (served.model === undefined) {
        throw new RequestError("invalid", `Received binary image input but ${served.name} has no manifest that says how pictures are prepared; it takes ${dtypeName(spec.type)}`);
      }
      if (input.data.length === 0) {
        throw new RequestError("invalid", "String val is empty");
      }
      const { tensor } = await pictures.toTensor(input.data as readonly Uint8Array[], served.model.input, signal);
      return { ...tensor, name: spec.name };
    }),
  );
}

async function predict(registry: ModelRegistry, pictures: PictureReader, request: ReturnType<typeof m.PredictRequest.decode>, signal: AbortSignal): Promise<InputOf<typeof m.PredictResponse>> {
  const served = tfModel(registry, request.modelSpec);
  return served.hold(async () => {
    const inputs = [...request.inputs].flatMap(([name, proto]) => (proto === undefined ? [] : [tensorFromProto(name, proto)]));
    const outputs = await served.infer(await withPictures(served, inputs, pictures, signal), signal);
    const chosen = request.outputFilter.length === 0 ? outputs : outputs.filter(({ name }) => request.outputFilter.includes(name));
    return { outputs: new Map(chosen.map((output) => [output.name, tensorToProto(output)])), modelSpec: specOf(served) };
  });
}

function specOf(served: ServedModel): InputOf<typeof m.ModelSpec> {
  return { name: served.name, version: { value: versionNumber(served.version) }, signatureName: "serving_default" };
}

function versionOf(spec: m.ModelSpec | undefined): string {
  const value = spec?.version?.value ?? 0;
  return value === 0 ? "" : String(value);
}

function tfModel(registry: ModelRegistry, spec: m.ModelSpec | undefined): ServedModel {
  if (spec === undefined || spec.name === "") {
    throw new RequestError("invalid", "Model name is missing: expected model_spec.name");
  }
  if (spec.signatureName !== "" && spec.signatureName !== "serving_default") {
    throw new RequestError("invalid", `expected signature serving_default, got ${spec.signatureName}`);
  }
  if (spec.versionLabel !== undefined && spec.versionLabel !== "") {
    throw new RequestError("not_found", `Model version label ${spec.versionLabel} is not found: versions have numbers here`);
  }
  try {
    return registry.get(spec.name, versionOf(spec));
  } catch (error) {
    throw error instanceof RequestError && error.kind === "not_found"
      ? new RequestError("not_found", versionOf(spec) === "" ? "Model with requested name is not found" : "Model with requested version is not found")
      : error;
  }
}
