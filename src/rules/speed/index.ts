import { speedSchema } from "./config.ts";
import { SpeedRule } from "./speed-rule.ts";
import { defineRule } from "../../contracts/kinds.ts";

/** Measures how fast objects move over the ground, and tells who is too fast. */
export const speedRule = defineRule({
  kind: "speed",
  schema: speedSchema,
  create: (config, context) => new SpeedRule(config, context),
});
