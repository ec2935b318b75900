// Detect families on outputs written by hand from the publications' formulas: each case states the boxes first.
import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "node:test";
import { createInterpreter, interpreterModuleFor } from "./interpreter.ts";
import { FAMILIES } from "./index.ts";
import { floats, geometryOf, modelOf, tensor } from "../../test/support/task-fixtures.ts";
import type { Box, Detection } from "../domain/result.ts";
import type { InputGeometry, Model, Tensor } from "../domain/model.ts";

const SIZE = geometryOf(64, 64);
const detect = (model: Model, outputs: readonly Tensor[], geometry: InputGeometry = SIZE): readonly Detection[] => createInterpreter(model).interpret(outputs, geometry).detections ?? [];
const round = (box: Box): number[] => box.map((side) => Math.round(side * 100) / 100);
const seen = (found: readonly Detection[]): unknown => found.map(({ label, score, box }) => [label, Math.round(score * 100) / 100, round(box)]);

/** Rows of numbers as columns: the v8 layout. */
const turned = (rows: readonly (readonly number[])[]): number[] => rows[0]!.flatMap((_, k) => rows.map((row) => row[k]!));

const CAT: readonly number[] = [10, 10, 30, 30];
const DOG: readonly number[] = [20, 40, 60, 60];
/** [left, top, right, bottom] as centre and size. */
const centred = ([x1, y1, x2, y2]: readonly number[]): number[] => [(x1! + x2!) / 2, (y1! + y2!) / 2, x2! - x1!, y2! - y1!];
const BOTH = [["cat", 0.9, CAT], ["dog", 0.75, DOG]];

test("yolo v8: [1, 4 + classes, boxes], and the same turned", () => {
  const rows = [[...centred(CAT), 0.9, 0.1], [...centred([11, 10, 31, 30]), 0.8, 0.1], [...centred(DOG), 0.05, 0.75], [...centred(DOG), 0.3, 0.4]];
  assert.deepEqual(seen(detect(modelOf("yolo"), [floats("o", [1, 6, 4], turned(rows))])), BOTH);
  assert.deepEqual(seen(detect(modelOf("yolo", { options: { layout: "v8-rows" } }), [floats("o", [1, 4, 6], rows.flat())])), BOTH);
});

test("yolo v5: [1, boxes, 5 + classes], the score is objectness times class", () => {
  const rows = [[...centred(CAT), 0.9, 1, 0.1], [...centred(DOG), 1, 0.05, 0.75], [...centred(DOG), 0.6, 0.5, 0.8]];
  assert.deepEqual(seen(detect(modelOf("yolo"), [floats("o", [1, 3, 7], rows.flat())])), BOTH);
  const relative = rows.map((row) => row.map((value, k) => (k < 4 ? value / 64 : value)));
  assert.deepEqual(seen(detect(modelOf("yolo", { options: { relative: true } }), [floats("o", [1, 3, 7], relative.flat())])), BOTH);
});

test("yolo suppressed in the network: [1, boxes, 6]", () => {
  const rows = [[...CAT, 0.9, 0], [...DOG, 0.75, 1], [...DOG, 0.74, 1], [0, 0, 0, 0, 0, 0]];
  assert.deepEqual(seen(detect(modelOf("yolo"), [floats("o", [1, 4, 6], rows.flat())])), [...BOTH, ["dog", 0.74, DOG]], "nothing is suppressed again");
});

test("boxes are reported in source pixels and clipped to the picture", () => {
  const geometry = geometryOf(128, 64, { inputWidth: 64, inputHeight: 64, scaleX: 2, scaleY: 2, offsetY: -32 });
  const rows = [[...CAT, 0.9, 0], [-10, 16, 20, 70, 0.8, 0], [10, 0, 20, 10, 0.7, 0]];
  assert.deepEqual(seen(detect(modelOf("yolo"), [floats("o", [1, 3, 6], rows.flat())], geometry)), [["cat", 0.9, [20, 0, 60, 28]], ["cat", 0.8, [0, 0, 40, 64]]]);
});

