import assert from "node:assert/strict";
import { test } from "node:test";
import { createInterpreter } from "./interpreter.ts";
import { floats, geometryOf, modelOf, tensor } from "../../test/support/task-fixtures.ts";
import type { Finding } from "../domain/result.ts";
import type { InputGeometry, Model, Tensor } from "../domain/model.ts";

const SIZE = geometryOf(64, 64);
const read = (model: Model, outputs: readonly Tensor[], geometry: InputGeometry = SIZE): Finding => createInterpreter(model).interpret(outputs, geometry);

test("softmax: the best classes, falling, above the threshold; 8-bit shares count by 256", () => {
  const model = modelOf("softmax", { task: "classify", labels: ["a", "b", "c", "d"], topK: 3, threshold: 0.15 });
  const expected = [{ label: "c", classId: 2, score: 0.5 }, { label: "a", classId: 0, score: 0.25 }];
  assert.deepEqual(read(model, [floats("o", [1, 4], [0.25, 0.125, 0.5, 0.125])]).classes, expected);
  assert.deepEqual(read(model, [tensor("o", "uint8", [1, 4, 1, 1], Uint8Array.of(64, 32, 128, 32))]).classes, expected);
  assert.throws(() => read(model, [floats("o", [1, 5], [0, 0, 0, 0, 1])]), { code: "E_MODEL_LABELS", message: /4 labels for 5 classes/ });
  assert.throws(() => read(model, [floats("o", [1, 4, 4], new Float32Array(16))]), { code: "E_MODEL_OUTPUT" });
});

test("logits: the softmax is applied, however large the numbers", () => {
  const model = modelOf("logits", { task: "classify", labels: ["a", "b", "c"], threshold: 0 });
  const { classes } = read(model, [floats("o", [1, 3], [1000 + Math.log(2), 1000, 1000 + Math.log(5)])]);
  assert.deepEqual(classes?.map(({ label, score }) => [label, Math.round(score * 1000) / 1000]), [["c", 0.625], ["a", 0.25], ["b", 0.125]]);
});

test("argmax: the same picture from planes, pixels and class maps; padding does not count", () => {
  const map = [0, 1, 1, 2, 0, 1, 2, 2];
  const model = modelOf("argmax", { task: "segment", labels: ["sky", "road", "car"] });
  const planes = floats("o", [1, 3, 2, 4], [0, 1, 2].flatMap((c) => map.map((value) => (value === c ? 3 : -1))));
  const pixels = floats("o", [1, 2, 4, 3], map.flatMap((value) => [0, 1, 2].map((c) => (value === c ? 3 : -1))));
  const maps = [tensor("o", "int64", [1, 2, 4], BigInt64Array.from(map, BigInt)), tensor("o", "uint8", [1, 2, 4, 1], Uint8Array.from(map)), tensor("o", "int32", [1, 1, 2, 4], Int32Array.from(map))];
  for (const output of [planes, pixels, ...maps]) {
    const { segments } = read(model, [output]);
    assert.deepEqual([segments?.labels, segments?.areas], [["sky", "road", "car"], [0.25, 0.375, 0.375]]);
    assert.deepEqual([...segments!.mask!.data], map);
    assert.deepEqual(segments!.mask!.region, [0, 0, 64, 64]);
  }
  // Letterboxed: the right half of the input lies beyond the picture.
  const half = read(model, [planes], geometryOf(32, 64, { inputWidth: 64 }));
  assert.deepEqual([half.segments?.labels, half.segments?.areas], [["sky", "road"], [0.5, 0.5]]);
  assert.deepEqual(half.segments?.mask?.region, [0, 0, 64, 64]);
});

test("matte: opacities as bytes, and the share above the threshold", () => {
  const model = modelOf("matte", { task: "segment", labels: ["person"] });
  const { segments } = read(model, [floats("o", [1, 2, 2, 1], [0, 0.4, 0.6, 2])]);
  assert.deepEqual([segments?.labels, segments?.areas, [...segments!.mask!.data]], [["person"], [0.5], [0, 102, 153, 255]]);
  const logits = read(modelOf("matte", { task: "segment", labels: ["person"], options: { activation: "sigmoid" } }), [floats("o", [1, 1, 1, 2], [-100, 0])]);
  assert.deepEqual([...logits.segments!.mask!.data], [0, 128]);
});

