import type { Tensor } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { elementCount, tensorBytes, tensorFromBytes } from "../tensor/tensor-bytes.ts";
import { dataFromValues, flatten, jsonText, parseJson } from "../tensor/tensor-json.ts";
import { datatypeOf, typeOfDatatype } from "./datatypes.ts";
import type { OipParameter, OipParameters, OipRequest, OipResponse, RequestedOutput } from "./infer.ts";

/** Says how many bytes of the body are JSON; tensors follow raw, in their order. */
export const HEADER_LENGTH = "inference-header-content-length";

/** A body with the length of its JSON, when raw tensors follow it. */
export interface OipBody {
  /** To be sent one after the other. Tensors are views of the caller's memory. */
  readonly parts: readonly Uint8Array[];
  /** Value of {@link HEADER_LENGTH}; undefined when the body is JSON alone. */
  readonly headerLength: number | undefined;
}

/** `POST /v2/models/…/infer`: the body of a request. */
export function encodeRequest(request: Pick<OipRequest, "inputs"> & Partial<OipRequest>, isBinary: boolean): OipBody {
  const { tensors, raw } = encodeTensors(request.inputs, () => isBinary);
  const outputs = (request.outputs ?? []).map((output) => ({ name: output.name, parameters: { binary_data: output.isBinary } }));
  const fields = [
    ...(request.id === undefined || request.id === "" ? [] : [`"id":${JSON.stringify(request.id)}`]),
    ...parametersField({ ...request.parameters, ...(request.isBinaryByDefault === true ? { binary_data_output: true } : {}) }),
    `"inputs":[${tensors.join(",")}]`,
    ...(outputs.length === 0 ? [] : [`"outputs":${JSON.stringify(outputs)}`]),
  ];
  return body(fields, raw);
}

/** The body of an answer. `isBinary` says which outputs come as bytes. Throws `E_WIRE` for what JSON cannot carry. */
export function encodeResponse(response: OipResponse, isBinary: (name: string) => boolean): OipBody {
  const { tensors, raw } = encodeTensors(response.outputs, isBinary);
  const fields = [
    `"model_name":${JSON.stringify(response.modelName)}`,
    `"model_version":${JSON.stringify(response.modelVersion)}`,
    ...(response.id === "" ? [] : [`"id":${JSON.stringify(response.id)}`]),
    ...parametersField(response.parameters),
    `"outputs":[${tensors.join(",")}]`,
  ];
  return body(fields, raw);
}

/** Reads a request. Tensors share the body's memory where they can. Throws `E_WIRE`. */
export function decodeRequest(bytes: Uint8Array, headerLength: number | undefined): OipRequest {
  const { json, raw } = split(bytes, headerLength, "request");
  const parameters = parametersOf(json["parameters"], "request parameters");
  const outputs = json["outputs"] === undefined ? [] : objects(json["outputs"], "outputs").map(requestedOutput);
  const isBinaryByDefault = parameters["binary_data_output"] === true;
  return {
    id: text(json["id"], "id"),
    parameters,
    inputs: decodeTensors(json["inputs"], raw, "input"),
    outputs: outputs.map(({ output, saysBinary }) => ({ ...output, isBinary: saysBinary ?? isBinaryByDefault })),
    isBinaryByDefault,
  };
}

/** Reads an answer. Throws `E_WIRE`. */
export function decodeResponse(bytes: Uint8Array, headerLength: number | undefined): OipResponse {
  const { json, raw } = split(bytes, headerLength, "response");
  return {
    modelName: text(json["model_name"], "model_name"),
    modelVersion: text(json["model_version"], "model_version"),
    id: text(json["id"], "id"),
    parameters: parametersOf(json["parameters"], "response parameters"),
    outputs: decodeTensors(json["outputs"], raw, "output"),
  };
}

/** The value of {@link HEADER_LENGTH} as it came. Throws `E_WIRE` for what is no length. */
export function headerLengthOf(value: string | readonly string[] | undefined): number | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (typeof value !== "string" || !/^\d{1,15}$/.test(value)) {
    throw new VedetteError("E_WIRE", { where: HEADER_LENGTH, expected: "a number of bytes", got: String(value).slice(0, 40) });
  }
  return Number(value);
}

function encodeTensors(list: readonly Tensor[], isBinary: (name: string) => boolean): { tensors: string[]; raw: Uint8Array[] } {
  const raw: Uint8Array[] = [];
  const tensors = list.map((tensor) => {
    const head = `"name":${JSON.stringify(tensor.name)},"datatype":"${datatypeOf(tensor.type)}","shape":[${tensor.shape.join(",")}]`;
    if (isBinary(tensor.name)) {
      const bytes = tensorBytes(tensor);
      raw.push(bytes);
      return `{${head},"parameters":{"binary_data_size":${bytes.byteLength}}}`;
    }
    return `{${head},"data":${jsonText(tensor, "flat", `tensor "${tensor.name}"`)}}`;
  });
  return { tensors, raw };
}

