import assert from "node:assert/strict";
import type { Clock } from "../contracts/clock.ts";
import type { DropReason } from "../domain/result.ts";
import { VedetteError } from "../errors.ts";
import { latestStartMs, planBatch, type PlannedItem } from "./batch-plan.ts";
import { ComputeEstimate } from "./compute-estimate.ts";
import { Histogram, type HistogramSummary } from "./histogram.ts";

/** How a batcher works. */
export interface BatcherOptions<T, R> {
  readonly clock: Clock;
  /** Sizes the engine takes, rising, beginning with 1. `[1]` when it cannot batch. */
  readonly batchSizes: readonly number[];
  /** How long the first waiting item waits for company; 0 runs it as soon as the engine is free. */
  readonly maxDelayMs: number;
  /** Batches under way at once. */
  readonly parallelism: number;
  /** Computes one batch; replies in the order of the items. The signal aborts when nobody wants the batch any more. */
  readonly run: (items: readonly T[], signal: AbortSignal) => Promise<readonly R[]>;
}

/** What a stream asks for. */
export interface BatchStreamOptions {
  /** Oldest age at which a result is still of use; `Infinity` (the default) when age does not matter. */
  readonly maxAgeMs?: number;
  /** Items a second that it gets even when others have a higher priority or overload the engine; 0 by default. */
  readonly minFps?: number;
  /** Higher goes first, and may starve lower ones down to their `minFps`; 0 by default. */
  readonly priority?: number;
  /** How many of its items may wait. */
  readonly capacity: number;
  /** Which one goes when one too many waits: live streams drop the oldest, a server refuses the newest. */
  readonly whenFull: "drop_oldest" | "refuse";
}

/** How one item may be submitted. */
export interface SubmitOptions {
  /** How old it is already. */
  readonly ageMs?: number;
  /** Takes the item out of its batch; the submission rejects with the signal's reason at once. */
  readonly signal?: AbortSignal;
}

/** What became of an item. Failures of the engine reject instead. */
export type BatchOutcome<R> =
  | {
      readonly kind: "done";
      readonly value: R;
      readonly waitMs: number;
      readonly computeMs: number;
      readonly ageMs: number;
      readonly batchSize: number;
    }
  | { readonly kind: "dropped"; readonly reason: DropReason };

/** One stream's way into a batcher. Disposing it drops what it has waiting (`stopped`). */
export interface BatchStream<T, R> extends Disposable {
  submit(item: T, options?: SubmitOptions): Promise<BatchOutcome<R>>;
}

/** What a batcher has done so far. Milliseconds. */
export interface BatcherStats {
  /** Batches run, by size. */
  readonly sizes: ReadonlyMap<number, number>;
  readonly waitMs: HistogramSummary;
  readonly computeMs: HistogramSummary;
  readonly ageMs: HistogramSummary;
  readonly dropped: ReadonlyMap<DropReason, number>;
  readonly failedBatches: number;
  readonly waiting: number;
  readonly inFlight: number;
}

interface Item<T, R> extends PlannedItem {
  readonly value: T;
  readonly stream: Stream<T, R>;
  readonly bornMs: number;
  readonly settle: (outcome: BatchOutcome<R>) => void;
  readonly fail: (error: unknown) => void;
  /** True once it was dropped, aborted, failed or done. */
  isSettled: boolean;
  /** Called when an item that is being computed is not wanted any more. */
  onUnwanted: (() => void) | undefined;
}

interface Stream<T, R> {
  readonly maxAgeMs: number;
  readonly minFps: number;
  readonly priority: number;
  readonly capacity: number;
  readonly whenFull: "drop_oldest" | "refuse";
  waiting: Item<T, R>[];
  served: number;
  owed: number;
  owedAtMs: number;
  isOpen: boolean;
}

/** How many items a stream can be owed at most: one being served late, one due. */
const MOST_OWED = 2;

/**
 * Puts items of many streams together into batches for one engine. The window opens at the first waiting item and
 * closes when the largest batch is full, after `maxDelayMs`, or when the most urgent item must start: by timer, never by
 * polling. What would be too old is dropped (`deadline`) before anything is computed for it. Streams share the engine
 * fairly, see {@link planBatch}. A failed batch is retried item by item once, so that one bad item fails alone. Knows
 * nothing about what an item is. After disposal nothing of it runs; waiting items are dropped as `stopped`.
 */
export class Batcher<T, R> implements AsyncDisposable {
  readonly #options: BatcherOptions<T, R>;
  readonly #clock: Clock;
  readonly #maxBatch: number;
  readonly #estimate = new ComputeEstimate();
  readonly #streams = new Set<Stream<T, R>>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #sizes = new Map<number, number>();
  readonly #dropped = new Map<DropReason, number>();
  readonly #waitMs = new Histogram();
  readonly #computeMs = new Histogram();
  readonly #ageMs = new Histogram();
  /** Where the least served of the waiting streams stand: who comes back after a pause starts here, without credit for it. */
  #servedClock = 0;
  #failedBatches = 0;
  #waiting = 0;
  #timer: Disposable | undefined;
  #isPumpDue = false;

