import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { asset, needsAssets } from "../../test/support/assets.ts";
import { onnxBytes } from "../../test/support/onnx-bytes.ts";
import { examineModel, resolveModel } from "./resolve.ts";
import type { Declared, OnnxParts } from "../../test/support/onnx-bytes.ts";
import type { TestContext } from "node:test";

const picture = (...shape: (number | string)[]): Declared => ({ name: "images", shape });
const output = (...shape: (number | string)[]): Declared => ({ name: "output", shape });
const made = (operator: string): NonNullable<OnnxParts["nodes"]> => [{ operator, inputs: ["images"], outputs: ["output"] }];

async function folderWith(t: TestContext, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vedette-model-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content);
  }
  return folder;
}

const YOLOX = onnxBytes({ inputs: [picture(1, 3, 416, 416)], outputs: [output(1, 3549, 85)] });
const YOLOV8 = onnxBytes({
  inputs: [picture("batch", 3, "height", "width")],
  outputs: [output("batch", 6, "anchors")],
  metadata: { task: "detect", names: `{0: 'person', 1: "driver's cab"}`, imgsz: "[480, 640]", stride: "32" },
});

test("a known detector needs nothing but its file", needsAssets, async (t) => {
  const folder = await folderWith(t, {});
  await copyFile(asset("models/yolox-nano/yolox_nano.onnx"), join(folder, "yolox_nano.onnx"));
  const model = await resolveModel(join(folder, "yolox_nano.onnx"));
  assert.deepEqual([model.name, model.task, model.family, model.labels[0], model.labels.length, model.maxBatch], ["yolox_nano", "detect", "yolox", "person", 80, 1]);
  assert.deepEqual(model.input, {
    name: "images", width: 416, height: 416, layout: "NCHW", color: "BGR", type: "float32",
    fit: "letterbox", anchor: "top-left", pad: 114, scale: 1, mean: [0, 0, 0], std: [1, 1, 1],
  });
});

test("Ultralytics' metadata gives labels, size and task", async (t) => {
  const folder = await folderWith(t, { "best.onnx": YOLOV8 });
  const { family, labels, input, maxBatch } = await resolveModel(join(folder, "best.onnx"));
  assert.deepEqual([family, labels, input.width, input.height, input.fit, input.anchor, maxBatch], ["yolo", ["person", "driver's cab"], 640, 480, "letterbox", "center", 8]);
});

test("a manifest beside the weights overrides what the file says, flags override both", async (t) => {
  const folder = await folderWith(t, {
    "net.onnx": YOLOX,
    "net.yaml": "family: yolox\nlabels: coco\nthreshold: 0.6\ninput: { color: RGB }\nclassThresholds: { person: 0.2 }\nmaxBatch: 4\n",
  });
  const fromFile = await resolveModel(join(folder, "net.onnx"));
  assert.deepEqual([fromFile.threshold, fromFile.input.color, fromFile.classThresholds, fromFile.maxBatch], [0.6, "RGB", { person: 0.2 }, 1]);
  assert.deepEqual(await resolveModel(join(folder, "net.yaml"), { threshold: 0.3 }), { ...fromFile, threshold: 0.3 }, "the manifest finds its weights");
  const withFile = await folderWith(t, { "net.onnx": YOLOX, "other.yaml": "file: net.onnx\nthreshold: 0.6\n" });
  assert.equal((await resolveModel(join(withFile, "other.yaml"), { threshold: 0.3 })).threshold, 0.3);
  assert.equal((await resolveModel("other.yaml", {}, { baseDir: withFile })).threshold, 0.6);
});

test("what is missing is asked for by name, with the flags for it", async (t) => {
  const folder = await folderWith(t, {
    "features.onnx": onnxBytes({ inputs: [picture(1, 3, 64, 64)], outputs: [output(1, 128)], nodes: made("Gemm") }),
    "classes.onnx": onnxBytes({ inputs: [picture(1, 3, 64, 64)], outputs: [output(1, 12)], nodes: made("Softmax") }),
    "open.onnx": onnxBytes({ inputs: [picture("N", 3, "h", "w")], outputs: [output("N", 12)], nodes: made("Softmax") }),
  });
  const missing = async (name: string, flags = {}): Promise<string[]> => (await examineModel(join(folder, name), flags)).missing.map(({ flag }) => flag.split(" ")[0]!);
  await assert.rejects(resolveModel(join(folder, "features.onnx")), { code: "E_MODEL_INCOMPLETE", message: /family \(one of softmax, logits, embed, by the outputs\)/ });
  assert.deepEqual(await missing("features.onnx", { family: "embed" }), ["--normalise"]);
  assert.deepEqual(await missing("features.onnx", { task: "embed", input: { normalise: "0..1" } }), []);
  assert.deepEqual(await missing("classes.onnx"), ["--normalise", "--labels"]);
  assert.deepEqual(await missing("open.onnx"), ["--input-size", "--normalise", "--labels"]);
});

