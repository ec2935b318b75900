import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import * as ort from "onnxruntime-node";
import { asset, needsAssets } from "../../test/support/assets.ts";
import { graphAttribute, graphBytes, onnxBytes, tensorAttribute, tensorBytes } from "../../test/support/onnx-bytes.ts";
import { readGraph } from "./onnx-graph.ts";
import { readOnnxFile } from "./onnx-file.ts";
import type { OnnxParts } from "../../test/support/onnx-bytes.ts";

const PLAIN: OnnxParts = {
  inputs: [{ name: "images", shape: ["N", 3, 8, 8] }, { name: "weight", shape: [4] }],
  outputs: [{ name: "scores", shape: ["N", 10] }],
  nodes: [
    { operator: "Softmax", inputs: ["images", "weight"], outputs: ["a"] },
    { operator: "Reshape", inputs: ["a"], outputs: ["scores"] },
  ],
  initializers: [{ name: "weight" }],
  metadata: { names: "{0: 'cat'}", task: "classify" },
};

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-onnx-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

test("weights that an exporter lists as inputs are not inputs", async () => {
  const graph = await readOnnxFile(await file("plain.onnx", onnxBytes(PLAIN)));
  assert.deepEqual(graph.inputs, [{ name: "images", type: "float32", shape: [-1, 3, 8, 8] }]);
  assert.deepEqual(graph.outputs, [{ name: "scores", type: "float32", shape: [-1, 10] }]);
  assert.deepEqual(graph.inputDims, [["N", "", "", ""]]);
  assert.deepEqual(graph.producers, ["Softmax"]);
  assert.deepEqual(graph.metadata, { names: "{0: 'cat'}", task: "classify" });
  assert.deepEqual([graph.producer, graph.opset], ["test", 17]);
});

test("inputs and outputs of real models are those that ONNX Runtime sees", needsAssets, async () => {
  for (const name of ["yolox-nano/yolox_nano.onnx", "ultraface/version-RFB-320.onnx", "yunet/yunet_n_dynamic.onnx", "deeplabv3-mnv2/deeplabv3_dm05_513_uint8.onnx", "squeezenet1.0/SqueezeNet_fp16.onnx"]) {
    const path = asset(`models/${name}`);
    const graph = await readOnnxFile(path);
    const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
    const seen = (list: readonly ort.InferenceSession.ValueMetadata[]): unknown => list.map((value) =>
      value.isTensor ? { name: value.name, type: value.type, shape: value.shape.map((n) => (typeof n === "number" ? n : -1)) } : value);
    assert.deepEqual(graph.inputs, seen(session.inputMetadata));
    assert.deepEqual(graph.outputs, seen(session.outputMetadata));
    await session.release();
  }
});

for (const [what, parts] of [
  ["an initializer", { ...PLAIN, initializers: [{ name: "w", location: "../secret" }] }],
  ["an absolute path", { ...PLAIN, initializers: [{ name: "w", location: "/etc/passwd" }] }],
  ["a Windows path", { ...PLAIN, initializers: [{ name: "w", location: "C:\\secret" }] }],
  ["a constant", { ...PLAIN, nodes: [{ operator: "Constant", inputs: [], outputs: ["c"], attributes: [tensorAttribute(tensorBytes("w", "../secret"))] }] }],
  ["a graph inside a graph", { ...PLAIN, nodes: [{ operator: "If", inputs: [], outputs: ["c"], attributes: [graphAttribute(graphBytes({ ...PLAIN, initializers: [{ name: "w", location: "a/../../secret" }] }))] }] }],
] satisfies [string, OnnxParts][]) {
  test(`external data outside the model's folder is refused: ${what}`, async () => {
    await assert.rejects(readOnnxFile(await file("hostile.onnx", onnxBytes(parts))), { code: "E_MODEL_EXTERNAL_DATA" });
  });
}

test("external data beside the model is fine, a link that leads out is not, a missing file is named", async () => {
  await mkdir(join(folder, "data"), { recursive: true });
  await writeFile(join(folder, "data", "weights.bin"), "x");
  const inside = await file("inside.onnx", onnxBytes({ ...PLAIN, initializers: [{ name: "w", location: "data/weights.bin" }] }));
  assert.deepEqual((await readOnnxFile(inside)).externalData, ["data/weights.bin"]);
  await symlink("/etc/hostname", join(folder, "data", "link.bin"));
  const linked = await file("linked.onnx", onnxBytes({ ...PLAIN, initializers: [{ name: "w", location: "data/link.bin" }] }));
  await assert.rejects(readOnnxFile(linked), { code: "E_MODEL_EXTERNAL_DATA" });
  const missing = await file("missing.onnx", onnxBytes({ ...PLAIN, initializers: [{ name: "w", location: "gone.bin" }] }));
  await assert.rejects(readOnnxFile(missing), { code: "E_MODEL_BROKEN", message: /gone\.bin/ });
});

test("what is no ONNX model is refused with the reason", async () => {
  const cases: [string, Uint8Array | string, RegExp][] = [
    ["empty.onnx", "", /empty/],
    ["text.onnx", "hello, this is a shopping list\n", /not an ONNX model|no graph/],
    ["pointer.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", /Git LFS pointer/],
    ["page.onnx", "<!DOCTYPE html><html></html>", /web page/],
    ["torch.onnx", "PK\u0003\u0004whatever", /ZIP/],
    ["cut.onnx", onnxBytes(PLAIN).subarray(0, 60), /cut short/],
  ];
  for (const [name, content, reason] of cases) {
    await assert.rejects(readOnnxFile(await file(name, content)), { code: "E_MODEL_BROKEN", message: reason });
  }
  await assert.rejects(readOnnxFile(folder), { code: "E_MODEL_BROKEN" });
  await assert.rejects(readOnnxFile(join(folder, "nothing.onnx")), { code: "E_MODEL_NOT_FOUND" });
});

test("graphs nested without end are refused", () => {
  let graph = graphBytes(PLAIN);
  for (let depth = 0; depth < 40; depth++) {
    graph = graphBytes({ ...PLAIN, nodes: [{ operator: "If", inputs: [], outputs: [], attributes: [graphAttribute(graph)] }] });
  }
  assert.throws(() => readGraph(onnxBytes({ ...PLAIN, nodes: [{ operator: "If", inputs: [], outputs: [], attributes: [graphAttribute(graph)] }] })), /nested/);
});

test("damaged files end with an error or a graph, never with anything else", () => {
  const whole = onnxBytes(PLAIN);
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), fc.nat(whole.length), (changes, end) => {
    const bytes = whole.slice(0, end);
    changes.forEach(([at, value]) => (bytes[at] = value));
    const before = bytes.slice();
    try {
      readGraph(bytes);
    } catch (error) {
      assert.ok(error instanceof Error);
    }
    assert.deepEqual(bytes, before);
  }), { numRuns: 500 });
});
