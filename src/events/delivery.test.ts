import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { DeliveryFailure } from "./destination.ts";
import { EventOutput } from "./event-output.ts";
import { Outbox } from "./outbox.ts";
import { listDead, listWaiting, replayDead } from "./dead-letters.ts";
import type { Destination } from "./destination.ts";
import type { EventOutputOptions } from "./event-output.ts";
import type { OutboxItem } from "./outbox.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { FakeTaps } from "../../test/support/fake-taps.ts";
import { fakeEvent, gatheringLog, tempFolder } from "../../test/support/events.ts";
import { fillDisk, smallDisk, smallDiskNeeds } from "../../test/support/small-disk.ts";
import { testOutput } from "../outputs/output.contract.ts";

/** A receiver that does what the test says. */
class FakeDestination implements Destination {
  readonly batchSize: number;
  readonly got: string[] = [];
  readonly tries: number[] = [];
  answer: (item: OutboxItem) => DeliveryFailure | undefined = () => undefined;
  isUp = true;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock, batchSize = 1) {
    this.#clock = clock;
    this.batchSize = batchSize;
  }

  connect(): Promise<void> {
    if (this.isUp) {
      return Promise.resolve();
    }
    this.tries.push(this.#clock.monotonicMs());
    return Promise.reject(new Error("connect ECONNREFUSED"));
  }

  send(items: readonly OutboxItem[]): Promise<void> {
    for (const [delivered, item] of items.entries()) {
      const failure = this.answer(item);
      if (failure !== undefined) {
        this.tries.push(this.#clock.monotonicMs());
        return Promise.reject(new DeliveryFailure(failure.problem, failure.message, { delivered, retryAfterMs: failure.retryAfterMs }));
      }
      this.got.push(item.id);
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function setUp(t: TestContext, over: Partial<EventOutputOptions> = {}, batchSize = 1) {
  const clock = new FakeClock(Date.UTC(2026, 10, 21));
  const log = gatheringLog();
  const destination = new FakeDestination(clock, batchSize);
  const options: EventOutputOptions = { name: "fake://receiver", stream: "gate", dataDir: tempFolder(t), clock, log, random: () => 0.5, create: () => destination, ...over };
  const outbox = { dataDir: options.dataDir, clock, log };
  const start = async () => {
    const taps = new FakeTaps();
    const output = new EventOutput(options);
    t.after(() => output[Symbol.asyncDispose]());
    await output.open(new AbortController().signal);
    const running = output.run(taps, new AbortController().signal);
    return { taps, output, running };
  };
  return { clock, log, destination, options, outbox, start };
}

const ids = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => fakeEvent(from + i).id);

testOutput({
  kind: "event output",
  create: () => {
    const clock = new FakeClock();
    const dataDir = tempFolder({ after: (work) => void process.once("exit", work) });
    return Promise.resolve(new EventOutput({ name: "fake://receiver", stream: "gate", dataDir, clock, log: gatheringLog(), create: () => new FakeDestination(clock) }));
  },
  feed: (taps, seq) => taps.pushEvent(fakeEvent(seq)),
  broken: {
    create: () => Promise.resolve(new EventOutput({ name: "x", stream: "gate", dataDir: "/dev/null/nowhere", clock: new FakeClock(), log: gatheringLog(), create: () => new FakeDestination(new FakeClock()) })),
    code: "E_EVENTS_UNWRITABLE",
  },
});

test("events are delivered in order, and leave the outbox", async (t) => {
  const { destination, outbox, start, clock } = setUp(t, {}, 3);
  const { taps, running } = await start();
  for (let n = 0; n < 10; n++) {
    await taps.pushEvent(fakeEvent(n));
  }
  await clock.advance(0);
  taps.end();
  await running;
  assert.deepEqual(destination.got, ids(0, 9));
  assert.deepEqual(listWaiting(outbox), []);
});

test("a receiver that is down is tried ever more seldom, told of once, and gets everything when it is back", async (t) => {
  const { destination, start, clock, log } = setUp(t);
  destination.isUp = false;
  const { taps, running } = await start();
  for (let n = 0; n < 5; n++) {
    await taps.pushEvent(fakeEvent(n));
  }
  await clock.advance(200_000);
  const waits = destination.tries.slice(1).map((at, i) => at - destination.tries[i]!);
  assert.deepEqual(waits.slice(0, 9), [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  assert.equal(log.lines.filter((line) => line.startsWith("warn")).length, 1, log.lines.join("\n"));
  assert.match(log.lines.find((line) => line.startsWith("warn"))!, /cannot be delivered: connect ECONNREFUSED; they wait in the outbox/);
  destination.isUp = true;
  await clock.advance(60_000);
  assert.deepEqual(destination.got, ids(0, 4));
  assert.ok(log.lines.some((line) => /^info events can be delivered again/.test(line)));
  taps.end();
  await running;
});

test("what was left is delivered first by the next start", async (t) => {
  const { destination, start, clock, outbox } = setUp(t);
  destination.isUp = false;
  const first = await start();
  for (let n = 0; n < 5; n++) {
    await first.taps.pushEvent(fakeEvent(n));
  }
  await clock.advance(10);
  first.taps.end();
  await first.running;
  await first.output[Symbol.asyncDispose]();
  assert.deepEqual(listWaiting(outbox).map((row) => ({ ...row })), [{ destination: "gate → fake://receiver", waiting: 5 }]);
  destination.isUp = true;
  const second = await start();
  await second.taps.pushEvent(fakeEvent(5));
  await clock.advance(0);
  second.taps.end();
  await second.running;
  assert.deepEqual(destination.got, ids(0, 5));
});

test("an event that is rejected becomes a dead letter, the others go on; it can be replayed", async (t) => {
  const { destination, start, clock, outbox, log } = setUp(t, {}, 4);
  destination.answer = ({ id }) => (id === fakeEvent(2).id ? new DeliveryFailure("rejected", "too large") : undefined);
  const { taps, running } = await start();
  for (let n = 0; n < 6; n++) {
    await taps.pushEvent(fakeEvent(n));
  }
  await clock.advance(1000);
  assert.deepEqual(destination.got, [...ids(0, 1), ...ids(3, 5)]);
  const [dead] = listDead(outbox);
  assert.equal(dead?.id, fakeEvent(2).id);
  assert.equal(dead.reason, "too large");
  assert.ok(log.lines.some((line) => line.startsWith("error an event is not delivered")));
  destination.answer = () => undefined;
  assert.equal(replayDead(outbox, { destination: "nobody" }), 0);
  assert.equal(replayDead(outbox, { id: fakeEvent(2).id }), 1);
  await clock.advance(1000);
  assert.equal(destination.got.at(-1), fakeEvent(2).id);
  assert.deepEqual(listDead(outbox), []);
  taps.end();
  await running;
});

test("an event that is refused again and again becomes a dead letter after maxAttempts, counted over restarts", async (t) => {
  const { destination, start, clock, outbox } = setUp(t, { maxAttempts: 6 });
  destination.answer = ({ id }) => (id === fakeEvent(0).id ? new DeliveryFailure("refused", "answered 500") : undefined);
  const first = await start();
  await first.taps.pushEvent(fakeEvent(0));
  await first.taps.pushEvent(fakeEvent(1));
  await clock.advance(2000);
  assert.equal(destination.tries.length, 3);
  first.taps.end();
  await first.running;
  await first.output[Symbol.asyncDispose]();
  const second = await start();
  await clock.advance(20_000);
  assert.equal(destination.tries.length, 6);
  assert.match(listDead(outbox)[0]!.reason, /answered 500 \(6 tries\)/);
  assert.deepEqual(destination.got, [fakeEvent(1).id]);
  second.taps.end();
  await second.running;
});

test("a receiver that asks to be left alone is", async (t) => {
  const { destination, start, clock } = setUp(t);
  destination.answer = () => (destination.tries.length === 0 ? new DeliveryFailure("unreachable", "answered 429", { retryAfterMs: 30_000 }) : undefined);
  const { taps, running } = await start();
  await taps.pushEvent(fakeEvent(0));
  await clock.advance(29_000);
  assert.deepEqual(destination.got, []);
  await clock.advance(2000);
  assert.deepEqual(destination.got, [fakeEvent(0).id]);
  taps.end();
  await running;
});

test("too old or too many: dead letters, said so; the number of those is bounded too", async (t) => {
  const { start, clock, destination, outbox, log } = setUp(t, { limits: { maxEvents: 10, maxAgeMs: 3_600_000, maxDead: 12 } });
  destination.isUp = false;
  const { taps, running } = await start();
  for (let n = 0; n < 15; n++) {
    await taps.pushEvent(fakeEvent(n));
    await clock.advance(0);
  }
  await clock.advance(60_000);
  assert.equal(listWaiting(outbox)[0]?.waiting, 10);
  assert.deepEqual(listDead(outbox).map(({ reason }) => reason), Array.from({ length: 5 }, () => "more than 10 events waited"));
  await clock.advance(4_000_000);
  assert.deepEqual(listWaiting(outbox), []);
  assert.deepEqual(listDead(outbox).map(({ id }) => id), ids(3, 14), "the newest twelve");
  assert.ok(log.lines.some((line) => line.includes("the oldest 3 are gone for good")));
  taps.end();
  await running;
});

test("two processes with one destination: one delivers for both, and the other takes over", async (t) => {
  const { start, clock, destination } = setUp(t);
  const first = await start();
  await clock.advance(10);
  const second = await start();
  await second.taps.pushEvent(fakeEvent(1));
  await first.taps.pushEvent(fakeEvent(2));
  await clock.advance(1500);
  assert.deepEqual(destination.got.toSorted(), ids(1, 2));
  first.taps.end();
  await first.running;
  await first.output[Symbol.asyncDispose]();
  await second.taps.pushEvent(fakeEvent(3));
  await clock.advance(1500);
  assert.equal(destination.got.at(-1), fakeEvent(3).id);
  second.taps.end();
  await second.running;
});

test("with the disk full events go on being delivered, from memory, in order", smallDiskNeeds, async (t) => {
  const dataDir = smallDisk(t, 600);
  const { start, clock, destination, log } = setUp(t, { dataDir });
  destination.isUp = false;
  const { taps, running } = await start();
  await taps.pushEvent(fakeEvent(0));
  await clock.advance(0);
  fillDisk(dataDir);
  for (let n = 1; n < 60; n++) {
    await taps.pushEvent(fakeEvent(n, { data: { note: "x".repeat(3000) } }));
    await clock.advance(0);
  }
  assert.equal(log.lines.filter((line) => line.startsWith("error the outbox cannot be written")).length, 1, log.lines.join("\n"));
  destination.isUp = true;
  await clock.advance(60_000);
  assert.deepEqual(destination.got, ids(0, 59));
  rmSync(join(dataDir, "filling"));
  await taps.pushEvent(fakeEvent(60));
  await clock.advance(0);
  assert.equal(destination.got.at(-1), fakeEvent(60).id);
  assert.ok(log.lines.some((line) => line.startsWith("info the outbox can be written again")));
  taps.end();
  await running;
});

test("counters of rules go on over a restart, and repeat nothing", (t) => {
  const { outbox } = setUp(t);
  const options = { ...outbox, destination: "d" };
  {
    using box = new Outbox(options);
    box.enqueue(fakeEvent(1));
    box.enqueue(fakeEvent(1));
    box.enqueue(fakeEvent(2, { rule: "lawn" }));
  }
  using box = new Outbox(options);
  box.enqueue(fakeEvent(3));
  assert.deepEqual(box.next(10).map(({ rule, count }) => [rule, count]), [["door", 1], ["lawn", 1], ["door", 2]]);
  assert.equal(box.countOf("door"), 2);
});
