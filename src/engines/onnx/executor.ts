import { Worker } from "node:worker_threads";
import { VedetteError } from "../../errors.ts";
import type { Clock } from "../../contracts/clock.ts";
import type { EngineReply } from "../../contracts/engine.ts";
import type { ExecutorReady, ExecutorSetup, FramePixels, FromExecutor, ToExecutor } from "./messages.ts";

/** One call under way. Settled exactly once. */
export interface Job {
  readonly frames: readonly FramePixels[];
  resolve(replies: readonly EngineReply[]): void;
  reject(error: Error): void;
}

/** What an executor tells its engine. */
export interface ExecutorEvents {
  /** It can take a job. */
  onFree(): void;
  /** Its thread ended by itself; jobs that it had not begun come back. */
  onDeath(error: VedetteError, notBegun: readonly Job[], restartInMs: number): void;
  /** A new thread could not be started either. */
  onRestartFailed(error: VedetteError): void;
}

/** One job in the thread's hands, one that waits there so that no time passes between them. */
const DEPTH = 2;
const FIRST_BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 30_000;
/** How long a thread may take to leave by itself; it finishes the run it is in. */
const CLOSE_MS = 1_000;

/** JavaScript's own memory in the thread: a runaway interpreter ends there, long before the machine suffers. */
const MOST_HEAP_MB = 256;

/** Next to this file, compiled or not. */
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/** One worker thread with its network, replaced when it dies. */
export class Executor implements AsyncDisposable {
  readonly #setup: ExecutorSetup;
  readonly #clock: Clock;
  readonly #events: ExecutorEvents;
  readonly #closing = new AbortController();
  readonly #jobs = new Map<number, Job>();
  #thread: Worker | undefined;
  #exited: Promise<void> = Promise.resolve();
  #isReady = false;
  #nextId = 0;
  /** Deaths since the last job that went well. */
  #deaths = 0;

  constructor(setup: ExecutorSetup, clock: Clock, events: ExecutorEvents) {
    this.#setup = setup;
    this.#clock = clock;
    this.#events = events;
  }

  /** How many jobs it has. */
  get load(): number {
    return this.#jobs.size;
  }

  /** Whether its thread works. */
  get isRunning(): boolean {
    return this.#isReady;
  }

  /** Whether it can take a job now. */
  get isFree(): boolean {
    return this.#isReady && this.#jobs.size < DEPTH;
  }

  /** Starts the thread and waits until it has loaded the model. Throws why it could not. */
  async start(signal: AbortSignal): Promise<ExecutorReady> {
    signal.throwIfAborted();
    const thread = new Worker(THREAD, { workerData: this.#setup, name: "vedette-onnx", resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB } });
    this.#thread = thread;
    const { promise: exited, resolve: resolveExited } = Promise.withResolvers<undefined>();
    this.#exited = exited;
    const { promise, resolve, reject } = Promise.withResolvers<ExecutorReady>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    let failure = new VedetteError("E_ENGINE_FAILED", { engine: "onnx", reason: "an executor's thread ended" });
    thread.on("error", (error: Error) => {
      failure = new VedetteError("E_ENGINE_FAILED", { engine: "onnx", reason: `an executor's thread died: ${error.message}` }, { cause: error });
    });
    thread.on("message", (message: FromExecutor) => {
      if (message.type === "ready") {
        resolve(message);
      } else if (message.type === "refused") {
        reject(new VedetteError(message.error.code, message.error.details));
      } else {
        this.#settle(message);
      }
    });
    thread.once("exit", () => {
      resolveExited(undefined);
      reject(failure);
      this.#onExit(failure);
    });
    try {
      const ready = await promise;
      this.#isReady = true;
      return ready;
    } catch (error) {
      await thread.terminate();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Hands a job to the thread. Only while {@link isFree}. */
  run(job: Job): void {
    const id = this.#nextId++;
    this.#jobs.set(id, job);
    this.#post({ type: "infer", id, frames: job.frames });
  }

  /** Ends the thread, at the latest after its present run; jobs are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#isReady = false;
    const thread = this.#thread;
    if (thread === undefined) {
      return;
    }
    const timer = setTimeout(() => void thread.terminate(), CLOSE_MS);
    this.#post({ type: "close" });
    await this.#exited;
    clearTimeout(timer);
  }

  #post(message: ToExecutor): void {
    this.#thread?.postMessage(message);
  }

  #settle(message: Extract<FromExecutor, { type: "replied" | "failed" }>): void {
    const job = this.#jobs.get(message.id);
    this.#jobs.delete(message.id);
    this.#deaths = 0;
    if (message.type === "replied") {
      job?.resolve(message.replies);
    } else {
      job?.reject(new VedetteError(message.error.code, message.error.details));
    }
    this.#events.onFree();
  }

  #onExit(failure: VedetteError): void {
    const wasReady = this.#isReady;
    this.#isReady = false;
    this.#thread = undefined;
    const [current, ...notBegun] = this.#jobs.values();
    this.#jobs.clear();
    current?.reject(failure);
    if (!wasReady) {
      notBegun.forEach((job) => job.reject(failure));
      return;
    }
    const restartInMs = Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** this.#deaths);
    this.#deaths += 1;
    this.#events.onDeath(failure, notBegun, restartInMs);
    void this.#restart(restartInMs);
  }

  /** Tries until a thread works or the executor is disposed. */
  async #restart(firstPauseMs: number): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(LONGEST_BACK_OFF_MS, pauseMs * 2)) {
      try {
        await this.#clock.sleep(pauseMs, this.#closing.signal);
        await this.start(this.#closing.signal);
        this.#events.onFree();
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) {
          return;
        }
        this.#events.onRestartFailed(error as VedetteError);
      }
    }
  }
}
