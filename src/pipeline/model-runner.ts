import { DroppedFrame } from "./dropped-frame.ts";
import { Batcher } from "../runtime/batcher.ts";
import type { ModelRunner, RunOptions } from "./plan.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Engine, EngineReply, EngineRequest } from "../contracts/engine.ts";
import type { BatchStream, BatcherStats } from "../runtime/batcher.ts";

/** How one stream shares a model. */
export interface ShareOptions {
  /** Live streams lose frames rather than grow old; files wait. */
  readonly maxAgeMs: number;
  readonly minFps: number;
  readonly priority: number;
}

/** How many frames of one stream may wait for a model at most. More are never under way than the pipeline allows. */
const CAPACITY = 512;

/**
 * One model, shared by all streams of a host: frames go through the batcher, which keeps streams fair, fills batches and
 * drops what would be too old. Owns the engine.
 */
export class SharedModel implements AsyncDisposable {
  readonly engine: Engine;
  readonly #batcher: Batcher<EngineRequest, EngineReply>;
  readonly #maxBatch: number;

  constructor(engine: Engine, options: { readonly clock: Clock; readonly maxBatch: number; readonly maxDelayMs: number }) {
    this.engine = engine;
    const batchSizes = engine.batchSizes.filter((size) => size <= options.maxBatch);
    this.#maxBatch = batchSizes.at(-1) ?? 1;
    this.#batcher = new Batcher<EngineRequest, EngineReply>({
      clock: options.clock,
      batchSizes,
      maxDelayMs: this.#maxBatch > 1 ? options.maxDelayMs : 0,
      parallelism: engine.parallelism,
      run: (items, signal) => engine.infer(items, signal),
    });
  }

  /** What the batcher has done so far. */
  stats(): BatcherStats {
    return this.#batcher.stats();
  }

  /** One stream's way to the model; disposed with the model. */
  share(options: ShareOptions): ModelRunner {
    const stream = this.#batcher.join({ ...options, capacity: CAPACITY, whenFull: "refuse" });
    const { engine } = this;
    return {
      input: engine.input,
      // Changes when an engine with a fallback is reached for the first time.
      get wantsJpeg() {
        return engine.wantsJpeg;
      },
      parallelism: this.engine.parallelism * this.#maxBatch,
      description: this.engine.description,
      run: (request, run) => submit(stream, request, run),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batcher[Symbol.asyncDispose]();
    await this.engine[Symbol.asyncDispose]();
  }
}

async function submit(stream: BatchStream<EngineRequest, EngineReply>, request: EngineRequest, run: RunOptions): Promise<EngineReply> {
  const outcome = await stream.submit(request, run);
  if (outcome.kind === "dropped") {
    throw new DroppedFrame(outcome.reason);
  }
  return outcome.value;
}
