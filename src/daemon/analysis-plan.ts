import { chooseUseCase } from "./use-case.ts";
import { openEmbeddedEngine } from "./open-engine.ts";
import { createFrameReader } from "../media/index.ts";
import { CropEmbedder } from "../trackers/crop-embedder.ts";
import { SharedModel } from "../pipeline/model-runner.ts";
import { VedetteError } from "../errors.ts";
import { ENGINES } from "../engines/index.ts";
import { createMotionEngine } from "../engines/motion/motion-engine.ts";
import { resolveModel } from "../models/resolve.ts";
import { interpreterModuleFor } from "../tasks/interpreter.ts";
import { rawInterpreterModule } from "../use-cases/isolate/raw-interpreter.ts";
import type { EngineStore } from "./engine-store.ts";
import type { StreamRequest } from "./stream-request.ts";
import type { ChosenUseCase } from "./use-case.ts";
import type { ModelConfig, StreamConfig } from "../config/schema.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { Engine } from "../contracts/engine.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { Model } from "../domain/model.ts";
import type { AnalysisPlan, Embedder, UseCaseHooks } from "../pipeline/plan.ts";

/** What looks at a stream's frames, and what it can report. */
export interface BuiltAnalysis {
  readonly plan: AnalysisPlan | undefined;
  readonly useCase: UseCaseHooks | undefined;
  /** What draws the annotated view, in order. */
  readonly drawers: readonly Drawer[];
  /** Labels that detections may carry; undefined when not known. */
  readonly labels: readonly string[] | undefined;
  readonly description: string;
}

/** What building an analysis needs of the host. */
export interface AnalysisSurroundings {
  readonly models: Readonly<Record<string, string | ModelConfig>>;
  readonly engines: EngineStore;
  /** The file of a model known by name, downloaded when it has to be. */
  readonly named: (name: string) => Promise<string | undefined>;
  readonly context: KindContext;
  readonly signal: AbortSignal;
}

type Analyse = NonNullable<StreamConfig["analyse"]>;

/** Loads the model and the use case that a stream asks for. */
export async function buildAnalysis(config: StreamConfig, request: StreamRequest, around: AnalysisSurroundings): Promise<BuiltAnalysis> {
  const { analyse } = config;
  const useCase = await chooseUseCase(analyse?.useCase, around.context);
  const { drawers, hooks } = useCase;
  const shared = analyse === undefined ? undefined : await openShared(analyse, useCase, request, around);
  if (analyse === undefined || shared === undefined) {
    return { plan: undefined, useCase: hooks, drawers, labels: undefined, description: analyse?.useCase ?? "no analysis" };
  }
  const { maxAgeMs = Infinity, minFps, priority, fps } = analyse;
  const runner = shared.model.share({ maxAgeMs, minFps, priority });
  const gate = analyse.gate === "motion" ? createMotionEngine({}) : undefined;
  const embedder = await openEmbedder(analyse, around);
  return { plan: { runner, fps, maxAgeMs, gate, embedder, minScore: shared.minScore }, useCase: hooks, drawers, labels: shared.labels, description: runner.description };
}

/** Trackers carry objects on through weak detections (ByteTrack's second association): the model reports down to this. */
const TRACKED_THRESHOLD = 0.1;

interface Shared {
  readonly model: SharedModel;
  /** The score from which on detections are reported. */
  readonly minScore: number;
  readonly labels: readonly string[] | undefined;
}

async function openShared(analyse: Analyse, useCase: ChosenUseCase, request: StreamRequest, around: AnalysisSurroundings): Promise<Shared | undefined> {
  const { context, engines, signal } = around;
  const share = (engine: Engine): SharedModel => new SharedModel(engine, { clock: context.clock, maxBatch: analyse.batch, maxDelayMs: analyse.maxBatchDelayMs });
  const name = analyse.model ?? useCase.hints.model;
  if (name === undefined) {
    if (useCase.engine === "motion") {
      // Motion remembers the frame before: every stream has one of its own.
      return { model: await engines.get(`motion ${context.stream}`, () => Promise.resolve(share(createMotionEngine({})))), labels: ["motion"], minScore: 0 };
    }
    if (useCase.task !== undefined || useCase.hooks?.interpret !== undefined) {
      throw new VedetteError("E_USAGE", { reason: `use case ${analyse.useCase ?? ""} needs a model: --model NAME|FILE.onnx` });
    }
    return undefined;
  }
  const { kind, config } = engineOf(analyse, request);
  const resolved = await resolveNamed(name, analyse, useCase, request, around);
  const isTracked = request.config.track !== undefined && resolved.task === "detect";
  const model = isTracked ? { ...resolved, threshold: Math.min(resolved.threshold, TRACKED_THRESHOLD) } : resolved;
  const module = useCase.hooks?.interpret === undefined ? interpreterModuleFor(model.family) : rawInterpreterModule;
  const key = JSON.stringify([model, kind.kind, config, module.href, analyse.batch, analyse.maxBatchDelayMs]);
  const open = async (): Promise<SharedModel> => share(await kind.open(config as never, model, { module, model }, context, signal));
  return { model: await engines.get(key, open), labels: model.labels, minScore: resolved.threshold };
}

/** The embedding network for a tracker that wants looks, one crop per detection. */
async function openEmbedder(analyse: Analyse, around: AnalysisSurroundings): Promise<Embedder | undefined> {
  if (analyse.embedModel === undefined) {
    return undefined;
  }
  const { context, signal } = around;
  const model = await resolveModel(analyse.embedModel, { task: "embed" }, { baseDir: context.baseDir, named: around.named });
  const engine = await openEmbeddedEngine(model, context, signal);
  const reader = createFrameReader();
  const embedder = new CropEmbedder(engine, reader, { onError: (error) => context.log.warn(`looks: ${String(error)}`) });
  return {
    embed: (frame, detections, until) => embedder.embed(frame, detections, until),
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await reader[Symbol.asyncDispose]();
    },
  };
}

async function resolveNamed(name: string, analyse: Analyse, useCase: ChosenUseCase, request: StreamRequest, around: AnalysisSurroundings): Promise<Model> {
  const configured = around.models[name];
  const said: ModelConfig = typeof configured === "string" ? { file: configured } : (configured ?? {});
  const { file, ...flags } = {
    ...(useCase.task === undefined ? {} : { task: useCase.task }),
    ...said,
    ...request.model,
    ...(analyse.threshold === undefined ? {} : { threshold: analyse.threshold }),
  };
  return resolveModel(file ?? name, flags, { baseDir: around.context.baseDir, named: around.named });
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
