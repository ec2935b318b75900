import type { TensorType } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";

/** The protocol's names of element types, as our own. */
const DATATYPES: ReadonlyMap<string, TensorType> = new Map([
  ["BOOL", "bool"],
  ["UINT8", "uint8"],
  ["UINT16", "uint16"],
  ["UINT32", "uint32"],
  ["UINT64", "uint64"],
  ["INT8", "int8"],
  ["INT16", "int16"],
  ["INT32", "int32"],
  ["INT64", "int64"],
  ["FP16", "float16"],
  ["FP32", "float32"],
  ["FP64", "float64"],
  ["BYTES", "string"],
]);
const NAMES = new Map([...DATATYPES].map(([name, type]) => [type, name]));

/** Throws `E_WIRE` for a name that is not the protocol's. */
export function typeOfDatatype(datatype: string, where: string): TensorType {
  const type = DATATYPES.get(datatype);
  if (type === undefined) {
    throw new VedetteError("E_WIRE", { where, expected: [...DATATYPES.keys()].join(", "), got: datatype === "" ? "no datatype" : datatype.slice(0, 40) });
  }
  return type;
}

/** `FP32` for float32, and so on. */
export function datatypeOf(type: TensorType): string {
  // The table names every type.
  return NAMES.get(type) as string;
}
