import { VedetteError } from "../errors.ts";

/** The error of a rule's setting: names the rule and the field, says what is wrong. */
export function configError(rule: string, field: string, reason: string): VedetteError {
  return new VedetteError("E_CONFIG", { where: `rule "${rule}": ${field}`, reason });
}
