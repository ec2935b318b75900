import { packageVersion } from "../runtime/package-version.ts";
import type { Tensor } from "../domain/model.ts";
import type { OipRequest, OipResponse } from "../protocols/oip/infer.ts";
import { valuesOf } from "../protocols/tensor/tensor-json.ts";
import type { ModelRegistry } from "./model-registry.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

/** What this server says of itself. */
export const SERVER_METADATA = {
  name: "vedette",
  version: packageVersion(),
  extensions: ["binary_tensor_data", "classification", "model_repository", "model_repository(unload_dependents)"],
} as const;

/** A request of the Open Inference Protocol, whichever way it came, to its answer. */
export async function inferOip(registry: ModelRegistry, name: string, version: string, request: OipRequest, signal: AbortSignal): Promise<OipResponse> {
  return registry.use(name, version, async (served) => {
    const unknown = request.outputs.find((output) => !served.outputs.some((spec) => spec.name === output.name));
    if (unknown !== undefined) {
      throw new RequestError("invalid", `unexpected inference output '${unknown.name}' for model '${name}', it has ${served.outputs.map((spec) => spec.name).join(", ")}`);
    }
    const outputs = await served.infer(request.inputs, signal);
    const chosen = request.outputs.length === 0 ? outputs : request.outputs.map(({ name: wanted, classification }) => choose(served, outputs, wanted, classification));
    return { modelName: name, modelVersion: served.version, id: request.id, parameters: {}, outputs: chosen };
  });
}

function choose(served: ServedModel, outputs: readonly Tensor[], name: string, classification: number): Tensor {
  const output = outputs.find((tensor) => tensor.name === name);
  if (output === undefined) {
    throw new RequestError("internal", `output ${name} did not come`);
  }
  return classification > 0 ? classified(output, classification, served.model?.labels ?? []) : output;
}

/** Triton's classification extension: for every row the best `k` as `score:index[:label]`. */
function classified(output: Tensor, k: number, labels: readonly string[]): Tensor {
  const [rows = 1, ...rest] = output.shape;
  const length = rest.reduce((product, size) => product * size, 1);
  const count = Math.min(k, length);
  const scores = Array.from(valuesOf(output), Number);
  const data = Array.from({ length: rows }, (_, row) => scores.slice(row * length, (row + 1) * length)).flatMap((values) =>
    values
      .map((score, index) => ({ score, index }))
      .sort((a, b) => b.score - a.score)
      .slice(0, count)
      .map(({ score, index }) => Buffer.from([score.toFixed(6), index, ...(labels[index] === undefined ? [] : [labels[index]])].join(":"))),
  );
  return { name: output.name, type: "string", shape: [rows, count], data };
}
