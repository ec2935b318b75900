import type { Tensor, TensorSpec, TensorType } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { dataFromValues, flatten, jsonText, parseJson } from "../tensor/tensor-json.ts";

/** `POST /v1/models/…:predict` of TensorFlow Serving: JSON in rows (`instances`) or columns (`inputs`). */

/** A request: the tensors, and whether they came in rows, as the answer must. */
export interface RestPredictRequest {
  readonly signatureName: string;
  readonly format: "row" | "column";
  readonly inputs: readonly Tensor[];
}

/**
 * Reads a request. JSON does not name types, so the model's inputs do; `{"b64": …}` and strings become bytes.
 * Throws `E_WIRE`, naming the input.
 */
export function decodePredictRequest(body: string, specs: readonly TensorSpec[]): RestPredictRequest {
  const json = object(parseJson(body, "request"), "request");
  const signatureName = typeof json["signature_name"] === "string" ? json["signature_name"] : "";
  if ((json["instances"] === undefined) === (json["inputs"] === undefined)) {
    throw new VedetteError("E_WIRE", { where: "request", expected: "either instances or inputs", got: json["inputs"] === undefined ? "neither" : "both" });
  }
  if (json["instances"] !== undefined) {
    return { signatureName, format: "row", inputs: fromRows(json["instances"], specs) };
  }
  const columns = json["inputs"];
  return { signatureName, format: "column", inputs: named(columns, specs, "inputs").map(({ spec, value }) => tensor(spec, value)) };
}

/** The answer, in the format of the request. Throws `E_WIRE` for NaN and infinity. */
export function encodePredictResponse(format: "row" | "column", outputs: readonly Tensor[]): string {
  const [only] = outputs;
  if (format === "column") {
    const columns = outputs.map((output) => `${JSON.stringify(output.name)}:${texts(output)}`).join(",");
    return `{"outputs":${outputs.length === 1 && only !== undefined ? texts(only) : `{${columns}}`}}`;
  }
  const rows = outputs.map((output) => ({ name: JSON.stringify(output.name), rows: rowsOf(output) }));
  const count = Math.min(...rows.map((output) => output.rows.length));
  const predictions = Array.from({ length: count }, (_, i) =>
    rows.length === 1 ? rows[0]?.rows[i] : `{${rows.map((output) => `${output.name}:${output.rows[i] ?? "null"}`).join(",")}}`,
  );
  return `{"predictions":[${predictions.join(",")}]}`;
}

function rowsOf(output: Tensor): readonly string[] {
  const [count = 1, ...shape] = output.shape;
  const length = output.data.length / Math.max(1, count);
  return Array.from({ length: count }, (_, i) =>
    texts({ ...output, shape, data: output.data.slice(i * length, (i + 1) * length) }),
  );
}

function texts(output: Tensor): string {
  return jsonText(output, "nested", `output "${output.name}"`);
}

function fromRows(instances: unknown, specs: readonly TensorSpec[]): readonly Tensor[] {
  if (!Array.isArray(instances) || instances.length === 0) {
    throw new VedetteError("E_WIRE", { where: "instances", expected: "a list of one or more", got: Array.isArray(instances) ? "an empty list" : typeof instances });
  }
  const rows = instances.map((row: unknown, i) => named(row, specs, `instances[${i}]`));
  return specs.map((spec, i) => tensor(spec, rows.map((row) => row[i]?.value)));
}

/** Values by input: an object by name, or the value itself where the model has one input. */
function named(value: unknown, specs: readonly TensorSpec[], where: string): readonly { readonly spec: TensorSpec; readonly value: unknown }[] {
  const [only] = specs;
  const isByName = typeof value === "object" && value !== null && !Array.isArray(value) && !("b64" in value);
  if (!isByName) {
    if (specs.length !== 1 || only === undefined) {
      throw new VedetteError("E_WIRE", { where, expected: `an object with ${specs.map(({ name }) => name).join(", ")}`, got: "one value" });
    }
    return [{ spec: only, value }];
  }
  const values = object(value, where);
  const unknown = Object.keys(values).filter((key) => !specs.some(({ name }) => name === key));
  const missing = specs.filter(({ name }) => values[name] === undefined).map(({ name }) => name);
  if (unknown.length > 0 || missing.length > 0) {
    throw new VedetteError("E_WIRE", { where, expected: specs.map(({ name }) => name).join(", "), got: Object.keys(values).join(", ") || "nothing" });
  }
  return specs.map((spec) => ({ spec, value: values[spec.name] }));
}

function tensor(spec: TensorSpec, value: unknown): Tensor {
  const where = `input "${spec.name}"`;
  const { values, shape } = flatten(value, where);
  const isBytes = spec.type === "string" || values.some((item) => typeof item === "object" && item !== null);
  const type: TensorType = isBytes ? "string" : spec.type;
  const data = type === "string" ? values.map((item) => byteString(item, where)) : dataFromValues(type, values, where);
  return { name: spec.name, type, shape, data };
}

function byteString(value: unknown, where: string): Uint8Array {
  if (typeof value === "string") {
    return Buffer.from(value);
  }
  const b64 = typeof value === "object" && value !== null && "b64" in value ? value.b64 : undefined;
  if (typeof b64 !== "string") {
    throw new VedetteError("E_WIRE", { where, expected: 'strings or {"b64": …}', got: typeof value });
  }
  return Buffer.from(b64, "base64");
}

function object(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new VedetteError("E_WIRE", { where, expected: "a JSON object", got: Array.isArray(value) ? "an array" : typeof value });
  }
  // Just checked: an object; its values are looked at one by one.
  return value as Readonly<Record<string, unknown>>;
}
