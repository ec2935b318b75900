import { z } from "zod";
import { Candidates, Thresholds, toDetections } from "../candidates.ts";
import { defineFamily, describeTensors, labelMismatch, outputMismatch } from "../family.ts";
import { at, FloatReader } from "../tensors.ts";
import type { Finding } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor, TensorSpec } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  background: z.enum(["first", "none"]).default("first").describe("Scores and boxes only: whether class 0 of the scores is the background; labels do not count it."),
  firstClass: z.int().min(0).max(1000).default(0).describe("Class number that the first label stands for, where the network gives class numbers (TensorFlow's detectors: 1)."),
  boxes: z.string().min(1).optional().describe("Name of the output that holds the boxes, where names do not tell."),
  classes: z.string().min(1).optional().describe("Name of the output that holds the class numbers."),
  scores: z.string().min(1).optional().describe("Name of the output that holds the scores."),
});

type Options = z.output<typeof options>;

/** The three forms, told apart by their outputs. */
type Parts<T extends TensorSpec> =
  | { readonly form: "grid"; readonly boxes: T; readonly scores: T }
  | { readonly form: "rows"; readonly rows: T }
  | { readonly form: "finished"; readonly boxes: T; readonly classes: T; readonly scores: T; readonly count: T | undefined };

function partsOf<T extends TensorSpec>(outputs: readonly T[], opts: Partial<Options>): Parts<T> | undefined {
  const rows = outputs.find(({ shape }) => shape.length === 4 && shape[3] === 7);
  if (rows !== undefined) {
    return { form: "rows", rows };
  }
  const boxes = outputs.find(({ name, shape }) => (opts.boxes === undefined ? shape.length === 3 && shape[2] === 4 : name === opts.boxes));
  const grid = outputs.find((output) => output !== boxes && output.shape.length === 3);
  if (boxes !== undefined && grid !== undefined && outputs.length === 2) {
    return { form: "grid", boxes, scores: grid };
  }
  const lists = outputs.filter(({ shape }) => shape.length === 2);
  const [one, two] = lists;
  if (boxes === undefined || one === undefined || two === undefined || lists.length !== 2) {
    return undefined;
  }
  const named = (wanted: string | undefined, hint: RegExp): T | undefined => lists.find(({ name }) => (wanted === undefined ? hint.test(name) : name === wanted));
  // TensorFlow Lite's operator gives boxes, classes, scores, count; exports of TensorFlow 2 give scores first.
  const scores = named(opts.scores, /score/i) ?? (boxes === outputs[0] ? two : one);
  const classes = named(opts.classes, /class|label/i) ?? (scores === two ? one : two);
  return { form: "finished", boxes, classes, scores, count: outputs.find(({ shape }) => shape.length === 1) };
}

class SsdInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: Options;
  readonly #thresholds: Thresholds;
  readonly #candidates = new Candidates();
  readonly #floats = { boxes: new FloatReader(), scores: new FloatReader(), classes: new FloatReader(), count: new FloatReader() };

  constructor(model: Model, opts: Options) {
    this.#model = model;
    this.#options = opts;
    this.#thresholds = new Thresholds(model);
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const parts = partsOf(outputs, this.#options);
    if (parts === undefined) {
      throw outputMismatch(this.#model, EXPECTED, outputs);
    }
    this.#candidates.clear();
    switch (parts.form) {
      case "grid":
        this.#readGrid(parts, outputs, geometry);
        return { detections: toDetections(this.#candidates, this.#model, geometry) };
      case "rows":
        this.#readRows(parts.rows, geometry);
        break;
      case "finished":
        this.#readFinished(parts, geometry);
        break;
    }
    return { detections: toDetections(this.#candidates, this.#model, geometry, { iou: 1 }) };
  }

  #readGrid(parts: Extract<Parts<Tensor>, { form: "grid" }>, outputs: readonly Tensor[], { inputWidth, inputHeight }: InputGeometry): void {
    const [, count = 0, width = 0] = parts.scores.shape;
    if (parts.boxes.shape[1] !== count) {
      throw outputMismatch(this.#model, EXPECTED, outputs);
    }
    const skip = this.#options.background === "first" ? 1 : 0;
    if (width - skip !== this.#model.labels.length) {
      throw labelMismatch(this.#model, width - skip);
    }
    const scores = this.#floats.scores.read(parts.scores);
    const boxes = this.#floats.boxes.read(parts.boxes);
    for (let row = 0; row < count; row++) {
      // Every class on its own: one anchor may stand for two overlapping things.
      for (let c = skip; c < width; c++) {
        const score = at(scores, row * width + c);
        if (score >= this.#thresholds.of(c - skip)) {
          const from = row * 4;
          this.#candidates.push(at(boxes, from) * inputWidth, at(boxes, from + 1) * inputHeight, at(boxes, from + 2) * inputWidth, at(boxes, from + 3) * inputHeight, score, c - skip, row);
        }
      }
    }
  }

  /** Rows of image number, class, score and relative corners; the first negative image number ends them. */
  #readRows(output: Tensor, { inputWidth, inputHeight }: InputGeometry): void {
    const data = this.#floats.boxes.read(output);
    for (let from = 0; from + 7 <= data.length && at(data, from) >= 0; from += 7) {
      const classId = Math.round(at(data, from + 1)) - this.#options.firstClass;
      const score = at(data, from + 2);
      if (score > 0 && score >= this.#thresholds.of(classId) && classId >= 0) {
        this.#candidates.push(at(data, from + 3) * inputWidth, at(data, from + 4) * inputHeight, at(data, from + 5) * inputWidth, at(data, from + 6) * inputHeight, score, classId, from / 7);
      }
    }
  }

  #readFinished(parts: Extract<Parts<Tensor>, { form: "finished" }>, { inputWidth, inputHeight }: InputGeometry): void {
    const boxes = this.#floats.boxes.read(parts.boxes);
    const classes = this.#floats.classes.read(parts.classes);
    const scores = this.#floats.scores.read(parts.scores);
    const said = parts.count === undefined ? NaN : at(this.#floats.count.read(parts.count), 0);
    const count = Math.min(scores.length, classes.length, boxes.length / 4, said >= 0 ? said : Infinity);
    for (let row = 0; row < count; row++) {
      const classId = Math.round(at(classes, row)) - this.#options.firstClass;
      const score = at(scores, row);
      if (score > 0 && score >= this.#thresholds.of(classId) && classId >= 0) {
        const from = row * 4;
        // TensorFlow's order: ymin, xmin, ymax, xmax.
        this.#candidates.push(at(boxes, from + 1) * inputWidth, at(boxes, from) * inputHeight, at(boxes, from + 3) * inputWidth, at(boxes, from + 2) * inputHeight, score, classId, row);
      }
    }
  }
}

const EXPECTED = "scores [1, anchors, 1 + classes] with boxes [1, anchors, 4]; or [1, 1, boxes, 7]; or boxes [1, n, 4], classes [1, n], scores [1, n] and count [1]";

function fit({ outputs }: ModelFacts): Fit | undefined {
  const parts = partsOf(outputs, {});
  switch (parts?.form) {
    case undefined:
      return undefined;
    case "rows":
      return { sure: true, why: `${describeTensors([parts.rows])} holds rows of image, class, score and corners`, input: { color: "BGR", normalise: "0..255" } };
    case "finished":
      return {
        sure: true,
        why: "boxes, classes, scores and their count: suppressed in the network",
        input: { color: "RGB", normalise: "-1..1" },
        // TensorFlow's own detectors count from 1, those of TensorFlow Lite from 0.
        ...(parts.boxes.name.startsWith("detection_boxes") ? { options: { firstClass: 1 } } : {}),
      };
    case "grid": {
      const [, anchors = -1, width = -1] = parts.scores.shape;
      const isLogits = [parts.scores, parts.boxes].some(({ name }) => /logit|pred|^dets$/i.test(name));
      return isLogits || width === 1
        ? undefined
        : {
            sure: anchors > 1000,
            why: `${describeTensors([parts.scores, parts.boxes])}: class scores and a box per anchor`,
            ...(width > 1 ? { classes: width - 1 } : {}),
            ...(width === 2 ? { labels: "face", input: { color: "RGB", scale: 1, mean: [127, 127, 127], std: [128, 128, 128] } } : {}),
          };
    }
  }
}

/**
 * Single-shot detectors whose boxes are decoded in the network, in three forms: class scores and relative corners per
 * anchor (UltraFace), OpenVINO's DetectionOutput (`[1, 1, boxes, 7]`), TensorFlow's post-processing (boxes, classes,
 * scores, count). Sources: https://docs.openvino.ai (DetectionOutput-8), tensorflow/lite detection_postprocess.
 */
export const ssd = defineFamily({
  name: "ssd",
  task: "detect",
  outputs: EXPECTED,
  options,
  defaults: { threshold: 0.5, nmsIou: 0.3, topK: 200, input: { color: "RGB", fit: "stretch" } },
  fit,
  create: (model, opts) => new SsdInterpreter(model, opts),
});
