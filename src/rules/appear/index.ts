import { appearSchema } from "./config.ts";
import { AppearRule } from "./appear-rule.ts";
import { defineRule } from "../../contracts/kinds.ts";

/** Tells when a class, or every single object, is first seen. */
export const appearRule = defineRule({
  kind: "appear",
  schema: appearSchema,
  create: (config, context) => new AppearRule(config, context),
});
