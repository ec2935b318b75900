import { thresholdSchema } from "./config.ts";
import { ThresholdRule } from "./threshold-rule.ts";
import { defineRule } from "../../contracts/kinds.ts";

/** Tells when the score of a whole-picture class stays high over a window. */
export const thresholdRule = defineRule({
  kind: "threshold",
  schema: thresholdSchema,
  create: (config, context) => new ThresholdRule(config, context),
});
