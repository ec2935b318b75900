import type { Tensor, TensorData, TensorSpec, TensorType } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import type { InputOf } from "../protobuf/message.ts";
import { elementBytes, elementCount, isStrings, tensorBytes, tensorFromBytes } from "../tensor/tensor-bytes.ts";
import { dataFromValues } from "../tensor/tensor-json.ts";
import { SignatureDefMap, type TensorProto, type TensorShapeProto } from "./messages.ts";

/** TensorFlow's `DataType` numbers (types.proto), as our own types. */
const DTYPES: ReadonlyMap<number, { readonly type: TensorType; readonly name: string }> = new Map([
  [1, { type: "float32", name: "DT_FLOAT" }],
  [2, { type: "float64", name: "DT_DOUBLE" }],
  [3, { type: "int32", name: "DT_INT32" }],
  [4, { type: "uint8", name: "DT_UINT8" }],
  [5, { type: "int16", name: "DT_INT16" }],
  [6, { type: "int8", name: "DT_INT8" }],
  [7, { type: "string", name: "DT_STRING" }],
  [9, { type: "int64", name: "DT_INT64" }],
  [10, { type: "bool", name: "DT_BOOL" }],
  [17, { type: "uint16", name: "DT_UINT16" }],
  [19, { type: "float16", name: "DT_HALF" }],
  [22, { type: "uint32", name: "DT_UINT32" }],
  [23, { type: "uint64", name: "DT_UINT64" }],
]);
const NUMBERS = new Map([...DTYPES].map(([number, { type }]) => [type, number]));

/** The type of a `DataType` number. Throws `E_WIRE` for kinds that are not taken (complex, resource, quantised, …). */
export function typeOfDtype(dtype: number, where: string): TensorType {
  const known = DTYPES.get(dtype);
  if (known === undefined) {
    throw new VedetteError("E_WIRE", { where, expected: [...DTYPES.values()].map(({ name }) => name).join(", "), got: `DataType ${dtype}` });
  }
  return known.type;
}

/** `DT_FLOAT` for float32, and so on. */
export function dtypeName(type: TensorType): string {
  return DTYPES.get(dtypeOf(type))?.name ?? type;
}

function dtypeOf(type: TensorType): number {
  // The table names every type.
  return NUMBERS.get(type) as number;
}

/** A tensor as TensorProto: numbers in `tensor_content` (a view), strings in `string_val`. */
export function tensorToProto(tensor: Tensor): InputOf<typeof TensorProto> {
  const head = { dtype: dtypeOf(tensor.type), tensorShape: { dim: tensor.shape.map((size) => ({ size })) } };
  return isStrings(tensor.data) ? { ...head, stringVal: tensor.data } : { ...head, tensorContent: tensorBytes(tensor) };
}

/**
 * A tensor from its proto: `tensor_content`, or the list of its type, where a single value stands for all elements and
 * a shorter list is filled up with its last value (as TensorFlow reads it). Throws `E_WIRE`.
 */
export function tensorFromProto(name: string, proto: TensorProto): Tensor {
  const where = `tensor "${name}"`;
  const type = typeOfDtype(proto.dtype, where);
  if (proto.tensorShape?.unknownRank === true) {
    throw new VedetteError("E_WIRE", { where, expected: "a shape", got: "unknown rank" });
  }
  const shape = (proto.tensorShape?.dim ?? []).map(({ size }) => size);
  const count = elementCount(shape, where);
  if (proto.tensorContent.byteLength > 0) {
    if (type === "string") {
      throw new VedetteError("E_WIRE", { where, expected: "string_val for DT_STRING", got: "tensor_content" });
    }
    return tensorFromBytes(name, type, shape, proto.tensorContent, where);
  }
  const values = listOf(type, proto);
  if (values.length > count || (values.length === 0 && count > 0)) {
    throw new VedetteError("E_WIRE", { where, expected: `${count} values or ${count * elementBytes(type)} bytes for [${shape.join(", ")}]`, got: `${values.length} values` });
  }
  if (values.length < count && (type === "string" || count * elementBytes(type) > MOST_FILLED_BYTES)) {
    throw new VedetteError("E_WIRE", { where, expected: `${count} values`, got: String(values.length) });
  }
  const filled = values.length === count ? values : Array.from({ length: count }, (_, i) => values[Math.min(i, values.length - 1)]);
  return { name, type, shape, data: type === "string" ? proto.stringVal : dataOf(type, filled, where) };
}

/** A list that is shorter than its tensor may not make one of any size out of a few bytes. */
const MOST_FILLED_BYTES = 64 * 1024 * 1024;

function dataOf(type: TensorType, values: readonly unknown[], where: string): TensorData {
  // half_val holds the bits, not the number.
  return type === "float16" ? Uint16Array.from(values as readonly number[]) : dataFromValues(type, values, where);
}

function listOf(type: TensorType, proto: TensorProto): readonly unknown[] {
  switch (type) {
    case "float32":
      return proto.floatVal.map(Math.fround);
    case "float64":
      return proto.doubleVal;
    case "int32":
    case "uint8":
    case "uint16":
    case "int16":
    case "int8":
      return proto.intVal;
    case "string":
      return proto.stringVal;
    case "int64":
      return proto.int64Val;
    case "bool":
      return proto.boolVal;
    case "float16":
      return proto.halfVal;
    case "uint32":
      return proto.uint32Val;
    case "uint64":
      return proto.uint64Val;
  }
}

/** The inputs and outputs of a signature, from the metadata field `signature_def`. Throws `E_WIRE`. */
export function signatureFromBytes(bytes: Uint8Array, signature: string): { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] } {
  const definitions = SignatureDefMap.decode(bytes).signatureDef;
  const definition = definitions.get(signature);
  if (definition === undefined) {
    throw new VedetteError("E_WIRE", { where: "signature_def", expected: `signature ${signature}`, got: [...definitions.keys()].join(", ") || "none" });
  }
  const specs = (infos: typeof definition.inputs): TensorSpec[] =>
    [...infos].map(([name, info]) => ({ name, type: typeOfDtype(info?.dtype ?? 0, `signature_def "${name}"`), shape: shapeOf(info?.tensorShape) }));
  return { inputs: specs(definition.inputs), outputs: specs(definition.outputs) };
}

/** The metadata field `signature_def` of a model. The keys name the tensors; method and names as TensorFlow Serving has them. */
export function signatureToBytes(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): Buffer {
  const infos = (specs: readonly TensorSpec[]) =>
    new Map(specs.map((spec) => [spec.name, { name: spec.name, dtype: dtypeOf(spec.type), tensorShape: { dim: spec.shape.map((size) => ({ size })) } }]));
  const definition = { inputs: infos(inputs), outputs: infos(outputs), methodName: "tensorflow/serving/predict" };
  return SignatureDefMap.encode({ signatureDef: new Map([["serving_default", definition]]) });
}

function shapeOf(shape: ReturnType<(typeof TensorShapeProto)["decode"]> | undefined): readonly number[] {
  return (shape?.dim ?? []).map(({ size }) => size);
}