function body(fields: readonly string[], raw: readonly Uint8Array[]): OipBody {
  const json = Buffer.from(`{${fields.join(",")}}`);
  return { parts: [json, ...raw], headerLength: raw.length === 0 ? undefined : json.byteLength };
}

function parametersField(parameters: OipParameters): string[] {
  const entries = Object.entries(parameters);
  return entries.length === 0
    ? []
    : [`"parameters":{${entries.map(([key, value]) => `${JSON.stringify(key)}:${typeof value === "bigint" ? String(value) : JSON.stringify(value)}`).join(",")}}`];
}

function split(bytes: Uint8Array, headerLength: number | undefined, where: string): { json: Readonly<Record<string, unknown>>; raw: Uint8Array } {
  const length = headerLength ?? bytes.byteLength;
  if (length > bytes.byteLength) {
    throw new VedetteError("E_WIRE", { where, expected: `${length} bytes of JSON (${HEADER_LENGTH})`, got: `a body of ${bytes.byteLength}` });
  }
  const json = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, length).toString(), where);
  return { json: object(json, where), raw: bytes.subarray(length) };
}

function decodeTensors(list: unknown, raw: Uint8Array, kind: "input" | "output"): readonly Tensor[] {
  let at = 0;
  const tensors = objects(list, `${kind}s`).map((entry, i) => {
    const name = text(entry["name"], `${kind}s[${i}].name`);
    const where = `${kind} "${name}"`;
    const type = typeOfDatatype(text(entry["datatype"], `${where} datatype`), `${where} datatype`);
    const shape = shapeOf(entry["shape"], `${where} shape`);
    const size = parametersOf(entry["parameters"], `${where} parameters`)["binary_data_size"];
    if (size === undefined) {
      const { values } = flatten(entry["data"], `${where} data`);
      const count = elementCount(shape, where);
      if (!Array.isArray(entry["data"]) || values.length !== count) {
        throw new VedetteError("E_WIRE", { where, expected: `${count} values for [${shape.join(", ")}]`, got: Array.isArray(entry["data"]) ? `${values.length}` : "no data" });
      }
      return { name, type, shape, data: dataFromValues(type, values, where) };
    }
    if (entry["data"] !== undefined || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || size > raw.byteLength - at) {
      throw new VedetteError("E_WIRE", {
        where,
        expected: entry["data"] === undefined ? "as many bytes behind the JSON as binary_data_size says" : "data or binary_data_size, not both",
        got: `binary_data_size ${String(size)}, ${raw.byteLength - at} bytes left`,
      });
    }
    const bytes = raw.subarray(at, at + size);
    at += size;
    return tensorFromBytes(name, type, shape, bytes, where);
  });
  if (at !== raw.byteLength) {
    throw new VedetteError("E_WIRE", { where: `${kind}s`, expected: `${at} raw bytes (the sum of binary_data_size)`, got: String(raw.byteLength) });
  }
  return tensors;
}

function requestedOutput(entry: Readonly<Record<string, unknown>>): { output: RequestedOutput; saysBinary: boolean | undefined } {
  const name = text(entry["name"], "outputs name");
  const parameters = parametersOf(entry["parameters"], `output "${name}" parameters`);
  const binary = parameters["binary_data"];
  const classification = parameters["classification"] ?? 0;
  if (typeof classification !== "number" || !Number.isSafeInteger(classification) || classification < 0) {
    throw new VedetteError("E_WIRE", { where: `output "${name}" classification`, expected: "a number of classes", got: String(classification) });
  }
  return { output: { name, isBinary: false, classification }, saysBinary: binary === undefined ? undefined : binary === true };
}

function shapeOf(value: unknown, where: string): readonly number[] {
  if (!Array.isArray(value) || !value.every((dimension): dimension is number => typeof dimension === "number")) {
    throw new VedetteError("E_WIRE", { where, expected: "a list of dimensions", got: typeof value });
  }
  elementCount(value, where);
  return value;
}

function parametersOf(value: unknown, where: string): OipParameters {
  if (value === undefined || value === null) {
    return {};
  }
  const entries = Object.entries(object(value, where)).filter((entry): entry is [string, OipParameter] =>
    ["boolean", "number", "bigint", "string"].includes(typeof entry[1]),
  );
  return Object.fromEntries(entries);
}

function object(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new VedetteError("E_WIRE", { where, expected: "a JSON object", got: Array.isArray(value) ? "an array" : value === null ? "null" : typeof value });
  }
  // Just checked: an object; its values are looked at one by one.
  return value as Readonly<Record<string, unknown>>;
}

function objects(value: unknown, where: string): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) {
    throw new VedetteError("E_WIRE", { where, expected: "a list", got: value === undefined ? "nothing" : typeof value });
  }
  return value.map((entry, i) => object(entry, `${where}[${i}]`));
}

function text(value: unknown, where: string): string {
  if (value === undefined || value === null) {
    return "";
  }
  if (typeof value !== "string") {
    throw new VedetteError("E_WIRE", { where, expected: "a string", got: typeof value });
  }
  return value;
}
