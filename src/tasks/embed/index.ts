import { z } from "zod";
import { at, FloatReader, squeezed } from "../tensors.ts";
import { defineFamily, outputMismatch } from "../family.ts";
import type { Finding } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { Interpreter } from "../../contracts/engine.ts";
import type { Model, Tensor } from "../../domain/model.ts";

const options = z.strictObject({
  output: z.string().min(1).optional().describe("Name of the output, when there are several; the first by default."),
  normalise: z.boolean().default(true).describe("Scale to length 1, so that a dot product is the cosine."),
});

class EmbedInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: z.output<typeof options>;
  readonly #floats = new FloatReader();

  constructor(model: Model, opts: z.output<typeof options>) {
    this.#model = model;
    this.#options = opts;
  }

  interpret(outputs: readonly Tensor[]): Finding {
    const output = this.#options.output === undefined ? outputs[0] : outputs.find(({ name }) => name === this.#options.output);
    if (output === undefined || squeezed(output.shape).length !== 1) {
      throw outputMismatch(this.#model, embed.outputs, outputs);
    }
    const embedding = Float32Array.from(this.#floats.read(output));
    if (this.#options.normalise) {
      let squares = 0;
      for (let i = 0; i < embedding.length; i++) {
        squares += at(embedding, i) ** 2;
      }
      const scale = squares > 0 && Number.isFinite(squares) ? 1 / Math.sqrt(squares) : 0;
      for (let i = 0; i < embedding.length; i++) {
        embedding[i] = scale === 0 ? 0 : at(embedding, i) * scale;
      }
    }
    return { embedding };
  }
}

function fit({ outputs, producers }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  const [length = 1, ...more] = output === undefined ? [] : squeezed(output.shape);
  if (output === undefined || more.length > 0 || length === 1 || output.shape.length < 2) {
    return undefined;
  }
  const isNormalised = producers[0] === "LpNormalization";
  return { sure: isNormalised, why: `one vector of ${length < 0 ? "features" : `${length} features`}${isNormalised ? ", normalised in the network" : ""}` };
}

/**
 * An appearance vector of the whole input, `[1, features]`, scaled to length 1: two are compared by their dot product.
 * Cut the picture of one person, face or thing out first.
 */
export const embed = defineFamily({
  name: "embed",
  task: "embed",
  outputs: "[1, features]",
  options,
  defaults: { threshold: 0, nmsIou: 1, topK: 1, input: { color: "RGB", fit: "stretch" } },
  fit,
  create: (model, opts) => new EmbedInterpreter(model, opts),
});
