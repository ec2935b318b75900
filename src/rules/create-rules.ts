import type { z } from "zod";
import { RULES } from "./index.ts";
import { VedetteError } from "../errors.ts";
import { nearest } from "../runtime/nearest.ts";
import type { RuleContext, RuleKind } from "../contracts/kinds.ts";
import type { Rule } from "../contracts/rule.ts";

/** Settings of one rule, as they are written down. */
export type RuleConfig = z.input<(typeof RULES)[number]["schema"]>;

/**
 * The rules of one stream, from their settings (as written down, or parsed already). Throws `E_CONFIG` naming the rule
 * and the field: unknown kinds and keys, bad values, classes the model does not have, two rules of one name.
 */
export function createRules(configs: readonly RuleConfig[], context: RuleContext): readonly Rule[] {
  const names = new Map<string, number>();
  return configs.map((config, index) => {
    const rule = createRule(config, context, `rules[${index}]`);
    const earlier = names.get(rule.name);
    if (earlier !== undefined) {
      throw new VedetteError("E_CONFIG", {
        where: `rules[${index}].name`,
        reason: `"${rule.name}" is the name of rules[${earlier}] already: names are part of event ids and must differ`,
      });
    }
    names.set(rule.name, index);
    return rule;
  });
}

function createRule(config: unknown, context: RuleContext, where: string): Rule {
  const { kind, name } = isRecord(config) ? config : {};
  const known: readonly RuleKind[] = RULES as readonly unknown[] as readonly RuleKind[]; // each parses its own settings just before create
  const found = known.find((each) => each.kind === kind);
  if (found === undefined) {
    const kinds = known.map((each) => each.kind);
    const meant = typeof kind === "string" ? nearest(kind, kinds) : undefined;
    const advice = meant === undefined ? `expected one of ${kinds.join(", ")}` : `did you mean ${meant}?`;
    throw new VedetteError("E_CONFIG", { where: `${where}.kind`, reason: `${typeof kind === "string" ? `there is no kind "${kind}"` : "no kind is given"}: ${advice}` });
  }
  const parsed = found.schema.safeParse(config);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const rule = typeof name === "string" ? `rule "${name}": ` : `${where}.`;
    throw new VedetteError("E_CONFIG", { where: `${rule}${issue?.path.join(".") || "settings"}`, reason: issue?.message ?? "not valid" });
  }
  return found.create(parsed.data, context);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
