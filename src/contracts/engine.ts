import type { InputPixels } from "./frame.ts";
import type { Finding } from "../domain/result.ts";
import type { InputGeometry, InputSpec, Model, Tensor } from "../domain/model.ts";
import type { MediaTimeUs } from "../domain/time.ts";

/** Reads a network's outputs: pure, no state, no clock. One per model, made by the task's family. */
export interface Interpreter {
  /**
   * Outputs of one frame (batch dimension 1, already split) to a finding in source pixels. Throws `E_MODEL_OUTPUT` when
   * the outputs do not fit the family, saying what was expected and what came. Typed arrays in the finding are handed
   * over, also the outputs' own: the interpreter must not use them again. Outputs that it does not hand over are gone
   * after the call.
   */
  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding;
}

/**
 * Where an engine finds the interpreter: a module exporting `createInterpreter(model): Interpreter`, so that an engine
 * with workers reads the numbers beside the computation and only findings cross threads.
 */
export interface InterpreterRef {
  readonly module: URL;
  readonly model: Model;
}

/** One frame's pixels on their way into a network. */
export interface EngineRequest {
  readonly pixels: InputPixels;
  readonly ptsUs: MediaTimeUs;
  /** JPEG of the same picture, when the engine asked for it (`wantsJpeg`). */
  readonly jpeg?: Uint8Array;
}

/** What came back for one frame. */
export interface EngineReply {
  readonly finding: Finding;
  readonly inferMs: number;
  readonly interpretMs: number;
}

/**
 * Runs a model. `infer` may be called up to `parallelism` times at once; replies may come in any order (the pipeline
 * restores it). A rejected call concerns its own frames only; the engine goes on. After disposal nothing of it runs.
 */
export interface Engine extends AsyncDisposable {
  /** One line for people: what runs where, and why (`onnx: cpu, 2 executors × 1 thread (cuda: no CUDA library found)`). */
  readonly description: string;
  readonly input: InputSpec;
  /** How many `infer` calls can usefully run at once. */
  readonly parallelism: number;
  /**
   * Set when it sends pictures as JPEG: requests then carry `jpeg`, of the whole frame, at this quality (1…100, as libjpeg
   * counts). Unless `withPixels`, only the geometry of their `pixels` counts, and the data may be left empty.
   */
  readonly wantsJpeg?: { readonly quality: number; readonly withPixels?: boolean } | undefined;
  /** Batch sizes it takes, rising; `[1]` when it cannot batch. */
  readonly batchSizes: readonly number[];
  /** Replies in the order of the requests. Pixels may be reused by the caller once it settles. */
  infer(batch: readonly EngineRequest[], signal: AbortSignal): Promise<readonly EngineReply[]>;
}
