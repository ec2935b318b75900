import { z } from "zod";
import { Candidates, Thresholds, toDetections } from "../candidates.ts";
import { defineFamily, describeTensors, labelMismatch, outputMismatch } from "../family.ts";
import { at, FloatReader, indexOfLargest } from "../tensors.ts";
import type { Finding } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor, TensorSpec } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  activation: z.enum(["softmax", "sigmoid", "none"]).default("softmax").describe(
    "softmax: the last class means no object (DETR); sigmoid: every class on its own (Deformable DETR, RT-DETR, RF-DETR); none: scores are ready.",
  ),
});

type Options = z.output<typeof options>;

function partsOf<T extends TensorSpec>(outputs: readonly T[]): { boxes: T; logits: T } | undefined {
  const wide = outputs.filter(({ shape }) => shape.length === 3);
  const boxes = wide.find(({ name }) => /box|dets/i.test(name)) ?? wide.find(({ shape }) => shape[2] === 4);
  const logits = wide.find((output) => output !== boxes);
  const fits = boxes?.shape[2] === 4 || boxes?.shape[2] === -1;
  return boxes && logits && fits ? { boxes, logits } : undefined;
}

class DetrInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: Options;
  readonly #thresholds: Thresholds;
  readonly #candidates = new Candidates();
  readonly #boxes = new FloatReader();
  readonly #logits = new FloatReader();

  constructor(model: Model, opts: Options) {
    this.#model = model;
    this.#options = opts;
    this.#thresholds = new Thresholds(model);
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const parts = partsOf(outputs);
    const [, queries = 0, width = 0] = parts?.logits.shape ?? [];
    if (parts === undefined || parts.boxes.shape[1] !== queries) {
      throw outputMismatch(this.#model, detr.outputs, outputs);
    }
    const classes = this.#options.activation === "softmax" ? width - 1 : width;
    if (classes !== this.#model.labels.length) {
      throw labelMismatch(this.#model, classes);
    }
    const logits = this.#logits.read(parts.logits);
    const boxes = this.#boxes.read(parts.boxes);
    this.#candidates.clear();
    for (let query = 0; query < queries; query++) {
      const from = query * width;
      const classId = indexOfLargest(logits, from, from + classes);
      const score = this.#score(logits, from, width, classId);
      if (score >= this.#thresholds.of(classId)) {
        this.#push(boxes, query, score, classId, geometry);
      }
    }
    return { detections: toDetections(this.#candidates, this.#model, geometry) };
  }

  #push(boxes: Float32Array, query: number, score: number, classId: number, { inputWidth, inputHeight }: InputGeometry): void {
    const x = at(boxes, query * 4) * inputWidth;
    const y = at(boxes, query * 4 + 1) * inputHeight;
    const halfWidth = (at(boxes, query * 4 + 2) * inputWidth) / 2;
    const halfHeight = (at(boxes, query * 4 + 3) * inputHeight) / 2;
    this.#candidates.push(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight, score, classId, query);
  }

  #score(logits: Float32Array, from: number, width: number, classId: number): number {
    const value = at(logits, from + classId);
    switch (this.#options.activation) {
      case "none":
        return value;
      case "sigmoid":
        return 1 / (1 + Math.exp(-value));
      case "softmax": {
        // Shares of the other classes relative to this one: no overflow where this one is the largest.
        let sum = 0;
        for (let i = from; i < from + width; i++) {
          sum += Math.exp(at(logits, i) - value);
        }
        return 1 / sum;
      }
    }
  }
}

function fit({ outputs, producers }: ModelFacts): Fit | undefined {
  const parts = partsOf(outputs);
  if (parts === undefined || outputs.length > 4) {
    return undefined;
  }
  const { boxes, logits } = parts;
  const isDetr = logits.name === "logits" || logits.name === "pred_logits" || boxes.name === "dets" || boxes.name.startsWith("pred_boxes");
  const [, queries = -1, width = -1] = logits.shape;
  const hasSigmoid = producers[outputs.indexOf(logits)] === "Sigmoid";
  const isSigmoid = boxes.name === "dets" || (isDetr && width === 80);
  const activation = hasSigmoid ? "none" : isSigmoid ? "sigmoid" : "softmax";
  return {
    sure: isDetr,
    why: `${describeTensors([logits, boxes])}: class scores and a box for each of ${queries < 0 ? "the" : queries} queries`,
    options: { activation },
    ...(width > 1 ? { classes: activation === "softmax" ? width - 1 : width } : {}),
    ...cocoOf(width, activation),
  };
}

/** COCO in its usual numberings: 91 classes with gaps and "no object", or the 80. */
function cocoOf(width: number, activation: string): { labels?: string } {
  const classes = activation === "softmax" ? width - 1 : width;
  return classes === 91 ? { labels: "coco-91" } : classes === 80 ? { labels: "coco" } : {};
}

/**
 * Transformers that answer a fixed set of queries: `logits [1, queries, classes + 1]` and `pred_boxes [1, queries, 4]`
 * (centre and size, 0…1). Few duplicates, so `nmsIou` is 1 (none) unless set. Pictures: RGB, normalised as ImageNet.
 * Source: Carion et al., "End-to-End Object Detection with Transformers", arXiv 2005.12872.
 */
export const detr = defineFamily({
  name: "detr",
  task: "detect",
  outputs: "logits [1, queries, classes + 1] and boxes [1, queries, 4]",
  options,
  defaults: { threshold: 0.5, nmsIou: 1, topK: 100, input: { color: "RGB", normalise: "imagenet", fit: "stretch" } },
  fit,
  create: (model, opts) => new DetrInterpreter(model, opts),
});
