import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { InputSpec } from "../domain/model.ts";
import { float16Bits, inputArray, pixelWriter } from "./to-tensor.ts";

const spec: InputSpec = {
  name: "x", width: 1, height: 1, layout: "NCHW", color: "RGB", type: "float32", fit: "stretch", anchor: "center", pad: 0, scale: 1, mean: [0, 0, 0], std: [1, 1, 1],
};

/** The definition, pixel by pixel. */
function expectedValue(input: InputSpec, pixels: Uint8Array, index: number): number {
  const channels = input.color === "GRAY" ? 1 : 3;
  const count = pixels.length / channels;
  const [channel, place] = input.layout === "NCHW" ? [Math.floor(index / count), index % count] : [index % channels, Math.floor(index / channels)];
  const value = (pixels[place * channels + channel]! * input.scale - input.mean[channel]!) / input.std[channel]!;
  return input.type === "uint8" ? Math.min(255, Math.max(0, Math.round(value))) : Math.fround(value);
}

test("every layout, colour, type and normalisation gives the numbers of the definition, also off word boundaries", () => {
  const normalisations = [
    { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    { scale: 1, mean: [104, 117, 123], std: [1, 1, 1] },
  ] as const;
  fc.assert(
    fc.property(
      fc.record({ layout: fc.constantFrom("NCHW", "NHWC"), color: fc.constantFrom("RGB", "BGR", "GRAY"), type: fc.constantFrom("float32", "uint8"), norm: fc.constantFrom(...normalisations) }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat({ max: 3 }),
      fc.integer(),
      ({ layout, color, type, norm }, width, height, shift, seed) => {
        const input = { ...spec, width, height, layout, color, type, ...norm } as InputSpec;
        const length = width * height * (color === "GRAY" ? 1 : 3);
        const pixels = new Uint8Array(new SharedArrayBuffer(length + shift), shift).map((_, index) => (seed + index * 37) & 255);
        const before = [...pixels];
        const into = inputArray(type, length + 5);
        pixelWriter(input)(pixels, into, 5);
        assert.deepEqual([...into.subarray(0, 5)], [0, 0, 0, 0, 0]);
        assert.deepEqual([...into.subarray(5)], Array.from({ length }, (_, index) => expectedValue(input, pixels, index)));
        assert.deepEqual([...pixels], before);
      },
    ),
  );
});

test("half-precision numbers have the bits of IEEE 754", () => {
  // Published examples: https://en.wikipedia.org/wiki/Half-precision_floating-point_format
  const cases: readonly [number, number][] = [
    [0, 0x0000], [2 ** -24, 0x0001], [2 ** -14, 0x0400], [0.33325195, 0x3555], [0.99951172, 0x3bff], [1, 0x3c00], [1.00097656, 0x3c01], [65504, 0x7bff], [Infinity, 0x7c00], [-2, 0xc000],
  ];
  for (const [value, bits] of cases) {
    assert.equal(float16Bits(value), bits);
  }
});
