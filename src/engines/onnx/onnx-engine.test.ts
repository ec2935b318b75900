import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import type { z } from "zod";
import type { Engine, EngineRequest } from "../../contracts/engine.ts";
import type { InputSpec, Model } from "../../domain/model.ts";
import { mediaTimeUs } from "../../domain/time.ts";
import { VedetteError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { asset, needsAssets } from "../../../test/support/assets.ts";
import { MISBEHAVE, type Summary } from "../../../test/support/sum-interpreter.ts";
import { identityModel, tinyOnnx } from "../../../test/support/tiny-onnx.ts";
import { engineContract, onlyReply } from "../engine.contract.ts";
import { onnxEngine } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "vedette-onnx-"));
after(() => rmSync(folder, { recursive: true }));

const never = new AbortController().signal;
const sums = new URL("../../../test/support/sum-interpreter.ts", import.meta.url);
const geometry = { sourceWidth: 4, sourceHeight: 2, inputWidth: 4, inputHeight: 2, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };

const plainInput: InputSpec = {
  name: "x", width: 4, height: 2, layout: "NCHW", color: "RGB", type: "float32", fit: "stretch", anchor: "center", pad: 0, scale: 1, mean: [0, 0, 0], std: [1, 1, 1],
};

function makeModel(file: string, input: Partial<InputSpec> = {}, more: Partial<Model> = {}): Model {
  return {
    name: "tiny", file, task: "detect", family: "sum", input: { ...plainInput, ...input }, maxBatch: 1, labels: [], threshold: 0.5,
    classThresholds: {}, nmsIou: 0.5, topK: 5, options: {}, ...more,
  };
}

let files = 0;
function written(bytes: Uint8Array): string {
  const file = join(folder, `${String(files++)}.onnx`);
  writeFileSync(file, bytes);
  return file;
}

function openEngine(model: Model, config: Partial<z.input<typeof onnxEngine.schema>> = {}, signal = never): Promise<Engine> {
  const context = { stream: "", clock: systemClock, log: silentLogger, baseDir: folder, dataDir: folder, allowAnonymous: false };
  // open may throw at once, as a caller's mistake deserves.
  return Promise.try(() => onnxEngine.open(onnxEngine.schema.parse({ kind: "onnx", ...config }), model, { module: sums, model }, context, signal));
}

async function opened(t: TestContext, model: Model, config: Partial<z.input<typeof onnxEngine.schema>> = {}): Promise<Engine> {
  const engine = await openEngine(model, config);
  t.after(() => engine[Symbol.asyncDispose]());
  return engine;
}

function request(input: InputSpec, data: Uint8Array, offsetX = 0): EngineRequest {
  const channels = input.color === "GRAY" ? 1 : 3;
  return { pixels: { data, width: input.width, height: input.height, channels, geometry: { ...geometry, offsetX } }, ptsUs: mediaTimeUs(0) };
}

function grey(value: number, input = plainInput): Uint8Array {
  return new Uint8Array(input.width * input.height * (input.color === "GRAY" ? 1 : 3)).fill(value);
}

async function summary(engine: Engine, asked: EngineRequest): Promise<Summary> {
  return onlyReply(await engine.infer([asked], never)).finding.data as Summary;
}

const ramp = Uint8Array.from({ length: 24 }, (_, index) => index * 10);
const identity = written(identityModel("float32", ["N", 3, 2, 4]));

engineContract({
  name: "onnx, one frame at a time",
  open: (signal) => openEngine(makeModel(identity), { executors: 2 }, signal),
  request: (n) => request(plainInput, grey(n)),
  badRequest: () => request(plainInput, grey(1), MISBEHAVE.throw),
});

engineContract({
  name: "onnx, batches",
  open: (signal) => openEngine(makeModel(identity, {}, { maxBatch: 4 }), { executors: 2 }, signal),
  request: (n) => request(plainInput, grey(n)),
  badRequest: () => request(plainInput, grey(1), MISBEHAVE.refuse),
});

