import type { Tensor, TensorSpec } from "../domain/model.ts";

let halves: Float32Array | undefined;

/** All 65 536 half-precision values (IEEE 754 binary16), by their bits: a look-up beats arithmetic on every element. */
function halfTable(): Float32Array {
  if (halves === undefined) {
    halves = new Float32Array(65_536);
    for (let bits = 0; bits < 65_536; bits++) {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 0x1f;
      const fraction = bits & 0x3ff;
      if (exponent === 0) {
        halves[bits] = sign * fraction * 2 ** -24;
      } else if (exponent === 31) {
        halves[bits] = fraction === 0 ? sign * Infinity : NaN;
      } else {
        halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
      }
    }
  }
  return halves;
}

/** Reads tensors of any numeric type as floats. Owns the memory it converts into: each call overwrites the one before. */
export class FloatReader {
  #scratch = new Float32Array(0);

  /**
   * The tensor's values. A float32 tensor comes back as it is, without a copy; the caller must not change it. 8-bit
   * values come back as `value × scale8`. String tensors give an empty array.
   */
  read(tensor: Tensor, scale8 = 1): Float32Array {
    const { data, type } = tensor;
    if (data instanceof Float32Array) {
      return data;
    }
    const count = data.length;
    if (this.#scratch.length < count) {
      this.#scratch = new Float32Array(count);
    }
    const into = this.#scratch.subarray(0, count);
    if (data instanceof Uint16Array && type === "float16") {
      widen(data, into);
    } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      for (let i = 0; i < count; i++) {
        into[i] = Number(data[i]);
      }
    } else if (ArrayBuffer.isView(data)) {
      into.set(data);
      if (scale8 !== 1 && data.BYTES_PER_ELEMENT === 1) {
        scaleBy(into, scale8);
      }
    } else {
      return new Float32Array(0);
    }
    return into;
  }
}

function widen(bits: Uint16Array, into: Float32Array): void {
  const table = halfTable();
  for (let i = 0; i < bits.length; i++) {
    into[i] = at(table, at(bits, i));
  }
}

function scaleBy(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) {
    values[i] = at(values, i) * factor;
  }
}

/** An element inside the bounds, which the caller has checked; 0 beyond them. V8 inlines it: no cost in inner loops. */
export function at(values: Float32Array | Uint8Array | Uint16Array | Uint32Array | Int32Array, i: number): number {
  return values[i] ?? 0;
}

/** Number of values a shape holds; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** The shape without the batch dimension and without the other dimensions of size 1: `[1, 1000, 1, 1]` → `[1000]`. */
export function squeezed(shape: readonly number[]): readonly number[] {
  return shape.slice(1).filter((n) => n !== 1);
}

/** Whether a declared shape could be `pattern`: a number must agree or vary, `undefined` takes anything. */
export function shapeFits(shape: readonly number[], pattern: readonly (number | undefined)[]): boolean {
  return shape.length === pattern.length && shape.every((n, i) => n < 0 || pattern[i] === undefined || pattern[i] === n);
}

/** True when every dimension after the batch is known. */
export function isKnown(spec: TensorSpec): boolean {
  return spec.shape.length > 0 && spec.shape.slice(1).every((n) => n >= 0);
}

/** The tensor called `name`. */
export function byName(tensors: readonly Tensor[], name: string): Tensor | undefined {
  return tensors.find((tensor) => tensor.name === name);
}

/** Where the largest of `values[from … to)` lies, counted from `from`; 0 when none is a number. */
export function indexOfLargest(values: Float32Array, from: number, to: number): number {
  let largest = -Infinity;
  let index = 0;
  for (let i = from; i < to; i++) {
    const value = at(values, i);
    if (value > largest) {
      largest = value;
      index = i - from;
    }
  }
  return index;
}
