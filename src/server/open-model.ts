import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { TensorEngine } from "../contracts/tensor-engine.ts";
import { VedetteError } from "../errors.ts";
import { OnnxTensorEngine } from "../engines/onnx/tensor-engine.ts";
import { examineModel } from "../models/resolve.ts";
import type { ModelFlags } from "../models/manifest.ts";
import { readModelArchive } from "./model-archive.ts";
import type { ModelSource } from "./model-registry.ts";
import { ServedModel, type ServingLimits } from "./served-model.ts";

/** Opens a network's file for tensors. */
export type OpenTensorEngine = (name: string, file: string, workers: number, signal: AbortSignal) => Promise<TensorEngine>;

/** What opening a model needs. */
export interface OpenModelOptions {
  readonly limits: ServingLimits;
  readonly clock: Clock;
  readonly openEngine: OpenTensorEngine;
}

/** Opens ONNX Runtime in threads: 0 workers means as many as there are cores, up to four. */
export function onnxTensorEngines(clock: Clock): OpenTensorEngine {
  return (name, file, workers, signal) => {
    const cores = availableParallelism();
    const executors = workers > 0 ? workers : Math.max(1, Math.min(4, cores));
    const threads = Math.max(1, Math.floor(cores / executors));
    return OnnxTensorEngine.open({ name, file, provider: "auto", device: 0, threads, executors, clock }, signal);
  };
}

/**
 * Opens a source for serving: an ONNX file, a manifest, or an archive. A file without enough of a manifest serves tensors
 * only. Throws what the file, the archive or the engine says.
 */
export async function openModel(source: ModelSource, options: OpenModelOptions, signal: AbortSignal): Promise<ServedModel> {
  if (extname(source.path) !== ".mar") {
    return serve(source, source.path, {}, options, signal, undefined);
  }
  const archive = await readModelArchive(source.path);
  const folder = await mkdtemp(join(tmpdir(), "vedette-model-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, "model.onnx");
    await writeFile(file, archive.onnx);
    return await serve(source, file, archive.flags, options, signal, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Name and version that a file gives itself: an archive says, other files go by their name and are version 1.0. */
export async function examineFile(path: string): Promise<{ readonly name: string; readonly version: string }> {
  if (extname(path) === ".mar") {
    const { name, version } = await readModelArchive(path);
    return { name, version };
  }
  return { name: basename(path, extname(path)), version: "1.0" };
}

async function serve(
  source: ModelSource,
  path: string,
  flags: ModelFlags,
  options: OpenModelOptions,
  signal: AbortSignal,
  onDisposed: (() => Promise<void>) | undefined,
): Promise<ServedModel> {
  const { model, onnx } = await examineModel(path, flags);
  const file = model?.file ?? onnx?.path;
  if (file === undefined) {
    throw new VedetteError("E_MODEL_INCOMPLETE", { model: source.name, missing: "the file of its weights", flags: "--model NAME=FILE" });
  }
  const engine = await options.openEngine(source.name, file, source.workers, signal);
  return new ServedModel({
    name: source.name,
    version: source.version,
    engine,
    model,
    origin: basename(source.path),
    limits: { ...options.limits, ...source.limits },
    clock: options.clock,
    ...(onDisposed === undefined ? {} : { onDisposed }),
  });
}
