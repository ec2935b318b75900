import { absenceSchema } from "./config.ts";
import { AbsenceRule } from "./absence-rule.ts";
import { defineRule } from "../../contracts/kinds.ts";

/** Tells when nothing of its classes was seen for some time, and when something is seen again. */
export const absenceRule = defineRule({
  kind: "absence",
  schema: absenceSchema,
  create: (config, context) => new AbsenceRule(config, context),
});
