import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Worker, type Transferable } from "node:worker_threads";
import { pathToFileURL } from "node:url";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import { VedetteError } from "../../errors.ts";
import { toFault } from "./fault-place.ts";
import type { Call, Fault, FromUseCase, Hook, Place } from "./messages.ts";
import { stopThread } from "./stop-thread.ts";

/** How long things may take. */
export interface Budgets {
  /** Loading the file, top-level code included. */
  readonly loadMs: number;
  /** One call of one function. */
  readonly callMs: number;
}

/** What a use case's thread says once its file is loaded. */
export type Loaded = Extract<FromUseCase, { type: "loaded" }>;

/** How long a stuck thread is looked at before it is ended. */
const LOOK_MS = 2_000;
const MOST_HEAP_MB = 256;

/** Next to this file, compiled or not. */
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

interface Waiting {
  readonly id: number | "load";
  readonly what: string;
  isAnswered: boolean;
  resolve(message: FromUseCase): void;
  reject(error: VedetteError): void;
}

/** One life of a use case's thread: from loading the file to its end, which a hang or a crash may bring early. */
export class UseCaseThread implements AsyncDisposable {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  /** Why the thread ended, once it has. */
  #end: VedetteError;
  /** An answer about loading that came together with the one before, when nobody waited for it yet. */
  #early: FromUseCase | undefined;
  #waiting: Waiting | undefined;
  /** While it is being ended for taking too long: its end is no news then. */
  #isStopping = false;
  #isOver = false;
  #nextId = 0;

  private constructor(file: string, clock: Clock, log: Logger, onLost: (error: VedetteError) => void) {
    this.#file = file;
    this.#clock = clock;
    const worker = new Worker(THREAD, {
      workerData: pathToFileURL(file).href,
      name: "vedette-use-case",
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
    });
    this.#worker = worker;
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => log.debug(text.trimEnd()));
    }
    this.#end = this.#error("the thread", { reason: "the file ended its own thread", place: undefined });
    worker.on("error", (error: Error) => {
      this.#end = this.#error("the thread", toFault(error), error);
    });
    worker.on("message", (message: FromUseCase) => {
      if (message.type === "log") {
        log[message.level](message.text);
      } else {
        this.#onMessage(message);
      }
    });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#exited = promise.then();
    worker.once("exit", () => {
      resolve(undefined);
      const wasOver = this.#isOver;
      this.#isOver = true;
      if (this.#waiting !== undefined) {
        if (!this.#isStopping) {
          this.#waiting.reject(this.#end);
        }
      } else if (!wasOver) {
        onLost(this.#end);
      }
    });
  }

  /** Starts a thread and loads the file. Throws `E_USE_CASE`, and nothing is left running then. */
  static async start(file: string, budgets: Budgets, clock: Clock, log: Logger, onLost: (error: VedetteError) => void): Promise<[UseCaseThread, Loaded]> {
    const thread = new UseCaseThread(file, clock, log, onLost);
    try {
      // Starting a thread takes as long as the machine pleases; the budget is for the user's code.
      await thread.#wait("load", "loading", 30_000);
      const message = await thread.#wait("load", "loading", budgets.loadMs);
      if (message.type !== "loaded") {
        throw thread.#error("loading", message.type === "refused" ? message.fault : { reason: "no answer", place: undefined });
      }
      return [thread, message];
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** False once the thread has ended, for whatever reason. */
  get isAlive(): boolean {
    return !this.#isOver;
  }

  /** Calls one function; one call at a time. Throws `E_USE_CASE` when it throws, hangs (the thread is ended) or dies. */
  async call(hook: Hook, args: readonly unknown[], transfer: readonly Transferable[], callMs: number): Promise<unknown> {
    const id = this.#nextId++;
    const call: Call = { id, hook, args };
    this.#worker.postMessage(call, transfer);
    const message = await this.#wait(id, hook, callMs);
    if (message.type === "returned") {
      return message.value;
    }
    throw this.#error(hook, message.type === "threw" ? message.fault : { reason: "no answer", place: undefined });
  }

  /** Ends the thread, in the middle of what it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#worker.terminate();
    await this.#exited;
  }

  /** A failure in words: `gate.ts:12: draw: x is not defined`. */
  #error(what: string, fault: Fault, cause?: unknown): VedetteError {
    return new VedetteError("E_USE_CASE", { where: placeText(this.#file, fault.place), reason: `${what}: ${fault.reason}` }, { cause });
  }

  async #wait(id: number | "load", what: string, budgetMs: number): Promise<FromUseCase> {
    const early = id === "load" ? this.#early : undefined;
    if (early !== undefined) {
      this.#early = undefined;
      return early;
    }
    if (this.#isOver) {
      throw this.#end;
    }
    const { promise, resolve, reject } = Promise.withResolvers<FromUseCase>();
    this.#waiting = { id, what, isAnswered: false, resolve, reject };
    const timer = this.#clock.timer(budgetMs, () => {
      // An answer may be there already, behind whatever kept this thread from looking: messages come before immediates.
      setImmediate(() => {
        if (this.#waiting?.id === id && !this.#isOver) {
          void this.#stop(what, budgetMs);
        }
      });
    });
    try {
      return await promise;
    } finally {
      timer[Symbol.dispose]();
      this.#waiting = undefined;
    }
  }

  #onMessage(message: Exclude<FromUseCase, { type: "log" }>): void {
    const id = "id" in message ? message.id : "load";
    if (this.#waiting?.id === id && !this.#waiting.isAnswered) {
      this.#waiting.isAnswered = true;
      this.#waiting.resolve(message);
    } else if (id === "load") {
      this.#early = message;
    }
  }

  /** Ends a thread that took too long, after looking where it is; the call is rejected when it is gone. */
  async #stop(what: string, budgetMs: number): Promise<void> {
    this.#isOver = true;
    this.#isStopping = true;
    const place = await stopThread(this.#worker, (await this.#isIdle()) ? 0 : LOOK_MS);
    const reason = place === undefined ? `no answer after ${budgetMs} ms (a promise that never settles?); stopped` : `still running after ${budgetMs} ms; stopped`;
    this.#waiting?.reject(this.#error(what, { reason, place }));
  }

  /** Whether the thread waits for something instead of computing. */
  async #isIdle(): Promise<boolean> {
    const before = this.#worker.performance.eventLoopUtilization();
    await setTimeout(5);
    return this.#worker.performance.eventLoopUtilization(before).idle > 0;
  }
}

/** The use case's own file by its name; other files of the user's by their path. */
function placeText(file: string, place: Place | undefined): string {
  if (place === undefined) {
    return basename(file);
  }
  return `${place.file === file ? basename(file) : place.file}:${place.line}`;
}
