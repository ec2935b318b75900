import assert from "node:assert/strict";
import { test } from "node:test";
import type { TensorEngine } from "../contracts/tensor-engine.ts";
import type { Tensor } from "../domain/model.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { silentLogger } from "../runtime/log.ts";
import { ModelRegistry } from "./model-registry.ts";
import { DEFAULT_LIMITS, ServedModel, type ServingLimits } from "./served-model.ts";

const never = new AbortController().signal;

/** An engine that doubles numbers; it takes 10 ms a batch and remembers how many rows came. */
function doubling(clock: FakeClock, batchDimension = -1) {
  const rows: number[] = [];
  const state = { isDisposed: false };
  const engine: TensorEngine = {
    description: "test: doubles",
    inputs: [{ name: "x", type: "float32", shape: [batchDimension, -1] }],
    outputs: [{ name: "y", type: "float32", shape: [batchDimension, -1] }],
    parallelism: 1,
    infer: async ([input], signal) => {
      rows.push(input!.shape[0]!);
      await clock.sleep(10, signal);
      return [{ ...input!, name: "y", data: (input!.data as Float32Array).map((value) => value * 2) }];
    },
    [Symbol.asyncDispose]: () => {
      state.isDisposed = true;
      return Promise.resolve();
    },
  };
  return { engine, rows, state };
}

function serve(engine: TensorEngine, clock: FakeClock, limits: Partial<ServingLimits> = {}, version = "1"): ServedModel {
  return new ServedModel({ name: "m", version, engine, model: undefined, origin: "m.onnx", limits: { ...DEFAULT_LIMITS, ...limits }, clock });
}

const x = (...values: number[]): Tensor[] => [{ name: "x", type: "float32", shape: [1, values.length], data: Float32Array.from(values) }];
const two: Tensor = { name: "x", type: "float32", shape: [2, 1], data: Float32Array.from([8, 9]) };
const numbers = (outputs: readonly Tensor[]): number[] => Array.from(outputs[0]!.data as Float32Array);

test("requests that come while the engine is busy are computed together, each gets its own rows", async () => {
  const clock = new FakeClock();
  const { engine, rows } = doubling(clock);
  const served = serve(engine, clock);
  const first = served.infer(x(1), never);
  await clock.advance(1);
  const others = [served.infer(x(2), never), served.infer([two], never), served.infer(x(4, 5), never)];
  await clock.advance(100);
  assert.deepEqual(numbers(await first), [2]);
  assert.deepEqual((await Promise.all(others)).map(numbers), [[4], [16, 18], [8, 10]]);
  assert.deepEqual(rows, [1, 3, 1], "one alone, then 1 + 2 rows of one width, then the other width");
  await served[Symbol.asyncDispose]();
});

test("a model with a fixed batch gets one request at a time", async () => {
  const clock = new FakeClock();
  const { engine, rows } = doubling(clock, 1);
  const served = serve(engine, clock);
  const all = Promise.all([1, 2, 3].map((value) => served.infer(x(value), never)));
  await clock.advance(100);
  assert.deepEqual((await all).map(numbers), [[2], [4], [6]]);
  assert.deepEqual(rows, [1, 1, 1]);
});

test("a full queue refuses with a time to come back, a slow engine costs the time limit", async () => {
  const clock = new FakeClock();
  const { engine } = doubling(clock, 1);
  const served = serve(engine, clock, { queueSize: 1, timeoutMs: 5 });
  const running = assert.rejects(served.infer(x(1), never), { kind: "timeout" });
  await clock.advance(1);
  const waiting = assert.rejects(served.infer(x(2), never), { kind: "timeout" });
  await clock.advance(1);
  await assert.rejects(served.infer(x(3), never), { kind: "unavailable", retryAfterS: 1, httpStatus: 503, grpcStatus: 14 });
  await clock.advance(20);
  await Promise.all([running, waiting]);
  await served[Symbol.asyncDispose]();
  assert.equal(clock.timers, 0);
});

const WRONG: [inputs: Tensor[], message: RegExp][] = [
  [[], /Invalid number of inputs - Expected: 1; Actual: 0/],
  [[{ ...two, name: "z" }], /Missing input with specific name - Required input: x/],
  [[{ ...two, type: "int32", data: new Int32Array(2) }], /Invalid precision - Expected: float32; Actual: int32; input name: x/],
  [[{ ...two, shape: [2] }], /Invalid input shape - Expected: \(\?,\?\); Actual: \(2\); input name: x/],
  [[{ ...two, shape: [0, 1], data: new Float32Array(0) }], /Actual: \(0,1\)/],
];
for (const [inputs, message] of WRONG) {
  test(`refused before the engine sees it: ${message.source}`, async () => {
    const clock = new FakeClock();
    const { engine, rows } = doubling(clock);
    await assert.rejects(serve(engine, clock).infer(inputs, never), { kind: "invalid", message });
    assert.deepEqual(rows, []);
  });
}

test("a version is replaced while requests run: the old one finishes its own, then goes", async () => {
  const clock = new FakeClock();
  const engines = [doubling(clock), doubling(clock)];
  let opened = 0;
  const registry = new ModelRegistry({ open: (source) => Promise.resolve(serve(engines[opened++]!.engine, clock, {}, source.version)), log: silentLogger, drainMs: 10_000 });
  registry.add({ name: "m", version: "1", path: "/m.onnx", workers: 1 });
  await registry.load("m", never);
  const old = registry.use("m", "", (served) => served.infer(x(1), never));
  await clock.advance(1);
  await registry.load("m", never);
  assert.equal(engines[0]!.state.isDisposed, false);
  const next = registry.use("m", "1", (served) => served.infer(x(2), never));
  await clock.advance(50);
  assert.deepEqual([numbers(await old), numbers(await next)], [[2], [4]]);
  await clock.advance(0);
  assert.deepEqual([engines[0]!.state.isDisposed, engines[0]!.rows, engines[1]!.rows], [true, [1], [1]]);
  registry.unload("m");
  assert.throws(() => registry.get("m", ""), { kind: "unavailable", message: /is not ready: unloaded/ });
  await registry[Symbol.asyncDispose]();
  assert.equal(engines[1]!.state.isDisposed, true);
});

test("versions: the latest by number is the default, unless another was made it", () => {
  const registry = new ModelRegistry({ open: () => Promise.reject(new Error("not here")), log: silentLogger, drainMs: 1 });
  for (const version of ["2", "10", "9"]) {
    registry.add({ name: "m", version, path: "/m.onnx", workers: 1 });
  }
  assert.equal(registry.defaultVersion("m"), "10");
  registry.setDefault("m", "9");
  assert.equal(registry.defaultVersion("m"), "9");
  assert.throws(() => registry.setDefault("m", "7"), { kind: "not_found", message: "Model version: 7 does not exist for model: m" });
});
