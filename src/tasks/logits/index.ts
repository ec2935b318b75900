import { z } from "zod";
import { ClassInterpreter, fitClasses } from "../classes.ts";
import { defineFamily } from "../family.ts";

/** Classification before the softmax: `[1, classes]` of any numbers; the softmax is applied here. */
export const logits = defineFamily({
  name: "logits",
  task: "classify",
  outputs: "[1, classes] of logits",
  options: z.strictObject({
    output: z.string().min(1).optional().describe("Name of the output that holds the logits, when there are several."),
  }),
  defaults: { threshold: 0, nmsIou: 1, topK: 5, input: { color: "RGB", fit: "crop" } },
  // A matrix product of 1000 or 1001 values is an ImageNet classifier; of any other number it may be an embedding.
  fit: (facts) => {
    const fit = fitClasses(facts, []);
    return fit && { ...fit, sure: (fit.classes === 1000 || fit.classes === 1001) && !["Softmax", "Sigmoid"].some((operator) => facts.producers.includes(operator)) };
  },
  create: (model, options) => new ClassInterpreter(model, true, options.output),
});