test("thresholds of single classes override the general one, both ways", () => {
  const rows = [[...CAT, 0.45, 0], [...DOG, 0.6, 1]];
  const found = (classThresholds: Record<string, number>): unknown => detect(modelOf("yolo", { classThresholds }), [floats("o", [1, 2, 6], rows.flat())]).map(({ label }) => label);
  assert.deepEqual(found({}), ["dog"]);
  assert.deepEqual(found({ cat: 0.4 }), ["dog", "cat"]);
  assert.deepEqual(found({ cat: 0.4, dog: 0.7 }), ["cat"]);
});

test("ssd: rows of [image, class, score, relative corners]; a negative image ends them", () => {
  const relative = (box: readonly number[]): number[] => box.map((side) => side / 64);
  const rows = [[0, 0, 0.9, ...relative(CAT)], [0, 1, 0.75, ...relative(DOG)], [0, 1, 0.2, ...relative(DOG)], [-1, 0, 0, 0, 0, 0, 0], [0, 0, 0.9, ...relative(DOG)]];
  assert.deepEqual(seen(detect(modelOf("ssd"), [floats("detection_out", [1, 1, 5, 7], rows.flat())])), BOTH);
  const fromOne = rows.map(([image, classId, ...rest]) => [image!, classId! + 1, ...rest]);
  assert.deepEqual(seen(detect(modelOf("ssd", { options: { firstClass: 1 } }), [floats("detection_out", [1, 1, 5, 7], fromOne.flat())])), BOTH);
});

test("ssd: boxes, classes, scores and count, whatever their order", () => {
  const boxes = floats("boxes", [1, 3, 4], [CAT, DOG, DOG].flatMap(([x1, y1, x2, y2]) => [y1! / 64, x1! / 64, y2! / 64, x2! / 64]));
  const classes = floats("b", [1, 3], [0, 1, 1]);
  const scores = floats("c", [1, 3], [0.9, 0.75, 0.7]);
  const count = floats("d", [1], [2]);
  assert.deepEqual(seen(detect(modelOf("ssd"), [boxes, classes, scores, count])), BOTH);
  assert.deepEqual(seen(detect(modelOf("ssd"), [scores, boxes, count, classes])), BOTH);
  const renamed = [{ ...classes, name: "detection_classes" }, boxes, count, { ...scores, name: "detection_scores" }];
  assert.deepEqual(seen(detect(modelOf("ssd"), renamed)), BOTH);
});

test("detr: softmax over the classes and no object; sigmoid where every class stands alone", () => {
  const boxes = floats("pred_boxes", [1, 3, 4], [CAT, DOG, DOG].flatMap((box) => centred(box).map((side) => side / 64)));
  // ln p + any constant has p as its softmax.
  const shares = [[0.9, 0.05, 0.05], [0.05, 0.75, 0.2], [0.2, 0.2, 0.6]];
  const logits = floats("logits", [1, 3, 3], shares.flat().map((p) => Math.log(p) + 7));
  const softmax = modelOf("detr", { nmsIou: 1 });
  assert.deepEqual(seen(detect(softmax, [logits, boxes])), BOTH);
  const odds = floats("labels", [1, 3, 2], [[0.9, 0.1], [0.1, 0.75], [0.2, 0.2]].flat().map((p) => Math.log(p / (1 - p))));
  assert.deepEqual(seen(detect(modelOf("detr", { nmsIou: 1, options: { activation: "sigmoid" } }), [{ ...boxes, name: "dets" }, odds])), BOTH);
});

