import { VedetteError } from "../errors.ts";
import type { Family } from "./family.ts";
import type { Interpreter } from "../contracts/engine.ts";
import type { Model } from "../domain/model.ts";

/** The interpreter of a model by one of `families`. Throws `E_MODEL_MANIFEST` for another family or options that it does not take. */
export function createFrom(families: readonly Family[], model: Model): Interpreter {
  const family = families.find(({ name }) => name === model.family);
  if (family === undefined) {
    const known = families.map(({ name }) => name).join(", ");
    throw new VedetteError("E_MODEL_MANIFEST", { file: model.name, reason: `unknown family ${model.family}, expected one of ${known}` });
  }
  return family.create(model, checkedOptions(family, model));
}

/** A model's options as its family takes them, defaults filled in. Throws `E_MODEL_MANIFEST` naming the wrong one. */
export function checkedOptions(family: Family, { name, options }: Pick<Model, "name" | "options">): Readonly<Record<string, unknown>> {
  const parsed = family.options.safeParse(options);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => `options${path.map((key) => `.${String(key)}`).join("")}: ${message}`);
    throw new VedetteError("E_MODEL_MANIFEST", { file: name, reason: `${reasons.join("; ")} (family ${family.name})` });
  }
  return parsed.data as Readonly<Record<string, unknown>>; // Every family's schema is an object.
}
