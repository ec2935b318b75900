import { z } from "zod";
import { defineFamily, describeTensors, outputMismatch } from "../family.ts";
import { keypointNames, readPoints } from "../body.ts";
import { at, FloatReader } from "../tensors.ts";
import { toSource } from "../candidates.ts";
import type { Finding, Pose } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";
import type { PointLayout } from "../body.ts";

class MovenetInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #names: readonly string[] | undefined;
  readonly #floats = new FloatReader();

  constructor(model: Model, names: readonly string[] | undefined) {
    this.#model = model;
    this.#names = names;
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const [output] = outputs;
    const [, second = 0, third = 0, fourth = 0] = output?.shape ?? [];
    if (output?.shape.length === 4 && second === 1 && fourth === 3) {
      return { poses: this.#single(this.#floats.read(output), third, geometry) };
    }
    if (output?.shape.length === 3 && third >= 8 && (third - 5) % 3 === 0) {
      return { poses: this.#several(this.#floats.read(output), second, third, geometry) };
    }
    throw outputMismatch(this.#model, movenet.outputs, outputs);
  }

  /** One body: its score is the mean of its points'. */
  #single(data: Float32Array, count: number, geometry: InputGeometry): Pose[] {
    const keypoints = readPoints(data, 0, layoutOf(count, geometry), this.#names, geometry);
    const score = keypoints.reduce((sum, point) => sum + point.score, 0) / count;
    return score >= this.#model.threshold ? [{ score, keypoints }] : [];
  }

  /** Up to six bodies: their points, then ymin, xmin, ymax, xmax and a score. */
  #several(data: Float32Array, bodies: number, width: number, geometry: InputGeometry): Pose[] {
    const count = (width - 5) / 3;
    const { inputWidth, inputHeight } = geometry;
    return Array.from({ length: bodies }, (_, body) => body * width)
      .filter((from) => at(data, from + width - 1) >= this.#model.threshold)
      .map((from): Pose => {
        const end = from + count * 3;
        const box = toSource([at(data, end + 1) * inputWidth, at(data, end) * inputHeight, at(data, end + 3) * inputWidth, at(data, end + 2) * inputHeight], geometry);
        const pose = { score: Math.min(1, at(data, end + 4)), keypoints: readPoints(data, from, layoutOf(count, geometry), this.#names, geometry) };
        return box === undefined ? pose : { ...pose, box };
      })
      .sort((a, b) => b.score - a.score)
      .slice(0, this.#model.topK);
  }
}

/** Points are y, x, score, relative to the input. */
function layoutOf(count: number, { inputWidth, inputHeight }: InputGeometry): PointLayout {
  return { count, step: 1, next: 3, x: 1, y: 0, score: 2, scaleX: inputWidth, scaleY: inputHeight };
}

function fit({ outputs }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  const shape = output?.shape ?? [];
  const isSingle = shape.length === 4 && shape[1] === 1 && shape[3] === 3;
  const isSeveral = shape.length === 3 && shape[1] === 6 && shape[2] === 56;
  if (output === undefined || outputs.length !== 1 || (!isSingle && !isSeveral)) {
    return undefined;
  }
  return { sure: shape[2] === 17 || isSeveral, why: `${describeTensors([output])}: y, x and score of ${isSingle ? String(shape[2]) : "17"} points` };
}

/**
 * MoveNet: one body, `[1, 1, 17, 3]` of y, x, score in 0…1; or up to six with boxes, `[1, 6, 56]`. Pictures: RGB 0…255,
 * letterboxed. Source: https://www.tensorflow.org/hub/tutorials/movenet
 */
export const movenet = defineFamily({
  name: "movenet",
  task: "pose",
  outputs: "[1, 1, points, 3] or [1, bodies, points × 3 + 5]",
  options: z.strictObject({ keypoints: keypointNames }),
  defaults: { threshold: 0.2, nmsIou: 1, topK: 6, input: { color: "RGB", normalise: "0..255", fit: "letterbox", anchor: "center", pad: 0 } },
  fit,
  create: (model, { keypoints }) => new MovenetInterpreter(model, keypoints),
});
