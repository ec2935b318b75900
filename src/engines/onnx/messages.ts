import type { EngineReply } from "../../contracts/engine.ts";
import type { ErrorCode, ErrorDetails } from "../../errors.ts";
import type { InputGeometry, Model } from "../../domain/model.ts";

/** Execution providers of ONNX Runtime that can be asked for. */
export type ProviderName = "cpu" | "cuda" | "tensorrt" | "coreml" | "dml" | "webgpu";

/** What an executor's thread is started with. Plain data: it crosses threads. */
export interface ExecutorSetup {
  readonly model: Model;
  readonly file: string;
  /** Address of the module that reads the outputs, and the model it is made for. */
  readonly interpreterModule: string;
  readonly interpreterModel: Model;
  readonly provider: ProviderName | "auto";
  /** Index of the GPU. */
  readonly device: number;
  /** Threads inside one run. */
  readonly threads: number;
  /** Whether these threads wait actively. */
  readonly spin: boolean;
}

/** Pixels of one frame, on shared memory. */
export interface FramePixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly geometry: InputGeometry;
}

/** To the executor's thread. One `infer` at a time. */
export type ToExecutor = { readonly type: "infer"; readonly id: number; readonly frames: readonly FramePixels[] } | { readonly type: "close" };

/** What an executor says once it can work. */
export interface ExecutorReady {
  readonly provider: ProviderName;
  /** Why not a better one: `cuda: its library is not installed`. Empty when there is nothing to explain. */
  readonly passedOver: readonly string[];
  readonly batchSizes: readonly number[];
}

/** An error of the table as plain data. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
}

/** From the executor's thread. */
export type FromExecutor =
  | ({ readonly type: "ready" } & ExecutorReady)
  | { readonly type: "refused"; readonly error: PlainError }
  | { readonly type: "replied"; readonly id: number; readonly replies: readonly EngineReply[] }
  | { readonly type: "failed"; readonly id: number; readonly error: PlainError };
