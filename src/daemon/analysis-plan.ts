import { chooseUseCase } from "./use-case.ts";
import { askPatiently, engineOf, resolveNamed, withoutFunctions } from "./choose-engine.ts";
import { openEmbeddedEngine } from "./open-engine.ts";
import { planShadow } from "./shadow-plan.ts";
import { createFrameReader } from "../media/index.ts";
import { CropEmbedder } from "../trackers/crop-embedder.ts";
import { SharedModel } from "../pipeline/model-runner.ts";
import { VedetteError } from "../errors.ts";
import { FallbackEngine } from "../engines/fallback-engine.ts";
import { createMotionEngine } from "../engines/motion/motion-engine.ts";
import { resolveModel } from "../models/resolve.ts";
import { interpreterModuleFor } from "../tasks/interpreter.ts";
import { rawInterpreterModule } from "../use-cases/isolate/raw-interpreter.ts";
import type { Analyse, AnalysisSurroundings, ChosenEngine } from "./choose-engine.ts";
import type { StreamRequest } from "./stream-request.ts";
import type { ChosenUseCase } from "./use-case.ts";
import type { StreamConfig } from "../config/schema.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { Engine } from "../contracts/engine.ts";
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
  const shadow = await planShadow(analyse, useCase, request, around);
  return { plan: { runner, fps, maxAgeMs, gate, embedder, shadow, minScore: shared.minScore }, useCase: hooks, drawers, labels: shared.labels, description: runner.description };
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
    checkNeedsNone(useCase, analyse);
    // Motion remembers the frame before: every stream has one of its own.
    const motion = useCase.engine === "motion" ? await engines.get(`motion ${context.stream}`, () => Promise.resolve(share(createMotionEngine({})))) : undefined;
    return motion && { model: motion, labels: ["motion"], minScore: 0 };
  }
  const chosen = engineOf(analyse.engine, analyse, request);
  const fallback = analyse.fallback === undefined ? undefined : engineOf(analyse.fallback, {}, {});
  checkPrepare(useCase, chosen, analyse);
  // What takes over needs the weights here, whatever the server has.
  const resolved = await resolveNamed(name, analyse, useCase, request, around, fallback ?? chosen);
  const isTracked = request.config.track !== undefined && resolved.task === "detect";
  const model = isTracked ? { ...resolved, threshold: Math.min(resolved.threshold, TRACKED_THRESHOLD) } : resolved;
  const module = useCase.hooks?.interpret === undefined ? interpreterModuleFor(model.family) : rawInterpreterModule;
  const key = JSON.stringify([model, chosen, fallback, analyse.fallbackAfterMs, module.href, analyse.batch, analyse.maxBatchDelayMs], withoutFunctions);
  const openPrimary = (openSignal: AbortSignal): Promise<Engine> => chosen.kind.open(chosen.config, model, { module, model }, context, openSignal);
  const open = async (): Promise<SharedModel> => {
    if (fallback === undefined) {
      return share(await askPatiently(() => openPrimary(signal), around));
    }
    const second = await fallback.kind.open(fallback.config, model, { module, model }, context, signal);
    return share(await FallbackEngine.open({ openPrimary, fallback: second, patienceMs: analyse.fallbackAfterMs, clock: context.clock, log: context.log }, signal));
  };
  // A server's model may come without names: rules cannot be checked against them then.
  const labels = model.labels.length > 0 || model.file !== undefined ? model.labels : undefined;
  return { model: await engines.get(key, open), labels, minScore: resolved.threshold };
}

function checkNeedsNone(useCase: ChosenUseCase, { useCase: name = "" }: Analyse): void {
  if (useCase.engine === undefined && (useCase.task !== undefined || useCase.hooks?.interpret !== undefined)) {
    throw new VedetteError("E_USAGE", { reason: `use case ${name} needs a model: --model NAME|FILE.onnx` });
  }
}

/** JPEGs go to the server as they are: a use case that changes pixels would change nothing. */
function checkPrepare(useCase: ChosenUseCase, { kind, config }: ChosenEngine, analyse: Analyse): void {
  const sendsJpeg = kind.kind === "torchserve" || (config as { binaryInput?: boolean }).binaryInput === true;
  if (useCase.hooks?.prepare !== undefined && sendsJpeg) {
    throw new VedetteError("E_USAGE", { reason: `use case ${analyse.useCase ?? ""} prepares pixels, but engine ${kind.kind} sends JPEGs: leave out prepare, or send tensors` });
  }
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
