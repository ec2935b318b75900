import { labelMismatch, outputMismatch } from "./family.ts";
import { labelOf, Thresholds } from "./candidates.ts";
import { FloatReader, squeezed } from "./tensors.ts";
import type { Classification, Finding } from "../domain/result.ts";
import type { Interpreter } from "../contracts/engine.ts";
import type { Model, Tensor } from "../domain/model.ts";
import type { Fit, ModelFacts } from "./family.ts";

/** Turns one score per class into the best `topK` classes: what the classify families share. */
export class ClassInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #thresholds: Thresholds;
  readonly #floats = new FloatReader();
  readonly #outputName: string | undefined;
  readonly #isLogits: boolean;

  /** `isLogits`: the scores still need a softmax. `outputName`: which output, when there are several. */
  constructor(model: Model, isLogits: boolean, outputName: string | undefined) {
    this.#model = model;
    this.#thresholds = new Thresholds(model);
    this.#isLogits = isLogits;
    this.#outputName = outputName;
  }

  interpret(outputs: readonly Tensor[]): Finding {
    const model = this.#model;
    const output = outputs.find(({ name, shape }) => (this.#outputName === undefined ? squeezed(shape).length <= 1 : name === this.#outputName));
    if (output === undefined || squeezed(output.shape).length > 1) {
      throw outputMismatch(model, `[1, ${model.labels.length}]`, outputs);
    }
    // A quantised softmax always has the scale 1/256 (TensorFlow Lite 8-bit quantisation specification, SOFTMAX).
    const data = this.#floats.read(output, 1 / 256);
    if (data.length !== model.labels.length) {
      throw labelMismatch(model, data.length);
    }
    return { classes: this.#best(data) };
  }

  #best(data: Float32Array): Classification[] {
    const { topK, labels } = this.#model;
    const scale = this.#isLogits ? softmaxScale(data) : undefined;
    const order: number[] = [];
    for (let i = 0; i < labels.length; i++) {
      const value = data[i] ?? NaN;
      // Insertion into a short sorted list: topK is small, and most values fail the first comparison.
      if (Number.isNaN(value) || (order.length === topK && value <= (data[order[topK - 1] ?? 0] ?? 0))) {
        continue;
      }
      let at = order.length;
      while (at > 0 && (data[order[at - 1] ?? 0] ?? 0) < value) {
        at--;
      }
      order.splice(at, 0, i);
      order.length = Math.min(order.length, topK);
    }
    return order
      .map((classId) => {
        const value = data[classId] ?? 0;
        const score = scale === undefined ? value : Math.exp(value - scale.max) / scale.sum;
        return { label: labelOf(this.#model, classId), classId, score: Math.min(1, Math.max(0, score)) };
      })
      .filter(({ score, classId }) => score >= this.#thresholds.of(classId));
  }
}

/** What turns logits into shares: `exp(x − max) / sum`. Values that are not finite do not count. */
function softmaxScale(data: Float32Array): { max: number; sum: number } {
  let max = -Infinity;
  for (const value of data) {
    if (value > max && value < Infinity) {
      max = value;
    }
  }
  let sum = 0;
  for (const value of data) {
    sum += Number.isFinite(value) ? Math.exp(value - max) : 0;
  }
  return { max, sum: sum || 1 };
}

/** Whether the outputs hold one vector of scores; `sure` when the operator that made it is among `operators`. */
export function fitClasses({ outputs, producers }: ModelFacts, operators: readonly string[]): Fit | undefined {
  const at = outputs.findIndex(({ shape }) => shape.length >= 2 && squeezed(shape).length <= 1);
  const output = outputs[at];
  if (output === undefined || outputs.length > 2) {
    return undefined;
  }
  const [classes = 1] = squeezed(output.shape);
  const producer = producers[at] ?? "";
  if (classes === 1) {
    return undefined;
  }
  return {
    sure: operators.includes(producer),
    why: `one vector of ${classes < 0 ? "scores" : `${classes} values`}${producer === "" ? "" : `, computed by ${producer}`}`,
    ...(classes < 0 ? {} : { classes }),
    ...(outputs.length > 1 ? { options: { output: output.name } } : {}),
  };
}
