import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { closedLoop, feed, percentile, simulatedEngine } from "../../test/support/simulated-engine.ts";
import { Batcher, type BatchOutcome, type BatcherOptions } from "./batcher.ts";

const OPEN = { capacity: 100, whenFull: "refuse" } as const;

/** An engine whose batches end when the test says so. */
function manual() {
  const calls: { items: readonly number[]; signal: AbortSignal; end: (values?: readonly number[]) => void; fail: (error: Error) => void }[] = [];
  const run = (items: readonly number[], signal: AbortSignal): Promise<readonly number[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    calls.push({ items, signal, end: (values = items) => resolve(values), fail: reject });
    return promise;
  };
  return { calls, run };
}

function setUp(options: Partial<BatcherOptions<number, number>> = {}) {
  const clock = new FakeClock();
  const engine = manual();
  const batcher = new Batcher({ clock, batchSizes: [1, 2, 4], maxDelayMs: 10, parallelism: 1, run: engine.run, ...options });
  return { clock, batcher, calls: engine.calls };
}

test("the window opens at the first waiting item and closes after maxDelay, by one timer", async () => {
  const { clock, batcher, calls } = setUp();
  using stream = batcher.join(OPEN);
  await clock.advance(1000);
  assert.equal(clock.timers, 0, "nothing waits, nothing polls");
  const first = stream.submit(1);
  await clock.advance(6);
  void stream.submit(2);
  await clock.advance(3.9);
  assert.equal(calls.length, 0);
  assert.equal(clock.timers, 1);
  await clock.advance(0.1);
  assert.deepEqual(calls[0]?.items, [1, 2]);
  await clock.advance(5);
  calls[0].end();
  assert.deepEqual(await first, { kind: "done", value: 1, waitMs: 10, computeMs: 5, ageMs: 15, batchSize: 2 });
  assert.equal(clock.timers, 0);
});

test("a full batch does not wait", async () => {
  const { clock, batcher, calls } = setUp();
  using stream = batcher.join(OPEN);
  for (let i = 0; i < 4; i++) {
    void stream.submit(i);
  }
  await clock.advance(0);
  assert.deepEqual(calls[0]?.items, [0, 1, 2, 3]);
});

test("only sizes that the engine takes are run", async () => {
  const { clock, batcher, calls } = setUp();
  using stream = batcher.join(OPEN);
  for (let i = 0; i < 3; i++) {
    void stream.submit(i);
  }
  await clock.advance(10);
  calls[0]?.end();
  await clock.advance(0);
  assert.deepEqual(
    calls.map((call) => call.items),
    [[0, 1], [2]],
  );
});

test("a model whose batch is fixed to one runs at once", async () => {
  const { clock, batcher, calls } = setUp({ batchSizes: [1] });
  using stream = batcher.join(OPEN);
  void stream.submit(7);
  await clock.advance(0);
  assert.deepEqual(calls[0]?.items, [7]);
});

test("the window closes early for an item that would be late otherwise", async () => {
  const { clock, batcher, calls } = setUp({ maxDelayMs: 1000 });
  using stream = batcher.join({ ...OPEN, maxAgeMs: 50 });
  void stream.submit(1);
  await clock.advance(50);
  calls[0]?.end();
  await clock.advance(0);
  // Now it is known that one takes 0 ms; the next one takes 20 ms.
  void stream.submit(2);
  await clock.advance(50);
  await clock.advance(20);
  calls[1]?.end();
  await clock.advance(0);
  void stream.submit(3);
  await clock.advance(50 - 5 + 0.1);
  assert.equal(calls.length, 3, "started with the estimate (a quarter of 20 ms) in hand");
});

test("what would be too old is dropped before anything is computed for it", async () => {
  const { clock, batcher, calls } = setUp({ batchSizes: [1], maxDelayMs: 0 });
  using stream = batcher.join({ ...OPEN, maxAgeMs: 100 });
  const busy = stream.submit(1);
  await clock.advance(60);
  calls[0]?.end();
  assert.equal((await busy).kind, "done");
  const young = stream.submit(2);
  const old = stream.submit(3, { ageMs: 30 });
  const older = stream.submit(4, { ageMs: 45 });
  await clock.advance(0);
  assert.deepEqual(calls[1]?.items, [3], "3 is the most urgent one that is still in time");
  assert.deepEqual(await older, { kind: "dropped", reason: "deadline" });
  calls[1].end();
  await clock.advance(0);
  calls[2]?.end();
  assert.equal((await old).kind, "done");
  assert.equal((await young).kind, "done");
  assert.equal(batcher.stats().dropped.get("deadline"), 1);
});

test("an item that grows too old behind a hanging engine is dropped when it does, not when the engine answers", async () => {
  const { clock, batcher, calls } = setUp({ batchSizes: [1], maxDelayMs: 0 });
  using stream = batcher.join({ ...OPEN, maxAgeMs: 100 });
  void stream.submit(1);
  await clock.advance(1);
  const second = stream.submit(2);
  await clock.advance(102);
  assert.deepEqual(await second, { kind: "dropped", reason: "deadline" });
  assert.equal(calls.length, 1);
});

