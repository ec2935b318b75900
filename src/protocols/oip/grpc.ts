import type { Tensor, TensorData, TensorType } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import type { InputOf } from "../protobuf/message.ts";
import { elementCount, tensorBytes, tensorFromBytes } from "../tensor/tensor-bytes.ts";
import { dataFromValues } from "../tensor/tensor-json.ts";
import { datatypeOf, typeOfDatatype } from "./datatypes.ts";
import type { OipParameter, OipParameters, OipRequest, OipResponse } from "./infer.ts";
import type { InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse } from "./messages.ts";

type Parameters = ModelInferRequest["parameters"];

/** A request as its message, with raw contents: views of the tensors' memory. */
export function requestMessage(
  model: { readonly name: string; readonly version: string },
  request: Pick<OipRequest, "inputs"> & Partial<OipRequest>,
): InputOf<typeof ModelInferRequest> {
  return {
    modelName: model.name,
    modelVersion: model.version,
    id: request.id,
    parameters: parametersMessage(request.parameters ?? {}),
    inputs: request.inputs.map(tensorMessage),
    outputs: request.outputs?.map(({ name }) => ({ name })),
    rawInputContents: request.inputs.map(tensorBytes),
  };
}

/** An answer as its message, with raw contents. */
export function responseMessage(response: OipResponse): InputOf<typeof ModelInferResponse> {
  return {
    modelName: response.modelName,
    modelVersion: response.modelVersion,
    id: response.id,
    parameters: parametersMessage(response.parameters),
    outputs: response.outputs.map(tensorMessage),
    rawOutputContents: response.outputs.map(tensorBytes),
  };
}

/** Reads a request, with raw or typed contents. Throws `E_WIRE`. */
export function requestFromMessage(message: ModelInferRequest): OipRequest {
  return {
    id: message.id,
    parameters: parametersOf(message.parameters),
    inputs: tensors(message.inputs, message.rawInputContents, "input"),
    outputs: message.outputs.map((output) => {
      const classification = parametersOf(output.parameters)["classification"];
      return { name: output.name, isBinary: true, classification: Number(classification ?? 0) };
    }),
    isBinaryByDefault: true,
  };
}

/** Reads an answer, with raw or typed contents. Throws `E_WIRE`. */
export function responseFromMessage(message: ModelInferResponse): OipResponse {
  return {
    modelName: message.modelName,
    modelVersion: message.modelVersion,
    id: message.id,
    parameters: parametersOf(message.parameters),
    outputs: tensors(message.outputs, message.rawOutputContents, "output"),
  };
}

function tensorMessage(tensor: Tensor): { name: string; datatype: string; shape: readonly number[] } {
  return { name: tensor.name, datatype: datatypeOf(tensor.type), shape: tensor.shape };
}

function tensors(list: ModelInferRequest["inputs"], raw: readonly Uint8Array[], kind: "input" | "output"): readonly Tensor[] {
  if (raw.length > 0 && raw.length !== list.length) {
    throw new VedetteError("E_WIRE", { where: `raw_${kind}_contents`, expected: `${list.length} entries, one for each ${kind}`, got: String(raw.length) });
  }
  return list.map((tensor, i) => {
    const where = `${kind} "${tensor.name}"`;
    const type = typeOfDatatype(tensor.datatype, `${where} datatype`);
    const bytes = raw[i];
    if (bytes !== undefined) {
      if (tensor.contents !== undefined) {
        throw new VedetteError("E_WIRE", { where, expected: "contents or raw contents", got: "both" });
      }
      return tensorFromBytes(tensor.name, type, tensor.shape, bytes, where);
    }
    const count = elementCount(tensor.shape, where);
    const data = tensor.contents === undefined ? dataFromValues(type, [], where) : dataFromContents(type, tensor.contents, where);
    if (data.length !== count) {
      throw new VedetteError("E_WIRE", { where, expected: `${count} values for [${tensor.shape.join(", ")}]`, got: String(data.length) });
    }
    return { name: tensor.name, type, shape: tensor.shape, data };
  });
}

/** Which list holds a datatype's elements. FP16 has none: it travels raw only. */
function dataFromContents(type: TensorType, contents: InferTensorContents, where: string): TensorData {
  switch (type) {
    case "bool":
      return dataFromValues(type, contents.boolContents, where);
    case "int8":
    case "int16":
    case "int32":
      return dataFromValues(type, contents.intContents, where);
    case "int64":
      return dataFromValues(type, contents.int64Contents, where);
    case "uint8":
    case "uint16":
    case "uint32":
      return dataFromValues(type, contents.uintContents, where);
    case "uint64":
      return dataFromValues(type, contents.uint64Contents, where);
    case "float32":
      return Float32Array.from(contents.fp32Contents);
    case "float64":
      return Float64Array.from(contents.fp64Contents);
    case "string":
      return contents.bytesContents;
    case "float16":
      throw new VedetteError("E_WIRE", { where, expected: "raw contents for FP16", got: "typed contents" });
  }
}

function parametersMessage(parameters: OipParameters): ReadonlyMap<string, Partial<InferParameter>> {
  return new Map(Object.entries(parameters).map(([key, value]) => [key, parameterMessage(value)]));
}

function parameterMessage(value: OipParameter): Partial<InferParameter> {
  switch (typeof value) {
    case "boolean":
      return { boolParam: value };
    case "string":
      return { stringParam: value };
    case "bigint":
      return { int64Param: value };
    default:
      return Number.isSafeInteger(value) ? { int64Param: BigInt(value) } : { doubleParam: value };
  }
}

function parametersOf(parameters: Parameters): OipParameters {
  const values: Record<string, OipParameter> = {};
  for (const [key, parameter] of parameters) {
    const value = parameter?.boolParam ?? parameter?.stringParam ?? parameter?.doubleParam ?? parameter?.int64Param ?? parameter?.uint64Param;
    if (value !== undefined && key !== "__proto__") {
      values[key] = typeof value === "bigint" && BigInt.asIntN(53, value) === value ? Number(value) : value;
    }
  }
  return values;
}
