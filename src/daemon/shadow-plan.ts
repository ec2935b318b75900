import { engineOf, resolveNamed, withoutFunctions } from "./choose-engine.ts";
import { SharedModel } from "../pipeline/model-runner.ts";
import { VedetteError } from "../errors.ts";
import { redactUrl } from "../runtime/redact.ts";
import { interpreterModuleFor } from "../tasks/interpreter.ts";
import type { Analyse, AnalysisSurroundings } from "./choose-engine.ts";
import type { StreamRequest } from "./stream-request.ts";
import type { ChosenUseCase } from "./use-case.ts";
import type { Model } from "../domain/model.ts";
import type { ModelRunner, ShadowPlan } from "../pipeline/plan.ts";

/** The second engine to compare with: opened by the stream, so that nothing waits for it. Its model must be known now. */
export async function planShadow(analyse: Analyse, useCase: ChosenUseCase, request: StreamRequest, around: AnalysisSurroundings): Promise<ShadowPlan | undefined> {
  const { context, engines, signal } = around;
  const name = analyse.shadowModel ?? analyse.model ?? useCase.hints.model;
  if (analyse.shadow === undefined) {
    return undefined;
  }
  if (name === undefined || useCase.hooks?.interpret !== undefined) {
    throw new VedetteError("E_USAGE", { reason: "--shadow compares what models find: it needs --model, and a use case that leaves reading the outputs to the model's family" });
  }
  const chosen = engineOf(analyse.shadow, {}, {});
  // What was said about the first engine's model may not fit another one.
  const said = analyse.shadowModel === undefined ? request : { config: request.config };
  const find = (): Promise<Model> => resolveNamed(name, analyse, useCase, said, around, chosen);
  const known = chosen.kind.ask === undefined ? await find() : undefined;
  const open = async (openSignal: AbortSignal): Promise<ModelRunner> => {
    const model = known ?? (await find());
    const module = interpreterModuleFor(model.family);
    const shared = await engines.get(JSON.stringify(["shadow", model, chosen, module.href], withoutFunctions), async () => {
      const engine = await chosen.kind.open(chosen.config, model, { module, model }, context, AbortSignal.any([signal, openSignal]));
      return new SharedModel(engine, { clock: context.clock, maxBatch: 1, maxDelayMs: 0 });
    });
    return shared.share({ maxAgeMs: Infinity, minFps: 0, priority: 0 });
  };
  return { description: typeof analyse.shadow === "string" ? redactUrl(analyse.shadow) : chosen.kind.kind, open };
}