test("detectnet: offsets from the middle of the cell, 35 pixels each", () => {
  // Stride 16: the middle of cell (1, 1) is at 16.5, that of (2, 3) — column 2, row 3 — at 32.5, 48.5.
  const coverage = new Float32Array(2 * 16);
  const boxes = new Float32Array(8 * 16);
  const put = (c: number, column: number, row: number, score: number, box: readonly number[]): void => {
    const cell = row * 4 + column;
    coverage[c * 16 + cell] = score;
    const [x, y] = [column * 16 + 0.5, row * 16 + 0.5];
    [(x - box[0]!) / 35, (y - box[1]!) / 35, (box[2]! - x) / 35, (box[3]! - y) / 35].forEach((offset, k) => (boxes[(c * 4 + k) * 16 + cell] = offset));
  };
  put(0, 1, 1, 0.9, CAT);
  put(0, 0, 1, 0.6, [12, 10, 32, 30]);
  put(1, 2, 3, 0.75, DOG);
  const outputs = [floats("conv2d_bbox", [1, 8, 4, 4], boxes), floats("conv2d_cov/Sigmoid", [1, 2, 4, 4], coverage)];
  assert.deepEqual(seen(detect(modelOf("detectnet"), outputs)), BOTH);
  const none = detect(modelOf("detectnet", { options: { cluster: "none" } }), outputs);
  assert.equal(none.length, 3);
  // DBSCAN: both cats become one, weighted by score: 10 + 2 × 0.6 / 1.5 = 10.8.
  const merged = [["cat", 0.9, [10.8, 10, 30.8, 30]], ["dog", 0.75, DOG]];
  assert.deepEqual(seen(detect(modelOf("detectnet", { options: { cluster: "dbscan", eps: 0.7, minBoxes: 1 } }), outputs)), merged);
  assert.deepEqual(seen(detect(modelOf("detectnet", { options: { cluster: "dbscan", eps: 0.7, minBoxes: 2 } }), outputs)), merged.slice(0, 1), "one box alone is noise");
});

test("yolox: decoded boxes, and P6 models with a fourth level", () => {
  const strides = [8, 16, 32, 64];
  const cells = strides.flatMap((s) => Array.from({ length: (64 / s) ** 2 }, (_, i) => ({ s, x: i % (64 / s), y: Math.floor(i / (64 / s)) })));
  const data = new Float32Array(cells.length * 7);
  const row = cells.findIndex(({ s, x, y }) => s === 64 && x === 0 && y === 0);
  const [cx, cy, w, h] = centred(CAT) as [number, number, number, number];
  data.set([cx / 64, cy / 64, Math.log(w / 64), Math.log(h / 64), 1, 0.9, 0], row * 7);
  assert.deepEqual(seen(detect(modelOf("yolox", { options: { strides } }), [floats("o", [1, cells.length, 7], data)])), [["cat", 0.9, CAT]]);
  const decoded = new Float32Array(84 * 7);
  decoded.set([cx, cy, w, h, 1, 0.9, 0], 7);
  assert.deepEqual(seen(detect(modelOf("yolox", { options: { decoded: true } }), [floats("o", [1, 84, 7], decoded)])), [["cat", 0.9, CAT]]);
});

test("suppression works per class: overlapping boxes of two classes both stay", () => {
  const rows = [[...CAT, 0.9, 0.1], [...CAT, 0.1, 0.8], [...CAT, 0.7, 0.1]].map((row) => [...centred(row.slice(0, 4)), ...row.slice(4)]);
  assert.deepEqual(seen(detect(modelOf("yolo"), [floats("o", [1, 6, 3], turned(rows))])), [["cat", 0.9, CAT], ["dog", 0.8, CAT]]);
  assert.equal(detect(modelOf("yolo", { nmsIou: 1 }), [floats("o", [1, 6, 3], turned(rows))]).length, 3);
  assert.equal(detect(modelOf("yolo", { nmsIou: 1, topK: 2 }), [floats("o", [1, 6, 3], turned(rows))]).length, 2);
});

test("half-precision outputs are read like others", () => {
  const halves = { "0.5": 0x3800, "1": 0x3c00, "10": 0x4900, "30": 0x4f80, "0": 0, NaN: 0x7e00 };
  const bits = ["10", "10", "30", "30", "1", "0", "10", "10", "30", "30", "NaN", "0"].map((value) => halves[value as keyof typeof halves]);
  assert.deepEqual(seen(detect(modelOf("yolo"), [tensor("o", "float16", [1, 2, 6], Uint16Array.from(bits))])), [["cat", 1, CAT]]);
});

