import assert from "node:assert/strict";
import { test } from "node:test";
import { Broadcast } from "./broadcast.ts";
import type { ReadOptions } from "../contracts/output.ts";

const reading = (whenSlow: ReadOptions["whenSlow"], capacity: number, signal = new AbortController().signal): ReadOptions => ({
  whenSlow,
  capacity,
  signal,
});

test("a reader that waits gets everything; one that skips loses the oldest, counted; neither touches the other", async () => {
  let skipped = 0;
  const broadcast = new Broadcast<number>({ onSkip: (count) => (skipped += count) });
  const patient = broadcast.subscribe(reading("wait", 2));
  const hasty = broadcast.subscribe(reading("skip", 2));
  const all = Array.fromAsync(patient);
  for (let i = 0; i < 10; i++) {
    await broadcast.publish(i);
  }
  broadcast.end();
  assert.deepEqual(await all, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(await Array.fromAsync(hasty), [8, 9]);
  assert.equal(skipped, 8);
});

test("packets: a slow reader goes on at the next keyframe, a new one starts at one", async () => {
  const broadcast = new Broadcast<string>({ startsAt: (item) => item.startsWith("K") });
  const slow = broadcast.subscribe(reading("skip", 3));
  for (const item of ["p0", "K1", "p2", "p3", "p4", "p5", "K6", "p7"]) {
    await broadcast.publish(item);
  }
  const late = broadcast.subscribe(reading("skip", 3));
  for (const item of ["p8", "K9"]) {
    await broadcast.publish(item);
  }
  broadcast.end();
  assert.deepEqual(await Array.fromAsync(late), ["K9"]);
  const seen = await Array.fromAsync(slow);
  assert.ok(seen[0]?.startsWith("K"), `starts at a keyframe: ${seen.join(" ")}`);
});

test("a waiting reader that leaves frees the publisher", async () => {
  const broadcast = new Broadcast<number>();
  const leaving = new AbortController();
  broadcast.subscribe(reading("wait", 1, leaving.signal));
  await broadcast.publish(1);
  const blocked = broadcast.publish(2);
  leaving.abort();
  await blocked;
  assert.equal(broadcast.readers, 0);
});

test("readers are reported: when the first comes, when the last has gone", async () => {
  const counts: number[] = [];
  const broadcast = new Broadcast<number>({ onReaders: (count) => counts.push(count) });
  const a = broadcast.subscribe(reading("skip", 1))[Symbol.asyncIterator]();
  const b = broadcast.subscribe(reading("skip", 1))[Symbol.asyncIterator]();
  await a.return?.();
  await b.return?.();
  assert.deepEqual(counts, [1, 0]);
});

test("an error reaches every reader after what waits for it", async () => {
  const broadcast = new Broadcast<number>();
  const reader = broadcast.subscribe(reading("skip", 4));
  await broadcast.publish(1);
  broadcast.end(new Error("encoder"));
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of reader) {
      seen.push(item);
    }
  }, /encoder/);
  assert.deepEqual(seen, [1]);
});
