import { createFrom } from "./create.ts";
import { FAMILIES } from "./index.ts";
import type { Interpreter } from "../contracts/engine.ts";
import type { Model } from "../domain/model.ts";

/**
 * The interpreter of a model's family. Throws `E_MODEL_MANIFEST` for an unknown family or options that the family does
 * not take.
 */
export function createInterpreter(model: Model): Interpreter {
  return createFrom(FAMILIES, model);
}

/** Address of this module for `InterpreterRef.module`, in whichever form it runs: TypeScript in a clone, JavaScript in a package. */
export const interpreterModule: URL = new URL(import.meta.url);

/** Address of a module that reads this one family: a worker that imports it starts in half the time. */
export function interpreterModuleFor(family: string): URL {
  const url = new URL(import.meta.url.replace(/interpreter(\.[jt]s)$/, "one-family$1"));
  url.searchParams.set("family", family);
  return url;
}