test("one slow batch does not stop a stream for good", async () => {
  const { clock, batcher, calls } = setUp({ batchSizes: [1], maxDelayMs: 0 });
  using stream = batcher.join({ ...OPEN, maxAgeMs: 100 });
  void stream.submit(0);
  await clock.advance(500);
  calls[0]?.end();
  let dropped = 0;
  for (let i = 1; i < 100 && calls.length === 1; i++) {
    void stream.submit(i).then((outcome) => (dropped += outcome.kind === "dropped" ? 1 : 0));
    await clock.advance(10);
  }
  assert.equal(calls.length, 2);
  assert.ok(dropped < 20, `${dropped} were dropped before the engine was tried again`);
});

test("an aborted item leaves its batch, and the last one takes the computation with it", async () => {
  const { clock, batcher, calls } = setUp();
  using stream = batcher.join(OPEN);
  const waiting = new AbortController();
  const gone = stream.submit(1, { signal: waiting.signal });
  void stream.submit(2).catch(() => undefined);
  waiting.abort(new Error("gone"));
  await assert.rejects(gone, { message: "gone" });
  await clock.advance(10);
  assert.deepEqual(calls[0]?.items, [2]);
  const running = new AbortController();
  const computing = batcher.join(OPEN).submit(3, { signal: running.signal });
  calls[0].end();
  await clock.advance(10);
  running.abort(new Error("too late"));
  await assert.rejects(computing, { message: "too late" });
  assert.equal(calls[1]?.signal.aborted, true);
});

test("aborting one of two leaves the other's computation alone", async () => {
  const { clock, batcher, calls } = setUp();
  using stream = batcher.join(OPEN);
  const one = new AbortController();
  const first = stream.submit(1, { signal: one.signal });
  const second = stream.submit(2);
  await clock.advance(10);
  one.abort(new Error("one"));
  await assert.rejects(first, { message: "one" });
  assert.equal(calls[0]?.signal.aborted, false);
  calls[0].end();
  assert.equal((await second).kind, "done");
});

test("a failed batch is retried item by item once, so that one bad item fails alone", async () => {
  const run = (items: readonly number[]): Promise<readonly number[]> =>
    items.includes(3) ? Promise.reject(new Error("three is bad")) : Promise.resolve(items.map((item) => item * 10));
  const { clock, batcher } = setUp({ run });
  using stream = batcher.join(OPEN);
  const outcomes = [1, 2, 3, 4].map((item) => stream.submit(item));
  const settled = Promise.allSettled(outcomes);
  await clock.advance(10);
  assert.deepEqual(
    (await settled).map((outcome) => (outcome.status === "fulfilled" && outcome.value.kind === "done" ? outcome.value.value : "failed")),
    [10, 20, "failed", 40],
  );
  const again = stream.submit(3);
  const rejected = assert.rejects(again, { message: "three is bad" });
  await clock.advance(10);
  await rejected;
});

test("the wrong number of replies is a failure that names both numbers", async () => {
  const { clock, batcher } = setUp({ batchSizes: [1], run: () => Promise.resolve([1, 2]) });
  using stream = batcher.join(OPEN);
  const rejected = assert.rejects(stream.submit(1), { code: "E_ENGINE_FAILED", message: /expected 1 replies, got 2/ });
  await clock.advance(0);
  await rejected;
});

test("a full stream drops its oldest or refuses the newest, as it asked", async () => {
  const { clock, batcher } = setUp({ maxDelayMs: 100 });
  using live = batcher.join({ capacity: 1, whenFull: "drop_oldest" });
  const oldest = live.submit(1);
  void live.submit(2).catch(() => undefined);
  assert.deepEqual(await oldest, { kind: "dropped", reason: "mailbox_full" });
  using server = batcher.join({ capacity: 1, whenFull: "refuse" });
  void server.submit(3).catch(() => undefined);
  assert.deepEqual(await server.submit(4), { kind: "dropped", reason: "mailbox_full" });
  assert.equal(batcher.stats().waiting, 2);
  await batcher[Symbol.asyncDispose]();
  assert.equal(clock.timers, 0);
});

test("disposal drops what waits, aborts what runs, and nothing runs after it", async () => {
  const { clock, batcher, calls } = setUp();
  const stream = batcher.join(OPEN);
  const running = assert.rejects(stream.submit(1), { code: "E_STOPPED" });
  await clock.advance(10);
  const waiting = stream.submit(2);
  await batcher[Symbol.asyncDispose]();
  await batcher[Symbol.asyncDispose]();
  await running;
  assert.deepEqual(await waiting, { kind: "dropped", reason: "stopped" });
  assert.deepEqual(await stream.submit(3), { kind: "dropped", reason: "stopped" });
  assert.equal(clock.timers, 0);
  assert.equal(calls.length, 1);
});

