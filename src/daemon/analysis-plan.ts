import { SharedModel } from "../pipeline/model-runner.ts";
import { VedetteError } from "../errors.ts";
import { ENGINES } from "../engines/index.ts";
import { resolveModel } from "../models/resolve.ts";
import { interpreterModule } from "../tasks/interpreter.ts";
import type { EngineStore } from "./engine-store.ts";
import type { StreamRequest } from "./stream-request.ts";
import type { ModelConfig, StreamConfig } from "../config/schema.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { Engine } from "../contracts/engine.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { Model } from "../domain/model.ts";
import type { AnalysisPlan, UseCaseHooks } from "../pipeline/plan.ts";

/** What looks at a stream's frames, and what it can report. */
export interface BuiltAnalysis {
  readonly plan: AnalysisPlan | undefined;
  readonly useCase: UseCaseHooks | undefined;
  /** Drawers that the use case brings along, before the overlay. */
  readonly drawers: readonly Drawer[];
  /** Labels that detections may carry; undefined when not known. */
  readonly labels: readonly string[] | undefined;
  readonly description: string;
}

/** What building an analysis needs of the host. */
export interface AnalysisSurroundings {
  readonly models: Readonly<Record<string, string | ModelConfig>>;
  readonly engines: EngineStore;
  readonly context: KindContext;
  readonly signal: AbortSignal;
}

type Analyse = NonNullable<StreamConfig["analyse"]>;

/** Loads the model and the use case that a stream asks for. */
export async function buildAnalysis(config: StreamConfig, request: StreamRequest, around: AnalysisSurroundings): Promise<BuiltAnalysis> {
  const { analyse } = config;
  if (analyse === undefined) {
    return { plan: undefined, useCase: undefined, drawers: [], labels: undefined, description: "no analysis" };
  }
  const shared = await openShared(analyse, request, around);
  if (shared === undefined) {
    const description = analyse.useCase ?? "no analysis";
    return { plan: undefined, useCase: undefined, drawers: [], labels: undefined, description };
  }
  const runner = shared.model.share({ maxAgeMs: analyse.maxAgeMs ?? Infinity, minFps: analyse.minFps, priority: analyse.priority });
  return {
    plan: { runner, fps: analyse.fps, maxAgeMs: analyse.maxAgeMs ?? Infinity, gate: undefined },
    useCase: undefined,
    drawers: [],
    labels: shared.labels,
    description: runner.description,
  };
}

interface Shared {
  readonly model: SharedModel;
  readonly labels: readonly string[] | undefined;
}

async function openShared(analyse: Analyse, request: StreamRequest, around: AnalysisSurroundings): Promise<Shared | undefined> {
  const share = (engine: Engine): SharedModel =>
    new SharedModel(engine, { clock: around.context.clock, maxBatch: analyse.batch, maxDelayMs: analyse.maxBatchDelayMs });
  if (analyse.model === undefined) {
    return undefined;
  }
  const { kind, config } = engineOf(analyse, request);
  const model = await resolveNamed(analyse.model, analyse, request, around);
  const key = JSON.stringify([model, kind.kind, config, analyse.batch, analyse.maxBatchDelayMs]);
  const interpreter = { module: interpreterModule, model };
  const open = async (): Promise<SharedModel> => share(await kind.open(config as never, model, interpreter, around.context, around.signal));
  return { model: await around.engines.get(key, open), labels: model.labels };
}

async function resolveNamed(name: string, analyse: Analyse, request: StreamRequest, around: AnalysisSurroundings): Promise<Model> {
  const named = around.models[name];
  const said: ModelConfig = typeof named === "string" ? { file: named } : (named ?? {});
  const flags = { ...said, ...request.model, ...(analyse.threshold === undefined ? {} : { threshold: analyse.threshold }) };
  const { baseDir } = around.context;
  return resolveModel(said.file ?? name, flags, { baseDir });
}

function engineOf(analyse: Analyse, request: StreamRequest): { kind: (typeof ENGINES)[number]; config: unknown } {
  const given = analyse.engine;
  const extra = { ...request.engineOverrides, ...(analyse.executors === undefined ? {} : { executors: analyse.executors }) };
  for (const kind of ENGINES) {
    const input = typeof given === "string" ? kind.fromAddress(given) : (given as { kind: string }).kind === kind.kind ? given : undefined;
    if (input !== undefined) {
      const parsed = kind.schema.safeParse({ ...(input as object), ...extra });
      if (!parsed.success) {
        throw new VedetteError("E_CONFIG", { where: `engine ${kind.kind}`, reason: parsed.error.issues[0]?.message ?? "not valid" });
      }
      return { kind, config: parsed.data };
    }
  }
  const expected = ENGINES.flatMap((kind) => kind.addresses).join(", ");
  throw new VedetteError("E_USAGE", { reason: `unknown engine ${JSON.stringify(given)}, expected ${expected}` });
}

