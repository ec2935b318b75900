import { resolve } from "node:path";
import { createOverlay } from "../drawing/overlay.ts";
import { VedetteError } from "../errors.ts";
import { nearest } from "../runtime/nearest.ts";
import { USE_CASES } from "../use-cases/index.ts";
import { isUseCaseFile, openUseCase } from "../use-cases/isolate/open-use-case.ts";
import type { UseCaseHints } from "../use-cases/authoring.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { TaskName } from "../domain/model.ts";
import type { UseCaseHooks } from "../pipeline/plan.ts";

/** What a use case brings to a stream. */
export interface ChosenUseCase {
  /** What draws the annotated view, in order. */
  readonly drawers: readonly Drawer[];
  /** A user's own file at work; none for the built-in ones. */
  readonly hooks: UseCaseHooks | undefined;
  readonly hints: UseCaseHints;
  /** The task whose models it goes with. */
  readonly task: TaskName | undefined;
  /** The engine that does its work without a model. */
  readonly engine: string | undefined;
}

/** The use case of that name or file; without one, results are drawn in the standard way. Throws `E_USE_CASE`. */
export async function chooseUseCase(name: string | undefined, context: KindContext): Promise<ChosenUseCase> {
  if (name !== undefined && (isUseCaseFile(name) || /[/\\]/.test(name))) {
    const hooks = await openUseCase(resolve(context.baseDir, name), { log: context.log, clock: context.clock });
    return { drawers: [createOverlay()], hooks, hints: hooks.hints, task: undefined, engine: undefined };
  }
  const plain = { hooks: undefined, hints: {}, task: undefined, engine: undefined };
  if (name === undefined) {
    return { ...plain, drawers: [createOverlay()] };
  }
  const found = USE_CASES.find((useCase) => useCase.name === name);
  if (found === undefined) {
    throw unknown(name);
  }
  // Those that change the picture leave the results to be drawn on top.
  const drawsResults = found.task !== undefined || found.engine !== undefined;
  const drawers = drawsResults ? [found.create()] : [found.create(), createOverlay()];
  return { ...plain, drawers, task: found.task, engine: found.engine };
}

function unknown(name: string): VedetteError {
  const names = USE_CASES.map((useCase) => useCase.name);
  const right = nearest(name, names);
  const advice = right === undefined ? "" : `; did you mean ${right}?`;
  return new VedetteError("E_USE_CASE", { where: name, reason: `no built-in use case, expected ${names.join(", ")} or a .ts or .js file${advice}` });
}
