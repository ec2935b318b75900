import type { Clock } from "../contracts/clock.ts";
import type { TensorEngine } from "../contracts/tensor-engine.ts";
import type { Model, Tensor, TensorData, TensorSpec } from "../domain/model.ts";
import { Batcher, type BatcherStats, type BatchStream } from "../runtime/batcher.ts";
import { RequestError, toRequestError } from "./request-error.ts";

/** How requests to a model are handled. */
export interface ServingLimits {
  /** Requests that may wait; further ones are refused with a time to come back. */
  readonly queueSize: number;
  /** Requests computed together at most. */
  readonly maxBatch: number;
  /** How long the first of them waits for company while the engine is idle. */
  readonly maxBatchDelayMs: number;
  /** How long a request may take, waiting included. */
  readonly timeoutMs: number;
}

/** Usual limits: no added delay, batches form while the engine is busy. */
export const DEFAULT_LIMITS: ServingLimits = { queueSize: 100, maxBatch: 16, maxBatchDelayMs: 0, timeoutMs: 120_000 };

/** What a version is made of. */
export interface ServedModelParts {
  readonly name: string;
  readonly version: string;
  readonly engine: TensorEngine;
  /** How pictures become its input and outputs findings; undefined when only tensors can be served. */
  readonly model: Model | undefined;
  /** Where it came from, for people. */
  readonly origin: string;
  readonly limits: ServingLimits;
  readonly clock: Clock;
  /** Called once it is disposed: removes what was unpacked for it. */
  readonly onDisposed?: () => Promise<void>;
}

/**
 * One version of a model being served: checks what comes, puts requests of all protocols together into batches, and
 * takes them apart again. Owns its engine. Requests under way are finished by {@link drain} before disposal.
 */
export class ServedModel implements AsyncDisposable {
  readonly name: string;
  readonly version: string;
  readonly origin: string;
  readonly model: Model | undefined;
  readonly limits: ServingLimits;
  readonly loadedAt = new Date();
  readonly #engine: TensorEngine;
  readonly #clock: Clock;
  readonly #onDisposed: (() => Promise<void>) | undefined;
  readonly #batcher: Batcher<readonly Tensor[], readonly Tensor[]>;
  readonly #stream: BatchStream<readonly Tensor[], readonly Tensor[]>;
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(parts: ServedModelParts) {
    const { engine, limits } = parts;
    this.name = parts.name;
    this.version = parts.version;
    this.origin = parts.origin;
    this.model = parts.model;
    this.limits = limits;
    this.#engine = engine;
    this.#clock = parts.clock;
    this.#onDisposed = parts.onDisposed;
    const isBatchable = [...engine.inputs, ...engine.outputs].every(({ shape }) => shape[0] === -1) && parts.model?.maxBatch !== 1;
    this.#batcher = new Batcher({
      clock: parts.clock,
      batchSizes: Array.from({ length: isBatchable ? limits.maxBatch : 1 }, (_, i) => i + 1),
      maxDelayMs: limits.maxBatchDelayMs,
      parallelism: engine.parallelism,
      run: (requests, signal) => this.#run(requests, signal),
    });
    this.#stream = this.#batcher.join({ maxAgeMs: limits.timeoutMs, capacity: limits.queueSize, whenFull: "refuse" });
  }

  get inputs(): readonly TensorSpec[] {
    return this.#engine.inputs;
  }

  get outputs(): readonly TensorSpec[] {
    return this.#engine.outputs;
  }

  get description(): string {
    return this.#engine.description;
  }

  get workers(): number {
    return this.#engine.parallelism;
  }

  get stats(): BatcherStats {
    return this.#batcher.stats();
  }

  /** Runs a request. The tensors' memory must not be used by the caller any more. Rejects with a {@link RequestError}. */
  async infer(inputs: readonly Tensor[], signal: AbortSignal): Promise<readonly Tensor[]> {
    checkInputs(this.inputs, inputs);
    const late = new AbortController();
    const timer = this.#clock.timer(this.limits.timeoutMs, () => late.abort(this.#timeout()));
    try {
      const outcome = await this.#stream.submit(inputs, { signal: AbortSignal.any([signal, late.signal]) });
      if (outcome.kind === "done") {
        return outcome.value;
      }
      switch (outcome.reason) {
        case "mailbox_full":
          throw new RequestError("unavailable", `Model "${this.name}": ${this.limits.queueSize} requests wait already`, { retryAfterS: 1 });
        case "deadline":
          throw this.#timeout();
        default:
          throw new RequestError("unavailable", `Model "${this.name}" is being unloaded`, { retryAfterS: 1 });
      }
    } catch (error) {
      throw toRequestError(error);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** Counts a request, so that {@link drain} waits for it. */
  async hold<T>(use: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await use();
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) {
        this.#onIdle?.();
      }
    }
  }

  /** Waits until no request is held, or the signal aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    if (this.#underWay === 0 || signal.aborted) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#onIdle = () => resolve(undefined);
    const onAbort = (): void => resolve(undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    await promise;
    signal.removeEventListener("abort", onAbort);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream[Symbol.dispose]();
    await this.#batcher[Symbol.asyncDispose]();
    await this.#engine[Symbol.asyncDispose]();
    await this.#onDisposed?.();
  }

  #timeout(): RequestError {
    return new RequestError("timeout", `Model "${this.name}" gave no answer within ${this.limits.timeoutMs} ms`);
  }

  /** Requests whose tensors differ in more than the first dimension are computed after one another. */
  async #run(requests: readonly (readonly Tensor[])[], signal: AbortSignal): Promise<readonly (readonly Tensor[])[]> {
    const [only] = requests;
    if (requests.length === 1 && only !== undefined) {
      return [await this.#engine.infer(only, signal)];
    }
    const groups = Map.groupBy(requests, shapeKey);
    const answers = new Map<readonly Tensor[], readonly Tensor[]>();
    for (const group of groups.values()) {
      const outputs = await this.#engine.infer(joinRows(group), signal);
      const rows = group.map((inputs) => inputs[0]?.shape[0] ?? 1);
      splitRows(outputs, rows).forEach((part, i) => answers.set(group[i] ?? [], part));
    }
    return requests.map((request) => answers.get(request) ?? []);
  }
}

