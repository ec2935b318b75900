import { Worker } from "node:worker_threads";
import type { Clock } from "../../contracts/clock.ts";
import type { TensorEngine } from "../../contracts/tensor-engine.ts";
import type { Tensor, TensorSpec } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import type { FromTensorThread, TensorThreadSetup, ToTensorThread } from "./tensor-messages.ts";

/** How a tensor engine is opened. */
export interface TensorEngineOptions extends TensorThreadSetup {
  /** Threads with a copy of the network each. */
  readonly executors: number;
  readonly clock: Clock;
}

interface Job {
  readonly inputs: readonly Tensor[];
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: Error) => void;
}

type Ready = Extract<FromTensorThread, { type: "ready" }>;

const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./tensor-worker.ts" : "./tensor-worker.js", import.meta.url);
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
const CLOSE_MS = 1_000;

/** One thread; replaced by its engine when it dies. */
class TensorThread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, Job>();
  readonly exited: Promise<void>;
  readonly ready: Promise<Ready>;
  #nextId = 0;

  constructor(setup: TensorThreadSetup, onFree: () => void) {
    const ready = Promise.withResolvers<Ready>();
    const exited = Promise.withResolvers<undefined>();
    this.ready = ready.promise;
    this.exited = exited.promise;
    this.#worker = new Worker(THREAD, { workerData: setup, name: "vedette-tensors" });
    let failure = new VedetteError("E_ENGINE_FAILED", { engine: setup.name, reason: "its thread ended" });
    this.#worker.on("error", (error: Error) => {
      failure = new VedetteError("E_ENGINE_FAILED", { engine: setup.name, reason: `its thread died: ${error.message}` }, { cause: error });
    });
    this.#worker.on("message", (message: FromTensorThread) => {
      if (message.type === "ready") {
        ready.resolve(message);
      } else if (message.type === "refused") {
        ready.reject(new VedetteError(message.error.code, message.error.details));
      } else {
        this.#settle(message);
        onFree();
      }
    });
    this.#worker.once("exit", () => {
      ready.reject(failure);
      this.#jobs.forEach((job) => job.reject(failure));
      this.#jobs.clear();
      exited.resolve(undefined);
    });
  }

  get load(): number {
    return this.#jobs.size;
  }

  run(job: Job): void {
    const id = this.#nextId++;
    this.#jobs.set(id, job);
    const inputs = job.inputs.map(owned);
    const transfer = inputs.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : []));
    this.#post({ type: "infer", id, inputs }, transfer);
  }

  async close(): Promise<void> {
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_MS);
    this.#post({ type: "close" }, []);
    await this.exited;
    clearTimeout(timer);
  }

  #post(message: ToTensorThread, transfer: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer);
  }

  #settle(message: Extract<FromTensorThread, { type: "replied" | "failed" }>): void {
    const job = this.#jobs.get(message.id);
    this.#jobs.delete(message.id);
    if (message.type === "replied") {
      job?.resolve(message.outputs);
    } else {
      job?.reject(new VedetteError(message.error.code, message.error.details));
    }
  }
}

/** ONNX Runtime on tensors, in threads: what the model server runs models with. A thread that dies is replaced. */
export class OnnxTensorEngine implements TensorEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly description: string;
  readonly #options: TensorEngineOptions;
  readonly #threads: (TensorThread | undefined)[];
  readonly #queue: Job[] = [];
  readonly #closing = new AbortController();
  #keepers: Promise<void>[] = [];
  #disposal: Promise<void> | undefined;

  private constructor(options: TensorEngineOptions, threads: TensorThread[], { provider, inputs, outputs }: Ready) {
    this.#options = options;
    this.#threads = threads;
    this.inputs = inputs;
    this.outputs = outputs;
    this.description = `onnx: ${provider}, ${options.executors} × ${options.threads} threads`;
  }

  /** Starts the threads and waits until all have loaded the model. Throws `E_MODEL_BROKEN` and `E_ENGINE_UNAVAILABLE`. */
  static async open(options: TensorEngineOptions, signal: AbortSignal): Promise<OnnxTensorEngine> {
    signal.throwIfAborted();
    const onFree = (): void => engine?.dispatch();
    let engine: OnnxTensorEngine | undefined;
    const { name, file, provider, device, threads: threadCount } = options;
    const setup = { name, file, provider, device, threads: threadCount };
    const threads = Array.from({ length: options.executors }, () => new TensorThread(setup, onFree));
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const [ready] = await Promise.race([Promise.all(threads.map((thread) => thread.ready)), aborted.promise]);
      // There is at least one executor.
      engine = new OnnxTensorEngine(options, threads, ready as Ready);
      engine.#keepers = threads.map((thread, index) => (engine as OnnxTensorEngine).#keep(thread, index, setup, onFree));
      return engine;
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.close()));
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  get parallelism(): number {
    return this.#options.executors;
  }

  async infer(inputs: readonly Tensor[], signal: AbortSignal): Promise<readonly Tensor[]> {
    signal.throwIfAborted();
    if (this.#disposal !== undefined) {
      throw this.#stopped();
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly Tensor[]>();
    const job: Job = { inputs, resolve, reject };
    const onAbort = (): void => {
      const place = this.#queue.indexOf(job);
      if (place >= 0) {
        this.#queue.splice(place, 1);
      }
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#queue.push(job);
    this.dispatch();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= (async () => {
      this.#closing.abort();
      this.#queue.splice(0).forEach((job) => job.reject(this.#stopped()));
      await Promise.all(this.#threads.filter((thread) => thread !== undefined).map((thread) => thread.close()));
      await Promise.all(this.#keepers);
    })();
    return this.#disposal;
  }

  /** Gives waiting jobs to idle threads. @internal */
  dispatch(): void {
    for (const thread of this.#threads) {
      if (thread?.load === 0) {
        const job = this.#queue.shift();
        if (job === undefined) {
          return;
        }
        thread.run(job);
      }
    }
  }

  /** Replaces a thread each time it ends, until the engine is disposed. */
  async #keep(first: TensorThread, index: number, setup: TensorThreadSetup, onFree: () => void): Promise<void> {
    let thread = first;
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#closing.signal.aborted) {
      await thread.exited;
      this.#threads[index] = undefined;
      try {
        await this.#options.clock.sleep(pauseMs, this.#closing.signal);
        thread = new TensorThread(setup, onFree);
        this.#threads[index] = thread;
        await thread.ready;
        pauseMs = FIRST_PAUSE_MS;
        this.dispatch();
      } catch {
        // Ended again, or disposed: the loop decides which.
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      }
    }
  }

  #stopped(): VedetteError {
    return new VedetteError("E_STOPPED", { what: this.#options.name });
  }
}

/** The tensor over memory of its own, which can be handed over whole: inputs often are views of a larger message. */
function owned(tensor: Tensor): Tensor {
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) {
    return tensor;
  }
  if (Buffer.isBuffer(data)) {
    // A Buffer's own slice is a view.
    return { ...tensor, data: Uint8Array.from(data) };
  }
  const isWhole = data.byteOffset === 0 && data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer;
  return isWhole ? tensor : { ...tensor, data: data.slice() };
}