test("a busy stream does not push a quiet one aside", async () => {
  const { clock, batcher, calls } = setUp({ maxDelayMs: 0, batchSizes: [1, 2] });
  using busy = batcher.join(OPEN);
  using quiet = batcher.join(OPEN);
  for (let i = 0; i < 20; i++) {
    void busy.submit(i);
  }
  void quiet.submit(100);
  await clock.advance(0);
  assert.deepEqual(calls[0]?.items.toSorted((a, b) => a - b), [0, 100]);
});

test("property: every item is settled exactly once, no batch has a size the engine does not take, deadlines hold", async () => {
  const step = fc.record({
    stream: fc.nat(3),
    waitMs: fc.nat(15),
    ageMs: fc.nat(60),
    abortAfterMs: fc.option(fc.nat(40), { nil: undefined }),
    isBad: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom<readonly number[]>([1], [1, 2, 4], [1, 3, 8]), fc.integer({ min: 1, max: 3 }), async (steps, batchSizes, parallelism) => {
      const clock = new FakeClock();
      let underWay = 0;
      let mostUnderWay = 0;
      const wrongSizes: number[] = [];
      const batcher = new Batcher<boolean, boolean>({
        clock,
        batchSizes,
        maxDelayMs: 5,
        parallelism,
        run: async (items, signal) => {
          mostUnderWay = Math.max(mostUnderWay, ++underWay);
          if (!batchSizes.includes(items.length)) {
            wrongSizes.push(items.length);
          }
          try {
            await clock.sleep(5 + items.length, signal);
          } finally {
            underWay--;
          }
          if (items.includes(true)) {
            throw new Error("bad");
          }
          return items;
        },
      });
      const streams = [0, 1, 2, 3].map((i) =>
        batcher.join({ maxAgeMs: i === 3 ? Infinity : 50 * (i + 1), priority: i % 2, minFps: i * 5, capacity: 4, whenFull: i % 2 === 0 ? "drop_oldest" : "refuse" }),
      );
      const outcomes: Promise<BatchOutcome<boolean> | Error>[] = [];
      for (const { stream, waitMs, ageMs, abortAfterMs, isBad } of steps) {
        const controller = new AbortController();
        if (abortAfterMs !== undefined) {
          clock.timer(abortAfterMs, () => controller.abort(new Error("aborted")));
        }
        outcomes.push(streams[stream]!.submit(isBad, { ageMs, signal: controller.signal }).catch((error: unknown) => error as Error));
        await clock.advance(waitMs);
      }
      await clock.advance(2000);
      const settled = await Promise.all(outcomes);
      for (const [i, outcome] of settled.entries()) {
        if (outcome instanceof Error) {
          assert.ok(outcome.message === "aborted" || (outcome.message === "bad" && steps[i]!.isBad), outcome.message);
        } else if (outcome.kind === "done") {
          assert.equal(outcome.value, false, "a bad item never succeeds");
        }
      }
      const stats = batcher.stats();
      assert.deepEqual([stats.waiting, stats.inFlight, clock.timers, wrongSizes], [0, 0, 0, []]);
      assert.ok(mostUnderWay <= parallelism);
      await batcher[Symbol.asyncDispose]();
    }),
    { numRuns: 60 },
  );
});

test("8 streams: at least five times the throughput of batches of one", async () => {
  const rate = async (batchSizes: readonly number[]): Promise<number> => {
    const clock = new FakeClock();
    await using batcher = new Batcher({ clock, batchSizes, maxDelayMs: 5, parallelism: 1, run: simulatedEngine(clock) });
    const measured = closedLoop(clock, batcher, 8, 5000);
    await clock.advance(6000);
    return await measured;
  };
  const [together, alone] = [await rate([1, 2, 4, 8]), await rate([1])];
  assert.ok(together >= 5 * alone, `${together} against ${alone} items/s`);
});

test("3× overload: every stream keeps its minFps, and p95 age stays within maxAge + one compute time", async () => {
  const clock = new FakeClock();
  await using batcher = new Batcher({ clock, batchSizes: [1, 2, 4, 8], maxDelayMs: 5, parallelism: 1, run: simulatedEngine(clock) });
  // 8 items in 28 ms: 285 a second; 24 streams of 36 fps are three times that. The first four are owed more, with less priority.
  const streams = Array.from({ length: 24 }, (_, i) => ({
    maxAgeMs: 100,
    minFps: i < 4 ? 8 : 3,
    priority: i < 4 ? 0 : 1,
    capacity: 4,
    whenFull: "drop_oldest" as const,
    periodMs: 28,
  }));
  const fed = feed(clock, batcher, streams, 10_000);
  await clock.advance(11_000);
  const reports = await fed;
  for (const [i, report] of reports.entries()) {
    assert.ok(report.done / 10 >= streams[i]!.minFps * 0.95, `stream ${i}: ${report.done / 10} fps of ${streams[i]!.minFps}`);
  }
  const ages = reports.flatMap((report) => report.agesMs);
  assert.ok(percentile(ages, 0.95) <= 128, `p95 age ${percentile(ages, 0.95)}`);
  assert.ok(ages.length / 10 >= 0.9 * 285, `${ages.length / 10} items/s: overload must not make batches small`);
});
