import assert from "node:assert/strict";
import { test } from "node:test";
import { Mailbox } from "./mailbox.ts";
import type { WhenFull } from "./mailbox.ts";

function mailbox(capacity: number, whenFull: WhenFull): { box: Mailbox<number>; dropped: [number, string][] } {
  const dropped: [number, string][] = [];
  return { box: new Mailbox<number>({ capacity, whenFull, onDrop: (item, reason) => dropped.push([item, reason]) }), dropped };
}

test("a full mailbox drops its oldest item and says why", async () => {
  const { box, dropped } = mailbox(1, "drop-oldest");
  for (const item of [1, 2, 3]) {
    await box.push(item);
  }
  box.end();
  assert.deepEqual(await Array.fromAsync(box), [3]);
  assert.deepEqual(dropped, [[1, "mailbox_full"], [2, "mailbox_full"]]);
});

test("drop-newest keeps what waits", async () => {
  const { box, dropped } = mailbox(2, "drop-newest");
  for (const item of [1, 2, 3]) {
    await box.push(item);
  }
  box.end();
  assert.deepEqual(await Array.fromAsync(box), [1, 2]);
  assert.deepEqual(dropped, [[3, "mailbox_full"]]);
});

test("waiting loses nothing and never holds more than its capacity", async () => {
  const { box, dropped } = mailbox(2, "wait");
  let largest = 0;
  const producer = (async () => {
    for (let item = 0; item < 50; item++) {
      await box.push(item);
      largest = Math.max(largest, box.size);
    }
    box.end();
  })();
  const taken = await Array.fromAsync(box);
  await producer;
  assert.deepEqual(taken, Array.from({ length: 50 }, (_, i) => i));
  assert.ok(largest <= 2);
  assert.deepEqual(dropped, []);
});

test("a consumer that leaves frees the producer and drops what waits as stopped", async () => {
  const { box, dropped } = mailbox(1, "wait");
  await box.push(1);
  const blocked = box.push(2);
  const iterator = box[Symbol.asyncIterator]();
  await iterator.return?.();
  await blocked;
  await box.push(3);
  assert.deepEqual(dropped.map(([, reason]) => reason), ["stopped", "stopped", "stopped"]);
});

test("leaving works while an item is awaited", async () => {
  const { box } = mailbox(1, "wait");
  const iterator = box[Symbol.asyncIterator]();
  const pending = iterator.next();
  await iterator.return?.();
  assert.deepEqual(await pending, { done: true, value: undefined });
});

test("an error comes after the items before it", async () => {
  const { box } = mailbox(4, "wait");
  await box.push(1);
  box.end(new Error("camera gone"));
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of box) {
      seen.push(item);
    }
  }, /camera gone/);
  assert.deepEqual(seen, [1]);
});