test("movenet: y before x, relative to the input; the score is the mean of the points'", () => {
  const model = modelOf("movenet", { task: "pose", labels: [], threshold: 0.2 });
  const points = Array.from({ length: 17 }, (_, k) => [0.25, k / 32, 0.5]);
  const { poses } = read(model, [floats("o", [1, 1, 17, 3], points.flat())], geometryOf(128, 64, { inputWidth: 64, scaleX: 2 }));
  assert.equal(poses?.length, 1);
  assert.deepEqual([poses[0]!.score, poses[0]!.keypoints[0], poses[0]!.keypoints[16]], [0.5, { name: "nose", x: 0, y: 16, score: 0.5 }, { name: "right_ankle", x: 64, y: 16, score: 0.5 }]);
  assert.deepEqual(read({ ...model, threshold: 0.6 }, [floats("o", [1, 1, 17, 3], points.flat())]).poses, []);
});

test("movenet with several bodies: points, then ymin, xmin, ymax, xmax and a score", () => {
  const body = (score: number): number[] => [...Array.from({ length: 17 }, () => [0.5, 0.25, 0.9]).flat(), 0.25, 0.125, 0.75, 0.5, score];
  const { poses } = read(modelOf("movenet", { task: "pose", labels: [], threshold: 0.3 }), [floats("o", [1, 3, 56], [body(0.4), body(0.1), body(0.8)].flat())]);
  assert.deepEqual(poses?.map(({ score, box }) => [Math.round(score * 10) / 10, box]), [[0.8, [8, 16, 32, 48]], [0.4, [8, 16, 32, 48]]]);
});

test("yolo-pose: points beside the box, in both layouts", () => {
  const points = Array.from({ length: 17 }, (_, k) => [k, k + 1, 0.5]).flat();
  const finished = [10, 10, 30, 30, 0.9, 0, ...points];
  const raw = [20, 20, 20, 20, 0.9, ...points];
  const weaker = [21, 20, 20, 20, 0.7, ...points];
  const columns = raw.flatMap((value, i) => [value, weaker[i]!]);
  const model = modelOf("yolo-pose", { task: "pose", labels: ["person"] });
  for (const { poses } of [
    read(model, [floats("o", [1, 56, 2], columns)]),
    read({ ...model, options: { layout: "nms" } }, [floats("o", [1, 1, 57], finished)]),
  ]) {
    assert.deepEqual(poses?.map(({ score, box, keypoints }) => [Math.round(score * 10) / 10, box, keypoints[2]]), [[0.9, [10, 10, 30, 30], { name: "right_eye", x: 2, y: 3, score: 0.5 }]]);
  }
  assert.throws(() => read(model, [floats("o", [1, 40, 2], new Float32Array(80))]), { code: "E_MODEL_OUTPUT", message: /56/ });
});

test("embed: a unit vector; zeros stay zeros", () => {
  const model = modelOf("embed", { task: "embed", labels: [] });
  assert.deepEqual([...read(model, [floats("o", [1, 2, 1, 1], [3, 4])]).embedding!].map((value) => Math.round(value * 10) / 10), [0.6, 0.8]);
  assert.deepEqual([...read(model, [floats("o", [1, 2], [0, 0])]).embedding!], [0, 0]);
});

test("image: RGB bytes from planes or pixels, either order, any range", () => {
  const model = modelOf("image", { task: "image", labels: [] });
  const planes = floats("o", [1, 3, 1, 2], [0, 10, 100, 110, 300, -5]);
  assert.deepEqual([...read(model, [planes]).image!.data], [0, 100, 255, 10, 110, 0]);
  assert.deepEqual([...read({ ...model, options: { color: "BGR" } }, [planes]).image!.data], [255, 100, 0, 0, 110, 10]);
  const unit = read({ ...model, options: { range: "0..1" } }, [floats("o", [1, 1, 2, 3], [0, 0.5, 1, 1, 2, -1])]).image!;
  assert.deepEqual([unit.width, unit.height, [...unit.data]], [2, 1, [0, 128, 255, 255, 255, 0]]);
});
