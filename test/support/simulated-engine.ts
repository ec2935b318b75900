// An engine that only takes time: 20 ms a batch and 1 ms an item, as small networks on an accelerator behave.
import type { Clock } from "../../src/contracts/clock.ts";
import type { Batcher, BatchStreamOptions } from "../../src/runtime/batcher.ts";

/** Computes nothing for `fixedMs + perItemMs × n`. */
export function simulatedEngine(clock: Clock, fixedMs = 20, perItemMs = 1) {
  return async (items: readonly number[], signal: AbortSignal): Promise<readonly number[]> => {
    await clock.sleep(fixedMs + perItemMs * items.length, signal);
    return items;
  };
}

/** What a simulated stream saw. */
export interface StreamReport {
  readonly done: number;
  readonly dropped: number;
  readonly agesMs: number[];
}

/** Feeds every stream with a frame each `periodMs`, out of step with one another, until `durationMs` has passed. */
export async function feed(
  clock: Clock,
  batcher: Batcher<number, number>,
  streams: readonly (BatchStreamOptions & { readonly periodMs: number })[],
  durationMs: number,
): Promise<readonly StreamReport[]> {
  const endMs = clock.monotonicMs() + durationMs;
  return Promise.all(
    streams.map(async (options, index) => {
      using stream = batcher.join(options);
      const agesMs: number[] = [];
      let dropped = 0;
      const underWay: Promise<void>[] = [];
      await clock.sleep((options.periodMs * index) / streams.length);
      for (let seq = 0; clock.monotonicMs() < endMs; seq++) {
        underWay.push(
          stream.submit(seq).then((outcome) => {
            if (outcome.kind === "done") {
              agesMs.push(outcome.ageMs);
            } else {
              dropped++;
            }
          }),
        );
        await clock.sleep(options.periodMs);
      }
      await Promise.all(underWay);
      return { done: agesMs.length, dropped, agesMs };
    }),
  );
}

/** Feeds every stream anew as soon as its answer is there, as a synchronous client does. Returns items per second. */
export async function closedLoop(clock: Clock, batcher: Batcher<number, number>, streams: number, durationMs: number): Promise<number> {
  const startMs = clock.monotonicMs();
  let done = 0;
  await Promise.all(
    Array.from({ length: streams }, async () => {
      using stream = batcher.join({ capacity: 1, whenFull: "refuse" });
      while (clock.monotonicMs() - startMs < durationMs) {
        await stream.submit(0);
        done++;
      }
    }),
  );
  return (done * 1000) / (clock.monotonicMs() - startMs);
}

/** The value that `share` of the values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