test("outputs of another family and labels of another model are refused by name", () => {
  assert.throws(() => detect(modelOf("yolo"), [floats("o", [1, 10], new Float32Array(10))]), { code: "E_MODEL_OUTPUT", message: /got o float32 \[1, 10\]/ });
  assert.throws(() => detect(modelOf("yolo", { options: { layout: "v8" } }), [floats("o", [1, 9, 3], new Float32Array(27))]), { code: "E_MODEL_LABELS", message: /2 labels for 5 classes/ });
  assert.throws(() => detect(modelOf("yolox"), [floats("o", [1, 84, 10], new Float32Array(840))]), { code: "E_MODEL_LABELS" });
  assert.throws(() => createInterpreter(modelOf("nothing")), { code: "E_MODEL_MANIFEST", message: /yolox/ });
  assert.throws(() => createInterpreter(modelOf("yolox", { options: { stride: 8 } })), { code: "E_MODEL_MANIFEST", message: /stride/ });
});

test("a worker's module reads the one family that its address names", async () => {
  for (const { name } of FAMILIES) {
    const module = (await import(interpreterModuleFor(name).href)) as { createInterpreter: typeof createInterpreter };
    assert.ok(module.createInterpreter(modelOf(name)));
    assert.throws(() => module.createInterpreter(modelOf("other")), { code: "E_MODEL_MANIFEST" });
  }
});

const SHAPES: Readonly<Record<string, readonly (readonly [string, number[]])[]>> = {
  yolox: [["o", [1, 84, 7]]],
  yolo: [["o", [1, 6, 84]]],
  ssd: [["scores", [1, 20, 3]], ["boxes", [1, 20, 4]]],
  detr: [["logits", [1, 20, 3]], ["pred_boxes", [1, 20, 4]]],
  detectnet: [["cov", [1, 2, 4, 4]], ["bbox", [1, 8, 4, 4]]],
  yunet: ["cls", "obj", "bbox", "kps"].flatMap((part, p) => [8, 16, 32].map((s): [string, number[]] => [`${part}_${s}`, [1, (64 / s) ** 2, [1, 1, 4, 10][p]!]])),
  "yolo-pose": [["o", [1, 56, 84]]],
  movenet: [["o", [1, 1, 17, 3]]],
  matte: [["o", [1, 1, 8, 8]]],
  argmax: [["o", [1, 2, 8, 8]]],
  softmax: [["o", [1, 2]]],
  logits: [["o", [1, 2]]],
  embed: [["o", [1, 8]]],
  image: [["o", [1, 3, 8, 8]]],
};

test("no number upsets a family: NaN, infinities and nonsense give finite findings inside the picture", () => {
  assert.deepEqual(Object.keys(SHAPES).sort(), FAMILIES.map(({ name }) => name).sort());
  const odd = fc.oneof(fc.constantFrom(NaN, Infinity, -Infinity, 0, 1, -1, 1e30, 1e-30), fc.float());
  for (const [family, outputs] of Object.entries(SHAPES)) {
    const labels = family === "yunet" || family === "matte" ? ["it"] : ["cat", "dog"];
    const interpreter = createInterpreter(modelOf(family, { labels, threshold: 0.1 }));
    fc.assert(fc.property(fc.infiniteStream(odd), (numbers) => {
      const tensors = outputs.map(([name, shape]) => floats(name, shape, numbers.take(shape.reduce((a, b) => a * b, 1))));
      const { detections = [], poses = [], classes = [], segments, embedding } = interpreter.interpret(tensors, SIZE);
      for (const { box, score } of detections) {
        assert.ok(box.every((side) => side >= 0 && side <= 64) && box[2] > box[0] && box[3] > box[1] && score > 0 && score <= 1);
      }
      for (const { score, keypoints } of poses) {
        assert.ok(score >= 0 && score <= 1 && keypoints.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)));
      }
      assert.ok(classes.every(({ score }) => score >= 0 && score <= 1));
      assert.ok((segments?.areas ?? []).every((area) => area >= 0 && area <= 1));
      assert.ok((embedding ?? []).every(Number.isFinite));
    }), { numRuns: 40 });
  }
});
