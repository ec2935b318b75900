// Tensors as JSON carries them: nested or flat arrays of numbers, booleans and strings.
import type { Tensor, TensorData, TensorType } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { float16Bits, float16Value } from "./float16.ts";
import { ARRAYS, type NumericType } from "./tensor-bytes.ts";

/** An array of this type from JSON values: numbers, booleans, bigints, or strings for byte strings. Throws `E_WIRE`. */
export function dataFromValues(type: TensorType, values: readonly unknown[], where: string): TensorData {
  if (type === "string") {
    return values.map((value) => {
      if (typeof value !== "string") {
        throw mismatch(where, "strings", value);
      }
      return Buffer.from(value);
    });
  }
  if (type === "int64" || type === "uint64") {
    const data = new ARRAYS[type](values.length);
    for (const [i, value] of values.entries()) {
      if (typeof value !== "bigint" && !Number.isSafeInteger(value)) {
        throw mismatch(where, `${type} integers`, value);
      }
      // Just checked: a bigint or an integer.
      data[i] = BigInt(value as bigint | number);
      if (data[i] !== BigInt(value as bigint | number)) {
        throw mismatch(where, `${type} integers`, value);
      }
    }
    return data;
  }
  return type === "float16" ? float16FromValues(values, where) : numbersFromValues(type, values, where);
}

function numbersFromValues(type: Exclude<NumericType, "int64" | "uint64" | "float16">, values: readonly unknown[], where: string): TensorData {
  const data = new ARRAYS[type](values.length);
  const isFloat = type === "float32" || type === "float64";
  for (const [i, value] of values.entries()) {
    const number = typeof value === "boolean" || (isFloat && typeof value === "bigint") ? Number(value) : value;
    if (typeof number !== "number") {
      throw mismatch(where, `${type} numbers`, value);
    }
    data[i] = number;
    if (!isFloat && data[i] !== number) {
      throw mismatch(where, `${type} numbers`, value);
    }
    if (type === "bool" && number > 1) {
      throw mismatch(where, "true or false", value);
    }
  }
  return data;
}

function float16FromValues(values: readonly unknown[], where: string): Uint16Array {
  const bits = new Uint16Array(values.length);
  const view = new DataView(bits.buffer);
  for (const [i, value] of values.entries()) {
    if (typeof value !== "number") {
      throw mismatch(where, "numbers", value);
    }
    view.setUint16(2 * i, float16Bits(value), true);
  }
  return bits;
}

/** The tensor's elements as JSON values: floats as numbers, booleans, bigints, strings as UTF-8. */
export function* valuesOf(tensor: Pick<Tensor, "type" | "data">): Generator<number | bigint | boolean | string> {
  for (const value of tensor.data) {
    if (typeof value === "object") {
      yield Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
    } else if (tensor.type === "bool") {
      yield value !== 0;
    } else {
      yield tensor.type === "float16" ? float16Value(Number(value)) : value;
    }
  }
}

/** A nested JSON array as its elements and shape. Throws `E_WIRE` when rows differ in length. */
export function flatten(data: unknown, where: string): { readonly values: readonly unknown[]; readonly shape: readonly number[] } {
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
  }
  const values: unknown[] = [];
  const walk = (level: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (Array.isArray(level)) {
        throw new VedetteError("E_WIRE", { where, expected: "rows of one length", got: "a deeper one" });
      }
      values.push(level);
      return;
    }
    if (!Array.isArray(level) || level.length !== shape[depth]) {
      throw new VedetteError("E_WIRE", { where, expected: `rows of ${shape[depth] ?? 0}`, got: Array.isArray(level) ? String(level.length) : typeof level });
    }
    for (const inner of level) {
      walk(inner, depth + 1);
    }
  };
  if (shape.length > 16) {
    throw new VedetteError("E_WIRE", { where, expected: "at most 16 dimensions", got: String(shape.length) });
  }
  walk(data, 0);
  return { values, shape };
}

/**
 * The elements as the text of a JSON array, nested as the shape says, or flat. 64-bit integers keep all their digits.
 * Throws `E_WIRE` for NaN and infinity, which JSON cannot carry.
 */
export function jsonText(tensor: Tensor, nesting: "flat" | "nested", where: string): string {
  const texts = Array.from(valuesOf(tensor), (value) => {
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new VedetteError("E_WIRE", { where, expected: "finite numbers, as JSON has no others (ask for binary data)", got: String(value) });
    }
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  });
  return nesting === "flat" ? `[${texts.join(",")}]` : nest(texts, tensor.shape, 0, 0).text;
}

function nest(texts: readonly string[], shape: readonly number[], depth: number, from: number): { text: string; to: number } {
  if (depth === shape.length) {
    return { text: texts[from] ?? "null", to: from + 1 };
  }
  const parts: string[] = [];
  let at = from;
  for (let i = 0; i < (shape[depth] ?? 0); i++) {
    const { text, to } = nest(texts, shape, depth + 1, at);
    parts.push(text);
    at = to;
  }
  return { text: `[${parts.join(",")}]`, to: at };
}

/** JSON whose integers of more than 53 bits come as bigints. */
export function parseJson(text: string, where: string): unknown {
  // Looking at every number's source costs; only texts with a number that long pay for it.
  const hasLongNumbers = /\d{16}/.test(text);
  try {
    return hasLongNumbers ? JSON.parse(text, exactIntegers) : JSON.parse(text);
  } catch (error) {
    throw new VedetteError("E_WIRE", { where, expected: "JSON", got: error instanceof Error ? error.message : "something else" }, { cause: error });
  }
}

function exactIntegers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === "number" && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function mismatch(where: string, expected: string, value: unknown): VedetteError {
  const isSimple = typeof value === "number" || typeof value === "string" || typeof value === "boolean" || typeof value === "bigint";
  const got = isSimple ? `${typeof value} ${String(value).slice(0, 40)}` : value === null ? "null" : "an object or a longer row";
  return new VedetteError("E_WIRE", { where, expected, got });
}
