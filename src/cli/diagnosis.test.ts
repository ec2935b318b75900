import assert from "node:assert/strict";
import { test } from "node:test";
import { diagnose } from "./diagnosis.ts";
import type { Measurement, Pace } from "./self-measurement.ts";

const pace = (cpuMsPerFrame: number): Pace => ({ fps: 100, cpuMsPerFrame, meanMs: { decode: 1 }, by: "" });
const measured = (decodeMs: number, networkMs: number): Measurement => ({ clip: "", encode: pace(1), decode: pace(decodeMs), motion: pace(1), network: pace(networkMs) });
const plain = { cores: 2, providers: ["cpu"], hwaccels: [] };

test("a network that costs more than decoding is the bottleneck; a GPU is advised where there is one", () => {
  const { bottleneck, advice } = diagnose(measured(2, 22), plain);
  assert.equal(bottleneck, "inference");
  assert.match(advice, /^--fps/);
  assert.match(diagnose(measured(2, 22), { ...plain, providers: ["cpu", "webgpu", "cuda"] }).advice, /^--engine onnx:cuda/);
});

test("decoding is the bottleneck where the network is light; hardware is advised where it opens", () => {
  assert.equal(diagnose(measured(8, 10), plain).bottleneck, "decoding");
  assert.doesNotMatch(diagnose(measured(8, 10), plain).advice, /hwaccel/);
  assert.match(diagnose(measured(8, 10), { ...plain, hwaccels: ["vaapi"] }).advice, /^--hwaccel vaapi/);
});

test("cameras: four fifths of two cores, 25 × 4 ms to decode and 5 × 20 ms to analyse", () => {
  assert.equal(diagnose(measured(4, 24), plain).cameras, 8);
});
