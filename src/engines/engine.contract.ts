// What every kind of engine must do, whatever computes behind it. Each kind's tests call `engineContract`.
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Engine, EngineReply, EngineRequest } from "../contracts/engine.ts";
import { VedetteError } from "../errors.ts";

export interface EngineUnderTest {
  readonly name: string;
  /** Opens a fresh engine; whoever calls disposes it. */
  open(signal: AbortSignal): Promise<Engine>;
  /** A frame; different numbers give frames with different answers. */
  request(n: number): EngineRequest;
  /** A frame that this engine cannot answer: its call must fail with a coded error. */
  badRequest(): EngineRequest;
  readonly skip?: string | false;
}

const never = new AbortController().signal;

export function engineContract(subject: EngineUnderTest): void {
  const options = { skip: subject.skip ?? false };
  const open = async (t: TestContext, signal = never): Promise<Engine> => {
    const engine = await subject.open(signal);
    t.after(() => engine[Symbol.asyncDispose]());
    return engine;
  };
  const answer = async (engine: Engine, n: number): Promise<string> => {
    const [reply] = await engine.infer([subject.request(n)], never);
    return JSON.stringify(reply?.finding);
  };

  suite(`engine contract: ${subject.name}`, () => {
    test("says what it runs and how it wants to be called", options, async (t) => {
      const engine = await open(t);
      assert.match(engine.description, /\w+: \w+/);
      assert.ok(engine.parallelism >= 1);
      assert.equal(engine.batchSizes[0], 1);
      assert.deepEqual(engine.batchSizes, [...engine.batchSizes].sort((a, b) => a - b));
    });

    test("answers calls that run side by side, each with its own frame's finding", options, async (t) => {
      const engine = await open(t);
      const alone: string[] = [];
      for (let n = 0; n < 4; n++) {
        alone.push(await answer(engine, n));
      }
      assert.equal(new Set(alone).size, 4);
      const together = await Promise.all(Array.from({ length: 20 }, (_, n) => answer(engine, n % 4)));
      together.forEach((finding, n) => assert.equal(finding, alone[n % 4]));
    });

    test("replies in the order of the batch, with times", options, async (t) => {
      const engine = await open(t);
      const size = engine.batchSizes.at(-1) ?? 1;
      for (let count = 1; count <= size; count++) {
        const replies = await engine.infer(Array.from({ length: count }, (_, n) => subject.request(n)), never);
        assert.equal(replies.length, count);
        for (const [n, { finding, inferMs, interpretMs }] of replies.entries()) {
          assert.equal(JSON.stringify(finding), await answer(engine, n));
          assert.ok(inferMs >= 0 && interpretMs >= 0);
        }
      }
    });

    test("an aborted call rejects with the signal's reason, the others go on", options, async (t) => {
      const engine = await open(t);
      const controller = new AbortController();
      const reason = new Error("no longer wanted");
      const kept = Array.from({ length: engine.parallelism * 2 }, (_, n) => answer(engine, n));
      const aborted = Array.from({ length: 4 }, (_, n) => engine.infer([subject.request(n)], controller.signal));
      controller.abort(reason);
      for (const result of await Promise.allSettled(aborted)) {
        assert.equal(result.status === "rejected" && result.reason, reason);
      }
      assert.equal((await Promise.all(kept)).length, engine.parallelism * 2);
      await assert.rejects(engine.infer([subject.request(0)], AbortSignal.abort(reason)), reason);
    });

    test("a call that fails has a coded error and concerns nobody else", options, async (t) => {
      const engine = await open(t);
      const before = await answer(engine, 1);
      const [bad, good] = await Promise.allSettled([engine.infer([subject.badRequest()], never), answer(engine, 1)]);
      assert.ok(bad.status === "rejected" && bad.reason instanceof VedetteError);
      assert.equal(good.status === "fulfilled" && good.value, before);
      assert.equal(await answer(engine, 1), before);
    });

    test("disposing twice, and with work under way, settles every call and leaves nothing behind", options, async () => {
      const before = process.getActiveResourcesInfo().sort();
      const engine = await subject.open(never);
      const calls = Array.from({ length: engine.parallelism * 3 }, (_, n) => engine.infer([subject.request(n)], never));
      const settled = Promise.allSettled(calls);
      await Promise.all([engine[Symbol.asyncDispose](), engine[Symbol.asyncDispose]()]);
      for (const result of await settled) {
        assert.ok(result.status === "fulfilled" || result.reason instanceof VedetteError);
      }
      await assert.rejects(engine.infer([subject.request(0)], never), VedetteError);
      await nothingBeyond(before);
    });

    test("opening can be aborted", options, async () => {
      const before = process.getActiveResourcesInfo().sort();
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const opening = subject.open(controller.signal);
      controller.abort(reason);
      await assert.rejects(opening, reason);
      await assert.rejects(subject.open(AbortSignal.abort(reason)), reason);
      await nothingBeyond(before);
    });
  });
}

/** Closed connections take a few turns of the event loop to leave it; whatever is still there after a second stays. */
async function nothingBeyond(before: readonly string[]): Promise<void> {
  const deadlineMs = performance.now() + 1000;
  const now = (): string[] => process.getActiveResourcesInfo().filter((name) => name !== "Immediate").sort();
  const expected = before.filter((name) => name !== "Immediate");
  while (now().join() !== expected.join() && performance.now() < deadlineMs) {
    await setImmediate();
  }
  assert.deepEqual(now(), expected);
}

/** The only reply of a call with one frame. */
export function onlyReply(replies: readonly EngineReply[]): EngineReply {
  assert.equal(replies.length, 1);
  return replies[0]!;
}
