import { z } from "zod";
import { Candidates, Thresholds, toDetections } from "../candidates.ts";
import { defineFamily, describeTensors, labelMismatch, outputMismatch } from "../family.ts";
import { at, FloatReader, indexOfLargest } from "../tensors.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { Finding } from "../../domain/result.ts";
import type { InputGeometry, Model, Tensor } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  strides: z.array(z.int().min(1).max(256)).min(1).max(8).default([8, 16, 32]).describe("Pixels per grid cell of each level, in the order of the rows (P6 models: [8, 16, 32, 64])."),
  decoded: z.boolean().default(false).describe("True when the exporter decoded the boxes already (`decode_in_inference`): centre and size in input pixels."),
});

/** Column and row of every grid cell, and its stride, in the order of the output's rows. */
interface Cells {
  readonly width: number;
  readonly height: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly stride: Float32Array;
}

class YoloxInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: z.output<typeof options>;
  readonly #thresholds: Thresholds;
  readonly #candidates = new Candidates();
  readonly #floats = new FloatReader();
  #cells: Cells | undefined;

  constructor(model: Model, opts: z.output<typeof options>) {
    this.#model = model;
    this.#options = opts;
    this.#thresholds = new Thresholds(model);
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const model = this.#model;
    const cells = this.#cellsOf(geometry.inputWidth, geometry.inputHeight);
    const rows = cells.x.length;
    const output = outputs.find(({ shape }) => shape.length === 3 && shape[1] === rows);
    const width = output?.shape[2] ?? 0;
    if (output === undefined || width < 6) {
      throw outputMismatch(model, `[1, ${rows}, 5 + ${model.labels.length}]`, outputs);
    }
    if (width - 5 !== model.labels.length) {
      throw labelMismatch(model, width - 5);
    }
    this.#propose(this.#floats.read(output), width, cells);
    return { detections: toDetections(this.#candidates, model, geometry) };
  }

  #propose(data: Float32Array, width: number, cells: Cells): void {
    const thresholds = this.#thresholds;
    this.#candidates.clear();
    for (let row = 0, from = 0; row < cells.x.length; row++, from += width) {
      const objectness = at(data, from + 4);
      // Class scores are at most 1, so a row below the lowest threshold cannot reach it.
      if (!(objectness >= thresholds.lowest)) {
        continue;
      }
      const classId = indexOfLargest(data, from + 5, from + width);
      const score = objectness * at(data, from + 5 + classId);
      if (score >= thresholds.of(classId)) {
        this.#push(data, from, cells, row, score, classId);
      }
    }
  }

  #push(data: Float32Array, from: number, cells: Cells, row: number, score: number, classId: number): void {
    let x = at(data, from);
    let y = at(data, from + 1);
    let width = at(data, from + 2);
    let height = at(data, from + 3);
    if (!this.#options.decoded) {
      const stride = at(cells.stride, row);
      x = (x + at(cells.x, row)) * stride;
      y = (y + at(cells.y, row)) * stride;
      width = Math.exp(width) * stride;
      height = Math.exp(height) * stride;
    }
    this.#candidates.push(x - width / 2, y - height / 2, x + width / 2, y + height / 2, score, classId, row);
  }

  #cellsOf(width: number, height: number): Cells {
    if (this.#cells?.width === width && this.#cells.height === height) {
      return this.#cells;
    }
    const count = cellCount(width, height, this.#options.strides);
    const cells: Cells = { width, height, x: new Float32Array(count), y: new Float32Array(count), stride: new Float32Array(count) };
    let i = 0;
    for (const stride of this.#options.strides) {
      for (let y = 0; y < Math.floor(height / stride); y++) {
        for (let x = 0; x < Math.floor(width / stride); x++, i++) {
          cells.x[i] = x;
          cells.y[i] = y;
          cells.stride[i] = stride;
        }
      }
    }
    this.#cells = cells;
    return cells;
  }
}

function cellCount(width: number, height: number, strides: readonly number[]): number {
  return strides.reduce((sum, stride) => sum + Math.floor(width / stride) * Math.floor(height / stride), 0);
}

function fit({ outputs, inputWidth, inputHeight }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  if (outputs.length !== 1 || output?.shape.length !== 3) {
    return undefined;
  }
  const [, rows = -1, width = -1] = output.shape;
  if (rows < 0 || width < 0 || inputWidth === 0) {
    return { sure: false, why: `one output ${describeTensors([output])}` };
  }
  const strides = [[8, 16, 32], [8, 16, 32, 64]].find((levels) => cellCount(inputWidth, inputHeight, levels) === rows);
  if (strides === undefined || width < 6) {
    return undefined;
  }
  return {
    sure: true,
    why: `${rows} rows are one per grid cell of ${inputWidth}×${inputHeight} at strides ${strides.join(", ")}; ${width} = 5 + ${width - 5} classes`,
    classes: width - 5,
    options: strides.length === 3 ? {} : { strides },
    ...(width === 85 ? { labels: "coco" } : {}),
  };
}

/**
 * YOLOX: one anchor per grid cell, `[1, cells, 5 + classes]`: centre offset, logarithm of the size, objectness, class
 * scores (both through a sigmoid already). Pictures: BGR 0…255, letterboxed to the top left on 114.
 * Source: Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430.
 */
export const yolox = defineFamily({
  name: "yolox",
  task: "detect",
  outputs: "[1, cells, 5 + classes], one cell per 8×8, 16×16 and 32×32 pixels",
  options,
  defaults: { threshold: 0.35, nmsIou: 0.45, topK: 100, input: { color: "BGR", normalise: "0..255", fit: "letterbox", anchor: "top-left", pad: 114 } },
  fit,
  create: (model, opts) => new YoloxInterpreter(model, opts),
});
