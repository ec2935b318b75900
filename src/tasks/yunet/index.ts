import { z } from "zod";
import { Candidates, Thresholds, toDetections } from "../candidates.ts";
import { defineFamily, outputMismatch } from "../family.ts";
import { at, byName, FloatReader } from "../tensors.ts";
import type { Finding, Keypoint } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const STRIDES = [8, 16, 32] as const;
/** As OpenCV's FaceDetectorYN documents them; right and left are the person's own. */
const LANDMARKS = ["right_eye", "left_eye", "nose", "right_mouth", "left_mouth"] as const;
const PARTS = [["cls", 1], ["obj", 1], ["bbox", 4], ["kps", 10]] as const;

class YunetInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #thresholds: Thresholds;
  readonly #candidates = new Candidates();
  readonly #readers = STRIDES.map(() => PARTS.map(() => new FloatReader()));
  /** Landmarks of the candidates in order of arrival, in input pixels. */
  #landmarks: number[] = [];

  constructor(model: Model) {
    this.#model = model;
    this.#thresholds = new Thresholds(model);
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    this.#candidates.clear();
    this.#landmarks = [];
    STRIDES.forEach((stride, level) => this.#readLevel(outputs, geometry, stride, level));
    const landmarks = (row: number): Keypoint[] => LANDMARKS.map((name, k) => ({
      name,
      x: (this.#landmarks[row * 10 + k * 2] ?? 0) * geometry.scaleX + geometry.offsetX,
      y: (this.#landmarks[row * 10 + k * 2 + 1] ?? 0) * geometry.scaleY + geometry.offsetY,
      score: Math.min(1, this.#candidates.score(row)),
    }));
    return { detections: toDetections(this.#candidates, this.#model, geometry, { landmarks }) };
  }

  #readLevel(outputs: readonly Tensor[], geometry: InputGeometry, stride: number, level: number): void {
    const columns = Math.floor(geometry.inputWidth / stride);
    const cells = columns * Math.floor(geometry.inputHeight / stride);
    const [classes, objects, boxes, points] = PARTS.map(([part, width], p) => {
      const tensor = byName(outputs, `${part}_${stride}`);
      const data = tensor && this.#readers[level]?.[p]?.read(tensor);
      if (data?.length !== cells * width) {
        throw outputMismatch(this.#model, `${part}_${stride} [1, ${cells}, ${width}]`, tensor === undefined ? outputs : [tensor]);
      }
      return data;
    });
    if (classes === undefined || objects === undefined || boxes === undefined || points === undefined) {
      return;
    }
    for (let cell = 0; cell < cells; cell++) {
      const score = Math.sqrt(clip(at(classes, cell)) * clip(at(objects, cell)));
      if (!(score >= this.#thresholds.lowest)) {
        continue;
      }
      const column = cell % columns;
      const row = (cell - column) / columns;
      this.#push(boxes, points, cell, column, row, stride, score);
    }
  }

  #push(boxes: Float32Array, points: Float32Array, cell: number, column: number, row: number, stride: number, score: number): void {
    const x = (column + at(boxes, cell * 4)) * stride;
    const y = (row + at(boxes, cell * 4 + 1)) * stride;
    const halfWidth = (Math.exp(at(boxes, cell * 4 + 2)) * stride) / 2;
    const halfHeight = (Math.exp(at(boxes, cell * 4 + 3)) * stride) / 2;
    const before = this.#candidates.count;
    this.#candidates.push(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, score, 0, before);
    if (this.#candidates.count === before) {
      return;
    }
    for (let k = 0; k < 10; k += 2) {
      this.#landmarks.push((column + at(points, cell * 10 + k)) * stride, (row + at(points, cell * 10 + k + 1)) * stride);
    }
  }
}

function clip(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

function fit({ outputs }: ModelFacts): Fit | undefined {
  const names = new Set(outputs.map(({ name }) => name));
  const isComplete = PARTS.every(([part]) => STRIDES.every((stride) => names.has(`${part}_${stride}`)));
  return isComplete ? { sure: true, why: "outputs cls, obj, bbox and kps at strides 8, 16 and 32", classes: 1, labels: "face" } : undefined;
}

/**
 * YuNet faces with five landmarks: `cls_S`, `obj_S`, `bbox_S`, `kps_S` for strides S = 8, 16, 32, one row per grid cell.
 * Pictures: BGR 0…255, sides multiples of 32. Source: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector",
 * Machine Intelligence Research 2023; score and box as in libfacedetection.train.
 */
export const yunet = defineFamily({
  name: "yunet",
  task: "detect",
  outputs: "cls_S [1, cells, 1], obj_S [1, cells, 1], bbox_S [1, cells, 4], kps_S [1, cells, 10] for S = 8, 16, 32",
  options: z.strictObject({}),
  defaults: {
    threshold: 0.6, nmsIou: 0.3, topK: 200,
    input: { width: 320, height: 320, color: "BGR", normalise: "0..255", fit: "letterbox", anchor: "top-left", pad: 0 },
  },
  fit,
  create: (model) => new YunetInterpreter(model),
});
