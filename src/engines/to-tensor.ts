import type { InputSpec } from "../domain/model.ts";

/** The arrays that hold inputs; float16 as raw bits. */
export type InputArray = Float32Array | Uint16Array | Uint8Array;

/** Writes one picture (packed 8-bit, `pixels.length = width × height × channels`) into `into` from `offset` on. */
export type PixelWriter = (pixels: Uint8Array, into: InputArray, offset: number) => void;

/** An array for `length` values of the input's type. */
export function inputArray(type: InputSpec["type"], length: number): InputArray {
  switch (type) {
    case "float32":
      return new Float32Array(length);
    case "float16":
      return new Uint16Array(length);
    case "uint8":
      return new Uint8Array(length);
  }
}

/**
 * How pixels become the input's numbers. Every pixel has one of 256 values, so normalisation and number format are one
 * table per channel; what is left is moving, which {@link toPlanes} does four pixels at a time.
 */
export function pixelWriter(input: InputSpec): PixelWriter {
  const channels = input.color === "GRAY" ? 1 : 3;
  const table = valueTable(input);
  const isPlain = input.type !== "float16" && isIdentity(input);
  if (channels === 1 || input.layout === "NHWC") {
    return isPlain ? copyPlain : channels === 1 ? (pixels, into, offset) => mapGray(pixels, into, offset, table) : (pixels, into, offset) => mapPacked(pixels, into, offset, table);
  }
  return isPlain ? toPlainPlanes : (pixels, into, offset) => toPlanes(pixels, into, offset, table);
}

/** `table[channel × 256 + pixel]` = the number that the network gets. */
function valueTable(input: InputSpec): InputArray {
  const table = inputArray(input.type, 768);
  for (let channel = 0; channel < 3; channel++) {
    // The tuples have three elements.
    const mean = input.mean[channel] as number;
    const std = input.std[channel] as number;
    for (let pixel = 0; pixel < 256; pixel++) {
      const value = (pixel * input.scale - mean) / std;
      table[channel * 256 + pixel] =
        input.type === "float32" ? value : input.type === "float16" ? float16Bits(value) : Math.min(255, Math.max(0, Math.round(value)));
    }
  }
  return table;
}

function isIdentity(input: InputSpec): boolean {
  return input.scale === 1 && input.mean.every((value) => value === 0) && input.std.every((value) => value === 1);
}

/** IEEE 754 binary16, rounded to nearest even. */
export function float16Bits(value: number): number {
  // Node 24 has it; the es2024 library does not declare it yet.
  const view = new DataView(new ArrayBuffer(2)) as DataView & { setFloat16(offset: number, value: number): void };
  view.setFloat16(0, value);
  return view.getUint16(0);
}

function copyPlain(pixels: Uint8Array, into: InputArray, offset: number): void {
  into.set(pixels, offset);
}

// The indices below stay inside the arrays (pixels, table, input), so reads are never undefined.
function mapGray(pixels: Uint8Array, into: InputArray, offset: number, table: InputArray): void {
  for (let i = 0; i < pixels.length; i++) {
    into[offset + i] = table[pixels[i] as number] as number;
  }
}

function mapPacked(pixels: Uint8Array, into: InputArray, offset: number, table: InputArray): void {
  for (let i = 0, o = offset; i < pixels.length; i += 3, o += 3) {
    into[o] = table[pixels[i] as number] as number;
    into[o + 1] = table[256 + (pixels[i + 1] as number)] as number;
    into[o + 2] = table[512 + (pixels[i + 2] as number)] as number;
  }
}

/** The picture as little-endian words of four bytes: a third of the loads. Copies when it does not lie on a word. */
function toWords(pixels: Uint8Array): Int32Array {
  const aligned = pixels.byteOffset % 4 === 0 ? pixels : new Uint8Array(pixels);
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
}

/**
 * Packed pixels to three planes through the table. Measured at 416 × 416: 0.46 ms, against 0.61 ms with byte loads and
 * 0.94 ms plane by plane.
 */
function toPlanes(pixels: Uint8Array, into: InputArray, offset: number, table: InputArray): void {
  const count = pixels.length / 3;
  const words = toWords(pixels);
  const g = offset + count;
  const b = g + count;
  const whole = count & ~3;
  for (let i = 0, w = 0; i < whole; i += 4, w += 3) {
    const x = words[w] as number;
    const y = words[w + 1] as number;
    const z = words[w + 2] as number;
    into[offset + i] = table[x & 255] as number;
    into[g + i] = table[256 + ((x >>> 8) & 255)] as number;
    into[b + i] = table[512 + ((x >>> 16) & 255)] as number;
    into[offset + i + 1] = table[x >>> 24] as number;
    into[g + i + 1] = table[256 + (y & 255)] as number;
    into[b + i + 1] = table[512 + ((y >>> 8) & 255)] as number;
    into[offset + i + 2] = table[(y >>> 16) & 255] as number;
    into[g + i + 2] = table[256 + (y >>> 24)] as number;
    into[b + i + 2] = table[512 + (z & 255)] as number;
    into[offset + i + 3] = table[(z >>> 8) & 255] as number;
    into[g + i + 3] = table[256 + ((z >>> 16) & 255)] as number;
    into[b + i + 3] = table[512 + (z >>> 24)] as number;
  }
  for (let i = whole; i < count; i++) {
    into[offset + i] = table[pixels[3 * i] as number] as number;
    into[g + i] = table[256 + (pixels[3 * i + 1] as number)] as number;
    into[b + i] = table[512 + (pixels[3 * i + 2] as number)] as number;
  }
}

/** {@link toPlanes} for inputs that take pixel values as they are: 0.38 ms instead of 0.46 ms. */
function toPlainPlanes(pixels: Uint8Array, into: InputArray, offset: number): void {
  const count = pixels.length / 3;
  const words = toWords(pixels);
  const g = offset + count;
  const b = g + count;
  const whole = count & ~3;
  for (let i = 0, w = 0; i < whole; i += 4, w += 3) {
    const x = words[w] as number;
    const y = words[w + 1] as number;
    const z = words[w + 2] as number;
    into[offset + i] = x & 255;
    into[g + i] = (x >>> 8) & 255;
    into[b + i] = (x >>> 16) & 255;
    into[offset + i + 1] = x >>> 24;
    into[g + i + 1] = y & 255;
    into[b + i + 1] = (y >>> 8) & 255;
    into[offset + i + 2] = (y >>> 16) & 255;
    into[g + i + 2] = y >>> 24;
    into[b + i + 2] = z & 255;
    into[offset + i + 3] = (z >>> 8) & 255;
    into[g + i + 3] = (z >>> 16) & 255;
    into[b + i + 3] = z >>> 24;
  }
  for (let i = whole; i < count; i++) {
    into[offset + i] = pixels[3 * i] as number;
    into[g + i] = pixels[3 * i + 1] as number;
    into[b + i] = pixels[3 * i + 2] as number;
  }
}
