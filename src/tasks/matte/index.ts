import { z } from "zod";
import { defineFamily, describeTensors, outputMismatch } from "../family.ts";
import { gridOf, histogram } from "../grid.ts";
import { inputRegion, labelOf } from "../candidates.ts";
import { at, FloatReader, sizeOf } from "../tensors.ts";
import type { Finding, Mask } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { InputGeometry, Model, Tensor } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  output: z.string().min(1).optional().describe("Name of the output, when there are several; the first by default."),
  activation: z.enum(["none", "sigmoid"]).default("none").describe("sigmoid: the network gives logits."),
});

class MatteInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: z.output<typeof options>;
  readonly #floats = new FloatReader();

  constructor(model: Model, opts: z.output<typeof options>) {
    this.#model = model;
    this.#options = opts;
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const model = this.#model;
    const output = this.#options.output === undefined ? outputs[0] : outputs.find(({ name }) => name === this.#options.output);
    const grid = output && gridOf(output, 1);
    if (output === undefined || grid?.channels !== 1 || output.data.length !== sizeOf(output.shape)) {
      throw outputMismatch(model, matte.outputs, outputs);
    }
    const values = this.#floats.read(output, 1 / 255);
    const data = new Uint8Array(values.length);
    const isLogits = this.#options.activation === "sigmoid";
    for (let i = 0; i < data.length; i++) {
      const value = isLogits ? 1 / (1 + Math.exp(-at(values, i))) : at(values, i);
      // Rounds; NaN and negative numbers become 0.
      data[i] = value >= 1 ? 255 : value > 0 ? value * 255 + 0.5 : 0;
    }
    const mask: Mask = { kind: "matte", width: grid.width, height: grid.height, data, region: inputRegion(geometry) };
    const { counts, total } = histogram(mask, geometry);
    const covered = counts.reduce((sum, count, opacity) => (opacity > model.threshold * 255 ? sum + count : sum), 0);
    return { segments: { labels: [labelOf(model, 0)], areas: [total > 0 ? covered / total : 0], mask } };
  }
}

function fit({ outputs, producers }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  const grid = output && gridOf(output, 1);
  if (outputs.length !== 1 || output?.shape.length !== 4 || grid?.channels !== 1 || producers[0] === "ArgMax") {
    return undefined;
  }
  const isSigmoid = producers[0] === "Sigmoid";
  return {
    sure: isSigmoid && output.type.startsWith("float"),
    why: `${describeTensors([output])}: one opacity per pixel${isSigmoid ? ", out of a sigmoid" : ""}`,
    classes: 1,
    labels: "person",
  };
}

/**
 * One opacity per pixel, 0…1: `[1, 1, H, W]`, `[1, H, W, 1]` or `[1, H, W]`; 8-bit values count as 0…255. The area is the
 * share of the picture above the threshold. Pictures: RGB 0…1, stretched.
 */
export const matte = defineFamily({
  name: "matte",
  task: "segment",
  outputs: "[1, 1, height, width], [1, height, width, 1] or [1, height, width]",
  options,
  defaults: { threshold: 0.5, nmsIou: 1, topK: 1, input: { color: "RGB", normalise: "0..1", fit: "stretch" } },
  fit,
  create: (model, opts) => new MatteInterpreter(model, opts),
});
