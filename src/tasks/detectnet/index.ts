import { z } from "zod";
import { Candidates, Thresholds, toDetections } from "../candidates.ts";
import { clustered } from "./dbscan.ts";
import { defineFamily, describeTensors, labelMismatch, outputMismatch } from "../family.ts";
import { at, FloatReader } from "../tensors.ts";
import type { Finding } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor, TensorSpec } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  coverage: z.string().min(1).optional().describe("Name of the coverage output, `conv2d_cov/Sigmoid`; found by its shape when left out."),
  bbox: z.string().min(1).optional().describe("Name of the box output, `conv2d_bbox`."),
  boxNorm: z.number().positive().default(35).describe("What box offsets are multiplied by to become pixels."),
  cluster: z.enum(["nms", "dbscan", "none"]).default("nms").describe("How the cells that see one object become one box."),
  eps: z.number().min(0).max(1).default(0.7).describe("DBSCAN: largest distance, 1 − overlap, of two boxes of one object."),
  minBoxes: z.int().min(1).max(10_000).default(1).describe("DBSCAN: how many boxes make an object."),
});

type Options = z.output<typeof options>;

function partsOf<T extends TensorSpec>(outputs: readonly T[], opts: Partial<Options>): { coverage: T; bbox: T } | undefined {
  const grids = outputs.filter(({ shape }) => shape.length === 4);
  const channels = ({ shape }: T): number => shape[1] ?? -1;
  const named = (wanted: string | undefined, hint: RegExp): T | undefined => grids.find(({ name }) => (wanted === undefined ? hint.test(name) : name === wanted));
  // Without telling names the boxes are the one with more channels.
  const [fewest, most] = grids.toSorted((a, b) => channels(a) - channels(b));
  const coverage = named(opts.coverage, /cov/i) ?? fewest;
  const bbox = named(opts.bbox, /b(ounding_)?box/i) ?? most;
  if (coverage === undefined || bbox === undefined || coverage === bbox) {
    return undefined;
  }
  const isOpen = channels(coverage) < 0 || channels(bbox) < 0;
  return isOpen || channels(bbox) === channels(coverage) * 4 ? { coverage, bbox } : undefined;
}

class DetectnetInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: Options;
  readonly #thresholds: Thresholds;
  readonly #candidates = new Candidates();
  readonly #coverage = new FloatReader();
  readonly #boxes = new FloatReader();

  constructor(model: Model, opts: Options) {
    this.#model = model;
    this.#options = opts;
    this.#thresholds = new Thresholds(model);
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const model = this.#model;
    const parts = partsOf(outputs, this.#options);
    if (parts === undefined) {
      throw outputMismatch(model, detectnet.outputs, outputs);
    }
    const [, classes = 0, rows = 0, columns = 0] = parts.coverage.shape;
    if (classes !== model.labels.length) {
      throw labelMismatch(model, classes);
    }
    this.#candidates.clear();
    const coverage = this.#coverage.read(parts.coverage);
    const boxes = this.#boxes.read(parts.bbox);
    for (let c = 0; c < classes; c++) {
      this.#readClass(c, coverage, boxes, rows, columns, geometry);
    }
    const { cluster, eps, minBoxes } = this.#options;
    if (cluster === "dbscan") {
      const merged = clustered(this.#candidates, eps, minBoxes);
      return { detections: toDetections(merged, model, geometry, { iou: 1 }) };
    }
    return { detections: toDetections(this.#candidates, model, geometry, cluster === "none" ? { iou: 1 } : {}) };
  }

  /** Offsets from the middle of each cell to the four sides, in units of `boxNorm` pixels. */
  #readClass(c: number, coverage: Float32Array, boxes: Float32Array, rows: number, columns: number, { inputWidth, inputHeight }: InputGeometry): void {
    const area = rows * columns;
    const strideX = Math.ceil(inputWidth / columns);
    const strideY = Math.ceil(inputHeight / rows);
    const norm = this.#options.boxNorm;
    const threshold = this.#thresholds.of(c);
    for (let cell = 0; cell < area; cell++) {
      const score = at(coverage, c * area + cell);
      if (!(score >= threshold) || score <= 0) {
        continue;
      }
      const x = (cell % columns) * strideX + 0.5;
      const y = Math.floor(cell / columns) * strideY + 0.5;
      const side = (k: number): number => at(boxes, (c * 4 + k) * area + cell) * norm;
      this.#candidates.push(x - side(0), y - side(1), x + side(2), y + side(3), score, c, cell);
    }
  }
}

function fit({ outputs }: ModelFacts): Fit | undefined {
  const parts = outputs.length === 2 ? partsOf(outputs, {}) : undefined;
  if (parts === undefined) {
    return undefined;
  }
  const classes = parts.coverage.shape[1] ?? -1;
  return {
    sure: /cov/i.test(parts.coverage.name),
    why: `${describeTensors([parts.coverage, parts.bbox])}: coverage of each class and four offsets per grid cell`,
    ...(classes > 0 ? { classes } : {}),
  };
}

/**
 * DetectNet v2 (TrafficCamNet, DashCamNet, DeepStream's Primary_Detector): coverage per class and grid cell, and four
 * distances from the cell to the sides of the box. Cells above the threshold become boxes, which NMS or DBSCAN joins.
 * Pictures: RGB 0…1, stretched. Source: DeepStream's nvinfer reference post-processing (bbox normalisation 35, cell
 * centres at stride × index + 0.5).
 */
export const detectnet = defineFamily({
  name: "detectnet",
  task: "detect",
  outputs: "coverage [1, classes, rows, columns] and boxes [1, 4 × classes, rows, columns]",
  options,
  defaults: { threshold: 0.2, nmsIou: 0.5, topK: 200, input: { color: "RGB", normalise: "0..1", fit: "stretch" } },
  fit,
  create: (model, opts) => new DetectnetInterpreter(model, opts),
});