  constructor(options: BatcherOptions<T, R>) {
    assert(options.batchSizes[0] === 1, "batch sizes begin with 1");
    assert(
      options.batchSizes.every((size, i, sizes) => i === 0 || size > (sizes[i - 1] ?? 0)),
      "batch sizes rise",
    );
    this.#options = options;
    this.#clock = options.clock;
    this.#maxBatch = options.batchSizes.at(-1) ?? 1;
  }

  /** Opens a way in. Streams that come later start level with the others, not ahead of them. */
  join(options: BatchStreamOptions): BatchStream<T, R> {
    const stream: Stream<T, R> = {
      maxAgeMs: options.maxAgeMs ?? Infinity,
      minFps: options.minFps ?? 0,
      priority: options.priority ?? 0,
      capacity: options.capacity,
      whenFull: options.whenFull,
      waiting: [],
      served: this.#servedClock,
      owed: 0,
      owedAtMs: this.#clock.monotonicMs(),
      isOpen: true,
    };
    this.#streams.add(stream);
    return {
      submit: (item, submitOptions = {}) => this.#submit(stream, item, submitOptions),
      [Symbol.dispose]: () => {
        stream.isOpen = false;
        this.#streams.delete(stream);
        this.#drop(stream.waiting.slice(), "stopped");
        this.#schedule();
      },
    };
  }

