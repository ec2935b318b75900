import { z } from "zod";
import { Candidates, Thresholds, toSource } from "../candidates.ts";
import { cellsOf, proposeColumns, proposeFinished } from "../yolo-rows.ts";
import { defineFamily, describeTensors, outputMismatch } from "../family.ts";
import { FloatReader } from "../tensors.ts";
import { keypointNames, readPoints } from "../body.ts";
import type { Finding, Pose } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";
import type { PointLayout } from "../body.ts";

const options = z.strictObject({
  layout: z.enum(["v8", "nms"]).default("v8").describe("v8: [1, 4 + classes + points, boxes]; nms: [1, boxes, 6 + points], suppressed in the network."),
  points: z.int().min(1).max(512).default(17).describe("Points per body."),
  dims: z.union([z.literal(2), z.literal(3)]).default(3).describe("Numbers per point: x, y and, with 3, a score."),
  keypoints: keypointNames,
});

type Options = z.output<typeof options>;

class YoloPoseInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: Options;
  readonly #thresholds: Thresholds;
  readonly #candidates = new Candidates();
  readonly #floats = new FloatReader();

  constructor(model: Model, opts: Options) {
    this.#model = model;
    this.#options = opts;
    this.#thresholds = new Thresholds(model);
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const { layout, points, dims } = this.#options;
    const [output] = outputs;
    const [, rows = 0, columns = 0] = output?.shape ?? [];
    const classes = rows - 4 - points * dims;
    const fits = layout === "v8" ? classes >= 1 : columns === 6 + points * dims;
    if (output?.shape.length !== 3 || !fits) {
      throw outputMismatch(this.#model, layout === "v8" ? `[1, ${5 + points * dims}, boxes]` : `[1, boxes, ${6 + points * dims}]`, outputs);
    }
    const data = this.#floats.read(output);
    const sink = { candidates: this.#candidates, thresholds: this.#thresholds, scaleX: 1, scaleY: 1 };
    this.#candidates.clear();
    if (layout === "v8") {
      proposeColumns(data, classes, columns, sink);
    } else {
      proposeFinished(data, rows, columns, sink);
    }
    const score = dims === 3 ? 2 : undefined;
    const point: PointLayout = layout === "v8"
      ? { count: points, step: columns, next: columns * dims, x: 0, y: 1, score, scaleX: 1, scaleY: 1 }
      : { count: points, step: 1, next: dims, x: 0, y: 1, score, scaleX: 1, scaleY: 1 };
    const first = (row: number): number => (layout === "v8" ? (4 + classes) * columns + row : row * columns + 6);
    return { poses: this.#poses(data, point, first, geometry) };
  }

  #poses(data: Float32Array, point: PointLayout, first: (row: number) => number, geometry: InputGeometry): Pose[] {
    const { nmsIou, topK } = this.#model;
    return this.#candidates.strongest(this.#options.layout === "nms" ? 1 : nmsIou, topK).map((i): Pose => {
      const keypoints = readPoints(data, first(this.#candidates.row(i)), point, this.#options.keypoints, geometry);
      const box = toSource(this.#candidates.box(i), geometry);
      const pose = { score: Math.min(1, this.#candidates.score(i)), keypoints };
      return box === undefined ? pose : { ...pose, box };
    });
  }
}

function fit({ outputs, metadata, inputWidth, inputHeight }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  if (outputs.length !== 1 || output?.shape.length !== 3) {
    return undefined;
  }
  const [points, dims] = pointShape(metadata);
  const isNamed = metadata["task"] === "pose";
  const layout = layoutOf(output.shape, points * dims, cellsOf(inputWidth, inputHeight), isNamed);
  return layout && {
    sure: isNamed,
    why: `${isNamed ? "metadata says pose, and " : ""}${describeTensors([output])} has room for ${points} points of ${dims} numbers`,
    options: { layout, points, dims },
  };
}

/** Points and numbers per point as Ultralytics notes them: `[17, 3]`. */
function pointShape(metadata: ModelFacts["metadata"]): [points: number, dims: number] {
  const [points = 17, dims = 3] = (metadata["kpt_shape"]?.match(/\d+/g) ?? []).map(Number);
  return [points, dims];
}

/** Several classes are believed only where metadata says that this is a pose network. */
function layoutOf([, rows = -1, columns = -1]: readonly number[], numbers: number, cells: number, isNamed: boolean): Options["layout"] | undefined {
  if (columns === cells && (isNamed ? rows >= 5 + numbers : rows === 5 + numbers)) {
    return "v8";
  }
  return columns === 6 + numbers && rows <= 1000 ? "nms" : undefined;
}

/**
 * YOLO with the points of a body beside each box: `[1, 4 + classes + points × 3, boxes]` (v8 and later), or suppressed in
 * the network, `[1, boxes, 6 + points × 3]`. Pictures: RGB 0…1, letterboxed to the centre on 114.
 * Source: https://docs.ultralytics.com/tasks/pose
 */
export const yoloPose = defineFamily({
  name: "yolo-pose",
  task: "pose",
  outputs: "[1, 5 + points × 3, boxes] or [1, boxes, 6 + points × 3]",
  options,
  defaults: { threshold: 0.25, nmsIou: 0.45, topK: 100, input: { color: "RGB", normalise: "0..1", fit: "letterbox", anchor: "center", pad: 114 } },
  fit,
  create: (model, opts) => new YoloPoseInterpreter(model, opts),
});
