import { VedetteError } from "../errors.ts";
import { FAMILIES, familyNamed } from "./index.ts";
import type { Interpreter } from "../contracts/engine.ts";
import type { Model } from "../domain/model.ts";

/**
 * The interpreter of a model's family. This module is what an engine's worker imports (`InterpreterRef.module`). Throws
 * `E_MODEL_MANIFEST` for an unknown family or options that the family does not take.
 */
export function createInterpreter(model: Model): Interpreter {
  const family = familyNamed(model.family);
  if (family === undefined) {
    const known = FAMILIES.map(({ name }) => name).join(", ");
    throw new VedetteError("E_MODEL_MANIFEST", { file: model.name, reason: `unknown family ${model.family}, expected one of ${known}` });
  }
  const options = family.options.safeParse(model.options);
  if (!options.success) {
    const [issue] = options.error.issues;
    throw new VedetteError("E_MODEL_MANIFEST", { file: model.name, reason: `options.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}` });
  }
  return family.create(model, options.data);
}

/** Address of this module, in whichever form it runs: TypeScript in a clone, compiled JavaScript in a package. */
export const interpreterModule: URL = new URL(import.meta.url);
