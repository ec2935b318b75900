import { z } from "zod";
import { Candidates, Thresholds, toDetections } from "../candidates.ts";
import { defineFamily, describeTensors, labelMismatch, outputMismatch } from "../family.ts";
import { FloatReader } from "../tensors.ts";
import { cellsOf, proposeColumns, proposeFinished, proposeRows } from "../yolo-rows.ts";
import type { Finding } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  layout: z.enum(["auto", "v5", "v8", "v8-rows", "nms"]).default("auto").describe(
    "v5: [1, boxes, 5 + classes] with objectness; v8: [1, 4 + classes, boxes]; v8-rows: the same turned; nms: [1, boxes, 6], suppressed in the network.",
  ),
  relative: z.boolean().default(false).describe("True when boxes are in 0…1 of the input instead of pixels (TensorFlow exports)."),
});

type Layout = Exclude<z.output<typeof options>["layout"], "auto">;

class YoloInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: z.output<typeof options>;
  readonly #thresholds: Thresholds;
  readonly #candidates = new Candidates();
  readonly #floats = new FloatReader();

  constructor(model: Model, opts: z.output<typeof options>) {
    this.#model = model;
    this.#options = opts;
    this.#thresholds = new Thresholds(model);
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const model = this.#model;
    const output = outputs.find(({ shape }) => shape.length === 3);
    const [, rows = 0, columns = 0] = output?.shape ?? [];
    const layout = this.#options.layout === "auto" ? layoutOf(rows, columns, model.labels.length, geometry) : this.#options.layout;
    if (output === undefined || layout === undefined) {
      throw outputMismatch(model, expectation(model.labels.length), outputs);
    }
    this.#checkClasses(layout, rows, columns);
    const { relative } = this.#options;
    const sink = {
      candidates: this.#candidates,
      thresholds: this.#thresholds,
      scaleX: relative ? geometry.inputWidth : 1,
      scaleY: relative ? geometry.inputHeight : 1,
    };
    const data = this.#floats.read(output);
    this.#candidates.clear();
    switch (layout) {
      case "v5":
        proposeRows(data, rows, columns, 5, sink);
        break;
      case "v8-rows":
        proposeRows(data, rows, columns, 4, sink);
        break;
      case "v8":
        proposeColumns(data, rows - 4, columns, sink);
        break;
      case "nms":
        proposeFinished(data, rows, columns, sink);
        break;
    }
    return { detections: toDetections(this.#candidates, model, geometry, layout === "nms" ? { iou: 1 } : {}) };
  }

  #checkClasses(layout: Layout, rows: number, columns: number): void {
    const classes = { v5: columns - 5, v8: rows - 4, "v8-rows": columns - 4, nms: this.#model.labels.length }[layout];
    if (classes !== this.#model.labels.length) {
      throw labelMismatch(this.#model, classes);
    }
  }
}

function expectation(classes: number): string {
  return `[1, ${4 + classes}, boxes], [1, boxes, ${5 + classes}] or [1, boxes, 6]`;
}

/** Which layout an output of these dimensions has: its label count decides, then the number of boxes. */
function layoutOf(rows: number, columns: number, classes: number, size: Pick<InputGeometry, "inputWidth" | "inputHeight">): Layout | undefined {
  const cells = cellsOf(size.inputWidth, size.inputHeight);
  if (columns === 6 && rows !== 3 * cells && rows !== cells) {
    return "nms";
  }
  if (rows === 4 + classes || columns === cells) {
    return "v8";
  }
  if (columns === 4 + classes && rows === cells) {
    return "v8-rows";
  }
  return columns === 5 + classes || rows === 3 * cells ? "v5" : undefined;
}

function fit({ outputs, metadata, inputWidth, inputHeight }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  if (outputs.length !== 1 || output?.shape.length !== 3 || metadata["task"] === "pose") {
    return undefined;
  }
  const isNamed = metadata["names"] !== undefined && metadata["task"] === "detect";
  const shape = describeTensors([output]);
  const guess = guessLayout(output.shape, cellsOf(inputWidth, inputHeight));
  if (guess === undefined) {
    const isOpen = inputWidth === 0 || output.shape.slice(1).some((n) => n < 0);
    return isOpen || isNamed ? { sure: isNamed, why: `one output ${shape}` } : undefined;
  }
  const { layout, classes, sure } = guess;
  return {
    sure: sure || isNamed,
    why: `${isNamed ? "metadata says detect, and " : ""}${shape} has the ${layout} layout`,
    options: { layout },
    ...(classes === undefined ? {} : { classes }),
    ...(classes === 80 ? { labels: "coco" } : {}),
  };
}

/** What the shape alone says; `sure` where no other family has it. `cells`: grid cells of the input. */
function guessLayout([, rows = -1, columns = -1]: readonly number[], cells: number): { layout: Layout; classes?: number; sure: boolean } | undefined {
  if (rows < 0 || columns < 0 || cells === 0) {
    return undefined;
  }
  if (columns === 6 && rows !== 3 * cells && rows !== cells) {
    return { layout: "nms", sure: false };
  }
  if (columns === cells && rows > 4) {
    // 56 = 4 + 1 + 17 × 3: a pose network has this shape too.
    return { layout: "v8", classes: rows - 4, sure: rows !== 56 };
  }
  if (rows === 3 * cells && columns > 5) {
    return { layout: "v5", classes: columns - 5, sure: true };
  }
  // As many rows as YOLOX has: only the user can tell.
  return rows === cells && columns > 4 ? { layout: "v8-rows", classes: columns - 4, sure: false } : undefined;
}

/**
 * YOLOv5 and v7 (`[1, boxes, 5 + classes]`, three anchors per cell), v8 and later (`[1, 4 + classes, boxes]`), and either
 * with suppression inside the network (`[1, boxes, 6]`: corners, score, class). Boxes in input pixels. Pictures: RGB
 * 0…1, letterboxed to the centre on 114. Source: https://docs.ultralytics.com/modes/export
 */
export const yolo = defineFamily({
  name: "yolo",
  task: "detect",
  outputs: "[1, 4 + classes, boxes], [1, boxes, 5 + classes] or [1, boxes, 6]",
  options,
  defaults: { threshold: 0.25, nmsIou: 0.45, topK: 300, input: { color: "RGB", normalise: "0..1", fit: "letterbox", anchor: "center", pad: 114 } },
  fit,
  create: (model, opts) => new YoloInterpreter(model, opts),
});