test("labels of the right length beside the weights are taken, others are not", async (t) => {
  const classifier = onnxBytes({ inputs: [picture(1, 3, 64, 64)], outputs: [output(1, 3)], nodes: made("Softmax") });
  const folder = await folderWith(t, { "net.onnx": classifier, "labels.txt": "one\ntwo\nthree\n", "classes.txt": "a\nb\n" });
  const { labels } = await resolveModel(join(folder, "net.onnx"), { input: { normalise: "0..1" } });
  assert.deepEqual(labels, ["one", "two", "three"]);
  const wrong = resolveModel(join(folder, "net.onnx"), { labels: "classes.txt", input: { normalise: "0..1" } }, { baseDir: folder });
  await assert.rejects(wrong, { code: "E_MODEL_LABELS", message: /2 labels for 3 classes/ });
  await assert.rejects(resolveModel(join(folder, "net.onnx"), { labels: "nowhere.txt" }), { code: "E_MODEL_MANIFEST", message: /nowhere\.txt.*built-in set/ });
});

test("a published classifier finds ImageNet's labels where the user put them", needsAssets, async (t) => {
  const folder = await folderWith(t, { "imagenet-1000.txt": Array.from({ length: 1000 }, (_, i) => `thing ${i}`).join("\n") });
  await copyFile(asset("models/squeezenet1.0/SqueezeNet_fp16.onnx"), join(folder, "net.onnx"));
  assert.equal((await resolveModel(join(folder, "net.onnx"), {}, { labelsDir: folder })).labels[281], "thing 281");
  await assert.rejects(resolveModel(join(folder, "net.onnx"), {}, { labelsDir: join(folder, "none") }), { code: "E_MODEL_INCOMPLETE", message: /labels \(1000 classes\)/ });
});

test("a family that cannot read the outputs says what it expected and what came", async (t) => {
  const folder = await folderWith(t, { "net.onnx": YOLOX });
  await assert.rejects(resolveModel(join(folder, "net.onnx"), { family: "yunet" }), { code: "E_MODEL_OUTPUT", message: /cls_S.*got output float32 \[1, 3549, 85\]/ });
  await assert.rejects(resolveModel(join(folder, "net.onnx"), { family: "yolo9000" }), { code: "E_MODEL_MANIFEST", message: /expected a family: .*yolox/ });
  await assert.rejects(resolveModel(join(folder, "net.onnx"), { family: "yolox", task: "classify" }), { code: "E_MODEL_MANIFEST", message: /of task classify: softmax/ });
});

test("options that the family does not take are refused before anything runs", async (t) => {
  const folder = await folderWith(t, { "net.onnx": YOLOX });
  await assert.rejects(resolveModel(join(folder, "net.onnx"), { options: { stride: 8 } }), { code: "E_MODEL_MANIFEST", message: /stride.*family yolox/ });
  assert.deepEqual((await resolveModel(join(folder, "net.onnx"))).options, { strides: [8, 16, 32], decoded: false });
});

test("networks that take no picture are refused with the reason", async (t) => {
  const bad: [string, OnnxParts["inputs"], RegExp][] = [
    ["two.onnx", [picture(1, 3, 8, 8), { name: "shape", shape: [1, 2] }], /2 inputs/],
    ["vector.onnx", [picture(1, 100)], /cannot take a picture/],
    ["batch.onnx", [picture(4, 3, 8, 8)], /batch size/],
    ["deep.onnx", [{ ...picture(1, 3, 8, 8), type: 7 }], /float32, float16 or uint8/],
  ];
  const folder = await folderWith(t, Object.fromEntries(bad.map(([name, inputs]) => [name, onnxBytes({ inputs, outputs: [output(1, 10)] })])));
  for (const [name, , reason] of bad) {
    await assert.rejects(resolveModel(join(folder, name)), { code: "E_MODEL_BROKEN", message: reason });
  }
});

test("a manifest with a misspelt key or a wrong value names it", async (t) => {
  const folder = await folderWith(t, { "a.yaml": "file: x.onnx\ntreshold: 0.5\n", "b.yaml": "input: { color: PINK }\n", "c.yaml": ": : :\n\t-" });
  await assert.rejects(resolveModel(join(folder, "a.yaml")), { code: "E_MODEL_MANIFEST", message: /treshold/ });
  await assert.rejects(resolveModel(join(folder, "b.yaml")), { code: "E_MODEL_MANIFEST", message: /input\.color/ });
  await assert.rejects(resolveModel(join(folder, "c.yaml")), { code: "E_MODEL_MANIFEST" });
  await assert.rejects(resolveModel("yolo"), { code: "E_MODEL_NOT_FOUND" });
});

test("a network whose outputs do not vary is never batched, and a model may forbid it", needsAssets, async () => {
  assert.equal((await resolveModel(asset("models/person-reid-0288/person-reidentification-retail-0288.onnx"))).maxBatch, 1);
  assert.equal((await resolveModel(asset("models/yolox-nano/yolox_nano_dynbatch.onnx"))).maxBatch, 8);
});

test("a name is looked up where the caller keeps its models", async (t) => {
  const folder = await folderWith(t, { "net.onnx": YOLOX });
  const named = (name: string): Promise<string | undefined> => Promise.resolve(name === "people" ? join(folder, "net.onnx") : undefined);
  assert.equal((await resolveModel("people", {}, { named })).family, "yolox");
  await assert.rejects(resolveModel("animals", {}, { named }), { code: "E_MODEL_NOT_FOUND" });
});
