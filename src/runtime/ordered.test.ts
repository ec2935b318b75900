import assert from "node:assert/strict";
import { test } from "node:test";
import { mapOrdered } from "./ordered.ts";

async function* count(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) {
    yield i;
    await Promise.resolve();
  }
}

/** Work that finishes when told to, so that any order of completion can be tried. */
function controlled(): { work: (i: number) => Promise<number>; finish: (i: number) => void; started: number[] } {
  const gates = new Map<number, PromiseWithResolvers<number>>();
  const started: number[] = [];
  return {
    started,
    work: (i) => {
      started.push(i);
      const gate = Promise.withResolvers<number>();
      gates.set(i, gate);
      return gate.promise;
    },
    finish: (i) => gates.get(i)?.resolve(i * 10),
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("results come in the order of the source, whatever finishes first", async () => {
  const { work, finish, started } = controlled();
  const results: number[] = [];
  const done = (async () => {
    for await (const result of mapOrdered(count(5), 3, work)) {
      results.push(result);
    }
  })();
  await settle();
  assert.deepEqual(started, [0, 1, 2], "no more than three at once");
  finish(2);
  finish(1);
  await settle();
  assert.deepEqual(results, [], "the first one is still under way");
  finish(0);
  await settle();
  assert.deepEqual(results, [0, 10, 20]);
  finish(3);
  finish(4);
  await done;
  assert.deepEqual(results, [0, 10, 20, 30, 40]);
});

test("a failure comes after the results before it, and later results are handed to discard", async () => {
  const discarded: number[] = [];
  const results: number[] = [];
  const work = async (i: number): Promise<number> => {
    await settle();
    if (i === 2) {
      throw new Error("frame 2");
    }
    return i;
  };
  await assert.rejects(async () => {
    for await (const result of mapOrdered(count(10), 4, work, (result) => discarded.push(result))) {
      results.push(result);
    }
  }, /frame 2/);
  assert.deepEqual(results, [0, 1]);
  assert.ok(discarded.every((result) => result > 2));
});

test("leaving early awaits what is under way", async () => {
  let running = 0;
  const work = async (i: number): Promise<number> => {
    running += 1;
    await settle();
    running -= 1;
    return i;
  };
  for await (const result of mapOrdered(count(100), 4, work)) {
    if (result === 3) {
      break;
    }
  }
  assert.equal(running, 0);
});

test("an error of the source comes after everything it delivered", async () => {
  async function* broken(): AsyncGenerator<number> {
    yield 1;
    yield 2;
    await Promise.resolve();
    throw new Error("cable cut");
  }
  const results: number[] = [];
  await assert.rejects(async () => {
    for await (const result of mapOrdered(broken(), 8, (i) => Promise.resolve(i))) {
      results.push(result);
    }
  }, /cable cut/);
  assert.deepEqual(results, [1, 2]);
});