  stats(): BatcherStats {
    return {
      sizes: new Map(this.#sizes),
      waitMs: this.#waitMs.summary(),
      computeMs: this.#computeMs.summary(),
      ageMs: this.#ageMs.summary(),
      dropped: new Map(this.#dropped),
      failedBatches: this.#failedBatches,
      waiting: this.#waiting,
      inFlight: this.#inFlight.size,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new VedetteError("E_STOPPED", { what: "the batcher" }));
    this.#timer?.[Symbol.dispose]();
    for (const stream of this.#streams) {
      stream.isOpen = false;
      this.#drop(stream.waiting.slice(), "stopped");
    }
    await Promise.all(this.#inFlight);
  }

  async #submit(stream: Stream<T, R>, value: T, { ageMs = 0, signal }: SubmitOptions): Promise<BatchOutcome<R>> {
    signal?.throwIfAborted();
    if (!stream.isOpen || this.#stopped.signal.aborted) {
      return this.#count("stopped");
    }
    if (stream.waiting.length >= stream.capacity) {
      if (stream.whenFull === "refuse") {
        return this.#count("mailbox_full");
      }
      this.#drop(stream.waiting.slice(0, 1), "mailbox_full");
    }
    const nowMs = this.#clock.monotonicMs();
    const { promise, resolve, reject } = Promise.withResolvers<BatchOutcome<R>>();
    const item: Item<T, R> = {
      value,
      stream,
      arrivedMs: nowMs,
      bornMs: nowMs - ageMs,
      deadlineMs: nowMs - ageMs + stream.maxAgeMs,
      settle: resolve,
      fail: reject,
      isSettled: false,
      onUnwanted: undefined,
    };
    if (stream.waiting.length === 0) {
      stream.served = Math.max(stream.served, this.#servedClock);
    }
    stream.waiting.push(item);
    this.#waiting++;
    this.#pumpSoon();
    const onAbort = (): void => this.#abort(item, signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Items submitted in the same turn of the event loop come into the same batch. */
  #pumpSoon(): void {
    if (!this.#isPumpDue) {
      this.#isPumpDue = true;
      queueMicrotask(() => {
        this.#isPumpDue = false;
        this.#pump();
      });
    }
  }

  #pump(): void {
    while (!this.#stopped.signal.aborted && this.#waiting > 0 && this.#inFlight.size < this.#options.parallelism && this.#isWindowClosed()) {
      const nowMs = this.#clock.monotonicMs();
      this.#accrue(nowMs);
      const plan = planBatch([...this.#streams], nowMs, this.#options.batchSizes, (size) => this.#estimate.of(size));
      this.#drop(plan.tooLate, "deadline");
      if (plan.batch.length > 0) {
        this.#start(plan.batch, nowMs);
      } else if (this.#inFlight.size === 0) {
        this.#estimate.doubt();
      }
    }
    if (this.#inFlight.size >= this.#options.parallelism) {
      this.#dropHopeless();
    }
    this.#schedule();
  }

  /** While the engine is busy: what has grown too old to be of use even if it started now. */
  #dropHopeless(): void {
    const nowMs = this.#clock.monotonicMs();
    const aloneMs = this.#estimate.of(1);
    for (const stream of this.#streams) {
      if (stream.waiting.length > 0) {
        this.#drop(
          stream.waiting.filter((item) => nowMs + aloneMs > item.deadlineMs),
          "deadline",
        );
      }
    }
  }

  #isWindowClosed(): boolean {
    return this.#waiting >= this.#maxBatch || this.#clock.monotonicMs() >= this.#closesAtMs();
  }

  #closesAtMs(): number {
    let firstMs = Infinity;
    let latestMs = Infinity;
    const computeMs = this.#estimate.of(Math.min(this.#waiting, this.#maxBatch));
    for (const stream of this.#streams) {
      firstMs = Math.min(firstMs, stream.waiting[0]?.arrivedMs ?? Infinity);
      latestMs = Math.min(latestMs, latestStartMs(stream.waiting, computeMs));
    }
    return Math.min(firstMs + this.#options.maxDelayMs, latestMs);
  }

  #schedule(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#waiting === 0 || this.#stopped.signal.aborted) {
      return;
    }
    const isBusy = this.#inFlight.size >= this.#options.parallelism;
    // One millisecond past the latest start an item is surely too late.
    const atMs = isBusy ? this.#latestStartMs() + 1 : this.#closesAtMs();
    if (atMs < Infinity) {
      this.#timer = this.#clock.timer(Math.max(isBusy ? 1 : 0, atMs - this.#clock.monotonicMs()), () => {
        this.#timer = undefined;
        this.#pump();
      });
    }
  }

  #latestStartMs(): number {
    const aloneMs = this.#estimate.of(1);
    return Math.min(...[...this.#streams].map((stream) => latestStartMs(stream.waiting, aloneMs)));
  }

  #start(batch: readonly Item<T, R>[], nowMs: number): void {
    this.#servedClock = Math.max(this.#servedClock, Math.min(...batch.map((item) => item.stream.served)));
    for (const item of batch) {
      this.#leave(item);
      item.stream.served++;
      item.stream.owed = Math.max(0, item.stream.owed - 1);
      this.#waitMs.add(nowMs - item.arrivedMs);
    }
    const running = this.#runBatch(batch).finally(() => {
      this.#inFlight.delete(running);
      this.#pump();
    });
    this.#inFlight.add(running);
  }

  /** Never rejects: everything that fails is told to the items concerned. */
  async #runBatch(batch: readonly Item<T, R>[]): Promise<void> {
    try {
      await this.#compute(batch);
    } catch (error) {
      this.#failedBatches++;
      if (batch.length === 1 || this.#stopped.signal.aborted) {
        batch.forEach((item) => this.#fail(item, error));
        return;
      }
      for (const item of batch) {
        await this.#retryAlone(item);
      }
    }
  }

  async #retryAlone(item: Item<T, R>): Promise<void> {
    if (item.isSettled) {
      return;
    }
    if (this.#clock.monotonicMs() + this.#estimate.of(1) > item.deadlineMs) {
      this.#drop([item], "deadline");
      return;
    }
    try {
      await this.#compute([item]);
    } catch (error) {
      this.#fail(item, error);
    }
  }

  async #compute(batch: readonly Item<T, R>[]): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    const unwanted = new AbortController();
    for (const item of batch) {
      item.onUnwanted = () => {
        if (batch.every((other) => other.isSettled)) {
          unwanted.abort(new VedetteError("E_STOPPED", { what: "the batch" }));
        }
      };
    }
    const values = await this.#options.run(
      batch.map((item) => item.value),
      AbortSignal.any([unwanted.signal, this.#stopped.signal]),
    );
    if (values.length !== batch.length) {
      throw new VedetteError("E_ENGINE_FAILED", { engine: "batch", reason: `expected ${batch.length} replies, got ${values.length}` });
    }
    const nowMs = this.#clock.monotonicMs();
    const computeMs = nowMs - startMs;
    this.#estimate.learn(batch.length, computeMs);
    this.#computeMs.add(computeMs);
    this.#sizes.set(batch.length, (this.#sizes.get(batch.length) ?? 0) + 1);
    for (const [i, item] of batch.entries()) {
      if (!item.isSettled) {
        item.isSettled = true;
        const ageMs = nowMs - item.bornMs;
        this.#ageMs.add(ageMs);
        // Lengths were compared above; R itself may include undefined.
        item.settle({ kind: "done", value: values[i] as R, waitMs: startMs - item.arrivedMs, computeMs, ageMs, batchSize: batch.length });
      }
    }
  }

  #abort(item: Item<T, R>, reason: unknown): void {
    if (item.isSettled) {
      return;
    }
    this.#leave(item);
    this.#fail(item, reason);
    item.onUnwanted?.();
    this.#schedule();
  }

  #fail(item: Item<T, R>, error: unknown): void {
    if (!item.isSettled) {
      item.isSettled = true;
      item.fail(error);
    }
  }

  #drop(items: readonly Item<T, R>[], reason: DropReason): void {
    for (const item of items) {
      this.#leave(item);
      if (!item.isSettled) {
        item.isSettled = true;
        item.settle(this.#count(reason));
      }
    }
  }

  #leave(item: Item<T, R>): void {
    const at = item.stream.waiting.indexOf(item);
    if (at >= 0) {
      item.stream.waiting.splice(at, 1);
      this.#waiting--;
    }
  }

  #count(reason: DropReason): BatchOutcome<R> {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    return { kind: "dropped", reason };
  }

  #accrue(nowMs: number): void {
    for (const stream of this.#streams) {
      stream.owed = Math.min(MOST_OWED, stream.owed + ((nowMs - stream.owedAtMs) * stream.minFps) / 1000);
      stream.owedAtMs = nowMs;
    }
  }

}
