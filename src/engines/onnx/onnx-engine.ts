import { VedetteError } from "../../errors.ts";
import type { Engine, EngineReply, EngineRequest } from "../../contracts/engine.ts";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { InputSpec } from "../../domain/model.ts";
import { Executor, type Job } from "./executor.ts";
import type { ExecutorReady, ExecutorSetup, FramePixels } from "./messages.ts";

/** What an engine is opened with. */
export interface OnnxEngineOptions {
  readonly setup: ExecutorSetup;
  readonly executors: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** ONNX Runtime in worker threads. Calls wait in one queue; executors take them in turn. */
export class OnnxEngine implements Engine {
  readonly input: InputSpec;
  readonly #options: OnnxEngineOptions;
  readonly #executors: readonly Executor[];
  readonly #queue: Job[] = [];
  #ready: ExecutorReady = { provider: "cpu", passedOver: [], batchSizes: [1] };
  /** Set while no executor works and none could be started again. */
  #broken: VedetteError | undefined;
  #disposal: Promise<void> | undefined;

  private constructor(options: OnnxEngineOptions) {
    this.#options = options;
    this.input = options.setup.model.input;
    this.#executors = Array.from({ length: options.executors }, () => this.#createExecutor());
  }

  /** Starts the executors side by side and waits for all of them. Throws coded errors; nothing runs on then. */
  static async open(options: OnnxEngineOptions, signal: AbortSignal): Promise<OnnxEngine> {
    const engine = new OnnxEngine(options);
    try {
      const [ready] = await Promise.all(engine.#executors.map((executor) => executor.start(signal)));
      engine.#ready = ready ?? engine.#ready;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
    return engine;
  }

  get description(): string {
    const { executors, setup } = this.#options;
    const { provider, passedOver } = this.#ready;
    const why = passedOver.length > 0 ? ` (${passedOver.join("; ")})` : setup.provider === provider ? " (as asked)" : "";
    return `onnx: ${provider}, ${executors} ${executors === 1 ? "executor" : "executors"} × ${setup.threads} ${setup.threads === 1 ? "thread" : "threads"}${why}`;
  }

  /** One more than there are executors: the next frame is there when one gets free. */
  get parallelism(): number {
    return this.#executors.length + 1;
  }

  get batchSizes(): readonly number[] {
    return this.#ready.batchSizes;
  }

  async infer(batch: readonly EngineRequest[], signal: AbortSignal): Promise<readonly EngineReply[]> {
    signal.throwIfAborted();
    if (this.#disposal !== undefined) {
      throw closed();
    }
    if (this.#broken !== undefined) {
      throw this.#broken;
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly EngineReply[]>();
    const job: Job = { frames: batch.map(toFramePixels), resolve, reject };
    const onAbort = (): void => {
      const place = this.#queue.indexOf(job);
      if (place >= 0) {
        this.#queue.splice(place, 1);
      }
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#queue.push(job);
    this.#dispatch();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  async #close(): Promise<void> {
    this.#rejectQueue(closed());
    await Promise.all(this.#executors.map((executor) => executor[Symbol.asyncDispose]()));
  }

  #createExecutor(): Executor {
    const { log } = this.#options;
    return new Executor(this.#options.setup, this.#options.clock, {
      onFree: () => {
        this.#broken = undefined;
        this.#dispatch();
      },
      onDeath: (error, notBegun, restartInMs) => {
        this.#queue.unshift(...notBegun);
        log.warn(`${error.message}; its frame is lost, another starts in ${restartInMs} ms`);
        this.#dispatch();
      },
      onRestartFailed: (error) => {
        log.warn(`an executor could not be started again: ${error.message}`);
        if (this.#executors.every((executor) => !executor.isRunning)) {
          this.#broken = error;
          this.#rejectQueue(error);
        }
      },
    });
  }

  /** Gives waiting jobs to the executors with the least to do. */
  #dispatch(): void {
    while (this.#queue.length > 0) {
      const free = this.#executors.filter((executor) => executor.isFree).sort((a, b) => a.load - b.load)[0];
      const job = free === undefined ? undefined : this.#queue.shift();
      if (free === undefined || job === undefined) {
        return;
      }
      free.run(job);
    }
  }

  #rejectQueue(error: VedetteError): void {
    for (const job of this.#queue.splice(0)) {
      job.reject(error);
    }
  }
}

function closed(): VedetteError {
  return new VedetteError("E_ENGINE_FAILED", { engine: "onnx", reason: "the engine is closed" });
}

/** What crosses to the thread. Shared memory stays where it is; anything else is copied into shared memory first. */
function toFramePixels({ pixels }: EngineRequest): FramePixels {
  const { width, height, channels, geometry } = pixels;
  const length = width * height * channels;
  if (pixels.data.length < length) {
    throw new RangeError(`expected ${length} bytes of pixels (${width} × ${height} × ${channels}), got ${pixels.data.length}`);
  }
  if (pixels.data.buffer instanceof SharedArrayBuffer) {
    return { data: pixels.data.subarray(0, length), width, height, geometry };
  }
  const data = new Uint8Array(new SharedArrayBuffer(length));
  data.set(pixels.data.subarray(0, length));
  return { data, width, height, geometry };
}
