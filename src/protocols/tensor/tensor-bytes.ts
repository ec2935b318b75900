// Tensors as model servers send them: row-major, little-endian, strings (BYTES) each behind a 4-byte length.
import type { Tensor, TensorData, TensorType } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";

/** Types whose elements are all of one size. */
export type NumericType = Exclude<TensorType, "string">;

/** The array type of each element type. */
export const ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies Record<NumericType, unknown>;

/** Bytes per element; 0 for strings, whose elements differ. */
export function elementBytes(type: TensorType): number {
  return type === "string" ? 0 : ARRAYS[type].BYTES_PER_ELEMENT;
}

/** How many elements a shape has. Throws `E_WIRE` for what is no shape: negative, fractional, or too large to count. */
export function elementCount(shape: readonly number[], where: string): number {
  let count = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new VedetteError("E_WIRE", { where, expected: "dimensions of 0 and more", got: `[${shape.join(", ")}]` });
    }
    count *= dimension;
  }
  if (!Number.isSafeInteger(count)) {
    throw new VedetteError("E_WIRE", { where, expected: "a shape of at most 2^53 elements", got: `[${shape.join(", ")}]` });
  }
  return count;
}

/** The tensor's elements as they travel. A view of the tensor's own memory, except for strings. */
export function tensorBytes(tensor: Pick<Tensor, "type" | "data">): Uint8Array {
  const { data } = tensor;
  return isStrings(data) ? joinStrings(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Whether tensor data are byte strings. */
export function isStrings(data: TensorData): data is readonly Uint8Array[] {
  return Array.isArray(data);
}

/**
 * A tensor from its bytes, which it shares where alignment allows it. `where` names it in errors (`input "image"`).
 * Throws `E_WIRE` when the bytes are not exactly what type and shape ask for.
 */
export function tensorFromBytes(name: string, type: TensorType, shape: readonly number[], bytes: Uint8Array, where: string): Tensor {
  const count = elementCount(shape, where);
  if (type === "string") {
    return { name, type, shape, data: splitStrings(bytes, count, where) };
  }
  const expectedBytes = count * elementBytes(type);
  if (bytes.byteLength !== expectedBytes) {
    throw new VedetteError("E_WIRE", {
      where,
      expected: `${expectedBytes} bytes for ${type} [${shape.join(", ")}]`,
      got: `${bytes.byteLength} bytes`,
    });
  }
  return { name, type, shape, data: numbersFromBytes(type, bytes) };
}

/** An array over the bytes; a copy when they are not aligned. The length must be a multiple of the element's. */
export function numbersFromBytes(type: NumericType, bytes: Uint8Array): Exclude<TensorData, readonly Uint8Array[]> {
  const size = elementBytes(type);
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  // The constructors take any buffer; their union's signature does not show it.
  return new ARRAYS[type](aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size);
}

/** BYTES: every element behind its length, 4 bytes, little-endian. */
export function joinStrings(values: readonly Uint8Array[]): Uint8Array {
  const joined = Buffer.allocUnsafe(values.reduce((sum, value) => sum + 4 + value.byteLength, 0));
  let at = 0;
  for (const value of values) {
    at = joined.writeUInt32LE(value.byteLength, at);
    joined.set(value, at);
    at += value.byteLength;
  }
  return joined;
}

/** The elements of BYTES: views. Throws `E_WIRE` when there are not exactly `count`. */
export function splitStrings(bytes: Uint8Array, count: number, where: string): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const left = bytes.byteLength - at - 4;
    const length = left < 0 ? 0 : view.getUint32(at, true);
    if (left < length) {
      throw new VedetteError("E_WIRE", {
        where,
        expected: left < 0 ? "a 4-byte length" : `an element of ${length} bytes`,
        got: `${Math.max(left, left + 4)} bytes before the end`,
      });
    }
    values.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
    if (values.length > count) {
      break;
    }
  }
  if (values.length !== count) {
    throw new VedetteError("E_WIRE", { where, expected: `${count} elements`, got: values.length > count ? "more" : String(values.length) });
  }
  return values;
}