test("pixels arrive in the network as the manifest says: planes, order, mean, scale", async (t) => {
  const input: Partial<InputSpec> = { scale: 1 / 255, mean: [0.5, 0.25, 0], std: [0.5, 0.25, 2] };
  const engine = await opened(t, makeModel(identity, input), { executors: 1 });
  const { first, shapes } = await summary(engine, request(plainInput, ramp));
  assert.deepEqual(shapes, [[1, 3, 2, 4]]);
  const expected = [0, 1, 2, 3, 4, 5, 6, 7].map((pixel) => (pixel * 30) / 255).map((value) => Math.fround((value - 0.5) / 0.5));
  assert.deepEqual(first.slice(0, 8), expected);
  assert.equal(first[8], Math.fround((10 / 255 - 0.25) / 0.25));
});

test("float16 networks get and give half-precision bits", async (t) => {
  const engine = await opened(t, makeModel(written(identityModel("float16", [1, 3, 2, 4])), { type: "float16" }), { executors: 1 });
  const { first, types } = await summary(engine, request(plainInput, grey(1)));
  assert.deepEqual(types, ["float16"]);
  // 1.0 in IEEE 754 binary16.
  assert.equal(first[0], 0x3c00);
});

test("uint8 networks with packed input get the pixels as they are", async (t) => {
  const engine = await opened(t, makeModel(written(identityModel("uint8", [1, 2, 4, 3])), { type: "uint8", layout: "NHWC" }), { executors: 1 });
  assert.deepEqual((await summary(engine, request(plainInput, ramp))).first, [...ramp.subarray(0, 12)]);
});

test("a network with a fixed batch is run padded", async (t) => {
  const engine = await opened(t, makeModel(written(identityModel("float32", [3, 3, 2, 4])), {}, { maxBatch: 3 }), { executors: 1 });
  assert.deepEqual(engine.batchSizes, [1, 3]);
  const replies = await engine.infer([request(plainInput, grey(1)), request(plainInput, grey(2))], never);
  assert.deepEqual(replies.map(({ finding }) => (finding.data as Summary).sums[0]), [24, 48]);
});

test("a network whose outputs cannot be told apart by frame is run frame by frame", async (t) => {
  const file = written(
    tinyOnnx({
      nodes: [{ op: "Flatten", inputs: ["x"], outputs: ["f"], ints: { axis: 0 } }],
      inputs: [{ name: "x", type: "float32", shape: ["N", 3, 2, 4] }],
      outputs: [{ name: "f", type: "float32", shape: [1, "M"] }],
    }),
  );
  const engine = await opened(t, makeModel(file, {}, { maxBatch: 4 }), { executors: 1 });
  assert.deepEqual(engine.batchSizes, [1]);
  const replies = await engine.infer([request(plainInput, grey(1)), request(plainInput, grey(2))], never);
  assert.deepEqual(replies.map(({ finding }) => (finding.data as Summary).sums[0]), [24, 48]);
});

test("a file that is no model is refused with ONNX Runtime's reason", async () => {
  await assert.rejects(openEngine(makeModel(written(Buffer.from("not a model")))), (error: VedetteError) => {
    assert.equal(error.code, "E_MODEL_BROKEN");
    assert.match(error.message, /^model tiny cannot be loaded: Protobuf parsing failed/);
    return true;
  });
});

test("a network that loads but cannot run is found when it is opened", async () => {
  const file = written(
    tinyOnnx({
      nodes: [{ op: "Squeeze", inputs: ["x", "axes"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "float32", shape: ["N", "C", "H", "W"] }],
      outputs: [{ name: "y", type: "float32", shape: ["A", "B", "D"] }],
      constants: [{ name: "axes", int64: [1] }],
    }),
  );
  await assert.rejects(openEngine(makeModel(file)), (error: VedetteError) => error.code === "E_MODEL_BROKEN" && /Squeeze/.test(error.message));
});

test("weights outside the model's folder are not read", async () => {
  writeFileSync(join(tmpdir(), `${folder.split("/").at(-1)!}.bin`), new Uint8Array(96));
  const file = written(
    tinyOnnx({
      nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "float32", shape: [1, 3, 2, 4] }],
      outputs: [{ name: "y", type: "float32", shape: [1, 3, 2, 4] }],
      constants: [{ name: "w", shape: [1, 3, 2, 4], externalFile: `../${folder.split("/").at(-1)!}.bin` }],
    }),
  );
  await assert.rejects(openEngine(makeModel(file)), (error: VedetteError) => {
    assert.equal(error.code, "E_MODEL_BROKEN");
    assert.match(error.message, /external data/i);
    return true;
  });
  rmSync(`${folder}.bin`);
});

