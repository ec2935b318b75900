import { z } from "zod";
import { ClassInterpreter, fitClasses } from "../classes.ts";
import { defineFamily } from "../family.ts";

/**
 * Classification with the softmax inside the network: `[1, classes]` probabilities, also as `[1, classes, 1, 1]`, also
 * as 8-bit numbers (value / 256). Sigmoid scores of independent classes are read the same way.
 */
export const softmax = defineFamily({
  name: "softmax",
  task: "classify",
  outputs: "[1, classes] of probabilities",
  options: z.strictObject({
    output: z.string().min(1).optional().describe("Name of the output that holds the scores, when there are several."),
  }),
  defaults: { threshold: 0, nmsIou: 1, topK: 5, input: { color: "RGB", fit: "crop" } },
  fit: (facts) => fitClasses(facts, ["Softmax", "Sigmoid"]),
  create: (model, options) => new ClassInterpreter(model, false, options.output),
});
