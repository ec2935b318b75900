import { zoneSchema } from "./config.ts";
import { ZoneRule } from "./zone-rule.ts";
import { defineRule } from "../../contracts/kinds.ts";

/** Tells who enters and leaves a zone, who stays too long, and when it is crowded. */
export const zoneRule = defineRule({
  kind: "zone",
  schema: zoneSchema,
  create: (config, context) => new ZoneRule(config, context),
});