test("a provider that is not here is refused by name, with those that are", async () => {
  const missing = process.platform === "darwin" ? "cuda" : "coreml";
  await assert.rejects(openEngine(makeModel(identity), { provider: missing }), (error: VedetteError) => {
    assert.equal(error.code, "E_ENGINE_UNAVAILABLE");
    assert.match(error.message, new RegExp(`execution provider ${missing} is not available`));
    assert.match(error.hint, /cpu/);
    return true;
  });
});

test("a model without a file is refused at once", async () => {
  await assert.rejects(openEngine(makeModel("", {}, { file: undefined })), (error: VedetteError) => error.code === "E_MODEL_INCOMPLETE");
});

for (const how of ["exit", "hoard"] as const) {
  test(`a thread that dies (${how}) loses its own frame, and another takes its place`, { timeout: 60_000 }, async (t) => {
    const engine = await opened(t, makeModel(identity), { executors: 1 });
    const dying = engine.infer([request(plainInput, grey(1), MISBEHAVE[how])], never);
    const behind = summary(engine, request(plainInput, grey(2)));
    await assert.rejects(dying, (error: VedetteError) => error.code === "E_ENGINE_FAILED" && error.retryable && /thread/.test(error.message));
    assert.deepEqual((await behind).sums, [48]);
  });
}

test("disposal ends a thread that hangs", async () => {
  const engine = await openEngine(makeModel(identity), { executors: 1 });
  const hanging = engine.infer([request(plainInput, grey(1), MISBEHAVE.hang)], never);
  const settled = assert.rejects(hanging, VedetteError);
  await engine[Symbol.asyncDispose]();
  await settled;
});

test("an interpreter's coded error arrives as it was thrown", async (t) => {
  const engine = await opened(t, makeModel(identity), { executors: 1 });
  await assert.rejects(engine.infer([request(plainInput, grey(1), MISBEHAVE.refuse)], never), (error: VedetteError) => error.code === "E_MODEL_OUTPUT" && error.details["expected"] === "politeness");
});

test("too few pixels are the caller's mistake", async (t) => {
  const engine = await opened(t, makeModel(identity), { executors: 1 });
  await assert.rejects(engine.infer([request(plainInput, new Uint8Array(7))], never), /expected 24 bytes of pixels \(4 × 2 × 3\), got 7/);
});

test("pixels on shared memory and elsewhere give the same", async (t) => {
  const engine = await opened(t, makeModel(identity), { executors: 1 });
  const shared = new Uint8Array(new SharedArrayBuffer(64));
  shared.set(ramp);
  assert.deepEqual(await summary(engine, request(plainInput, shared)), await summary(engine, request(plainInput, ramp)));
});

const REAL: readonly { file: string; input: Partial<InputSpec>; shape: readonly number[] }[] = [
  { file: "mnist/mnist.onnx", input: { name: "Input3", width: 28, height: 28, color: "GRAY" }, shape: [1, 10] },
  { file: "yolox-nano/yolox_nano.onnx", input: { name: "images", width: 416, height: 416, color: "BGR" }, shape: [1, 3549, 85] },
  { file: "mobilenetv2-int8/mobilenet_v2_224_uint8.onnx", input: { type: "uint8", layout: "NHWC", width: 224, height: 224 }, shape: [1, 1001] },
  { file: "squeezenet1.0/SqueezeNet_fp16.onnx", input: { name: "data_0", type: "float16", width: 224, height: 224 }, shape: [1, 1000, 1, 1] },
  { file: "yunet/yunet_n_dynamic.onnx", input: { name: "input", width: 320, height: 256 }, shape: [1, 1280, 1] },
];

for (const { file, input, shape } of REAL) {
  test(`runs ${file}`, needsAssets, async (t) => {
    const { InferenceSession } = await import("onnxruntime-node");
    const session = await InferenceSession.create(asset(`models/${file}`));
    const spec = { ...plainInput, name: session.inputNames[0]!, ...input };
    await session.release();
    const engine = await opened(t, makeModel(asset(`models/${file}`), spec), { executors: 1 });
    const { shapes } = await summary(engine, request(spec, grey(90, spec)));
    assert.deepEqual(shapes[0], shape);
  });
}
