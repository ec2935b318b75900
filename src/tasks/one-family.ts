import { extname } from "node:path";
import { createFrom } from "./create.ts";
import type { Family } from "./family.ts";
import type { Interpreter } from "../contracts/engine.ts";
import type { Model } from "../domain/model.ts";

/**
 * What an engine's worker imports, as `one-family.ts?family=yolox`: reads one family only, so that a worker starts in
 * half the time. A family's folder is called as the family.
 */
const { searchParams, pathname } = new URL(import.meta.url);
const name = searchParams.get("family") ?? "";
// A module of this folder: its exports are looked through for the definition.
const exported = (await import(`./${name}/index${extname(pathname)}`)) as Readonly<Record<string, Family>>;

/** As `createInterpreter` of `interpreter.ts`, for models of the family in this module's address. */
export function createInterpreter(model: Model): Interpreter {
  return createFrom(Object.values(exported).filter((family) => family.name === name), model);
}