/** Throws `invalid` unless the tensors are what the model takes: names, types, and shapes up to what may vary. */
export function checkInputs(specs: readonly TensorSpec[], inputs: readonly Tensor[]): void {
  if (inputs.length !== specs.length) {
    throw new RequestError("invalid", `Invalid number of inputs - Expected: ${specs.length}; Actual: ${inputs.length}`);
  }
  for (const spec of specs) {
    const input = inputs.find(({ name }) => name === spec.name);
    if (input === undefined) {
      throw new RequestError("invalid", `Missing input with specific name - Required input: ${spec.name}`);
    }
    if (input.type !== spec.type) {
      throw new RequestError("invalid", `Invalid precision - Expected: ${spec.type}; Actual: ${input.type}; input name: ${spec.name}`);
    }
    const fits = input.shape.length === spec.shape.length && spec.shape.every((size, i) => size < 0 || size === input.shape[i]);
    if (!fits || (input.shape.includes(0) && !spec.shape.includes(0))) {
      const expected = spec.shape.map((size) => (size < 0 ? "?" : size)).join(",");
      throw new RequestError("invalid", `Invalid input shape - Expected: (${expected}); Actual: (${input.shape.join(",")}); input name: ${spec.name}`);
    }
  }
}

function shapeKey(inputs: readonly Tensor[]): string {
  return inputs
    .map(({ name, shape }) => `${name}:${shape.slice(1).join(",")}`)
    .sort()
    .join(";");
}

function joinRows(group: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first = []] = group;
  return first.map((tensor) => {
    const parts = group.map((inputs) => inputs.find(({ name }) => name === tensor.name) ?? tensor);
    const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
    return { ...tensor, shape: [rows, ...tensor.shape.slice(1)], data: concat(parts.map(({ data }) => data)) };
  });
}

function concat(parts: readonly TensorData[]): TensorData {
  const [first] = parts;
  if (first === undefined || !ArrayBuffer.isView(first)) {
    return parts.flatMap((part) => Array.from(part as readonly Uint8Array[]));
  }
  // All parts are of one type: their model's input has one. Float32Array stands for that type here.
  const Type = first.constructor as Float32ArrayConstructor;
  const joined = new (Buffer.isBuffer(first) ? (Uint8Array as unknown as Float32ArrayConstructor) : Type)(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part as Float32Array, at);
    at += part.length;
  }
  return joined;
}

function splitRows(outputs: readonly Tensor[], rows: readonly number[]): readonly (readonly Tensor[])[] {
  const total = rows.reduce((sum, count) => sum + count, 0);
  let from = 0;
  return rows.map((count) => {
    const start = from;
    from += count;
    return outputs.map((output) => {
      if (output.shape[0] !== total) {
        throw new RequestError("internal", `output ${output.name} has ${output.shape[0] ?? 0} rows for a batch of ${total}`);
      }
      const length = output.data.length / total;
      return { ...output, shape: [count, ...output.shape.slice(1)], data: output.data.slice(start * length, from * length) };
    });
  });
}
