import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EventStore, eventStorePath } from "./event-store.ts";
import { wallTimeMs } from "../domain/time.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { fakeEvent, gatheringLog, tempFolder } from "../../test/support/events.ts";
import { fillDisk, smallDisk, smallDiskNeeds } from "../../test/support/small-disk.ts";
import { fakeResult } from "../../test/support/fake-taps.ts";

const DAY_MS = 86_400_000;

function setUp(t: Parameters<typeof tempFolder>[0], over: Partial<ConstructorParameters<typeof EventStore>[0]> = {}) {
  const clock = new FakeClock(Date.UTC(2026, 10, 21));
  const log = gatheringLog();
  const options = { dataDir: tempFolder(t), clock, log, ...over };
  const store = new EventStore(options);
  t.after(() => store[Symbol.dispose]());
  return { clock, log, store, options };
}

test("an event is kept as a CloudEvent, with the result that caused it, its picture and its clip", (t) => {
  const { store } = setUp(t);
  store.add(fakeEvent(7), fakeResult(7));
  store.attachSnapshot("gate/door/7/7", Buffer.from([0xff, 0xd8]));
  store.attachClip("gate/door/7/7", "/clips/7.mp4");
  const [stored] = store.list();
  assert.deepEqual(stored?.event, {
    specversion: "1.0",
    id: "gate/door/7/7",
    source: "/vedette/streams/gate",
    type: "vedette.line.crossed",
    subject: "door",
    time: "2026-11-20T18:00:00.280Z",
    emittedtime: "2026-11-21T00:00:00.000Z",
    datacontenttype: "application/json",
    data: {
      id: "gate/door/7/7", stream: "gate", rule: "door", type: "line.crossed", ptsUs: 280_000, capturedAt: "2026-11-20T18:00:00.280Z", seq: 7,
      detection: { label: "person", classId: 0, score: 0.9, box: [1, 2, 3, 4], trackId: 7 }, data: { direction: "in", in: 7 },
    },
  });
  assert.equal((stored.result as { seq: number }).seq, 7);
  assert.equal(stored.clip, "/clips/7.mp4");
  assert.equal(stored.hasSnapshot, true);
  assert.deepEqual([...store.snapshot("gate/door/7/7")!], [0xff, 0xd8]);
  assert.equal(store.get("nobody"), undefined);
});

test("filters: stream, rule, type or its beginning, time, the newest so many, what came after", (t) => {
  const { store } = setUp(t);
  store.add(fakeEvent(1));
  store.add(fakeEvent(2, { stream: "yard" }));
  store.add(fakeEvent(3, { rule: "lawn", type: "zone.entered" }));
  store.add(fakeEvent(4, { rule: "lawn", type: "zones.entered" }));
  const ids = (filter: Parameters<EventStore["list"]>[0]): number[] => store.list(filter).map(({ event }) => (event.data as unknown as { seq: number }).seq);
  assert.deepEqual(ids({ stream: "gate" }), [1, 3, 4]);
  assert.deepEqual(ids({ rule: "lawn" }), [3, 4]);
  assert.deepEqual(ids({ type: "zone" }), [3]);
  assert.deepEqual(ids({ type: "zone.entered" }), [3]);
  assert.deepEqual(ids({ type: "z%" }), []);
  assert.deepEqual(ids({ sinceMs: fakeEvent(3).capturedAtMs }), [3, 4]);
  assert.deepEqual(ids({ untilMs: fakeEvent(3).capturedAtMs }), [1, 2]);
  assert.deepEqual(ids({ limit: 2 }), [3, 4]);
  assert.deepEqual(ids({ afterRow: store.list()[2]!.row }), [4]);
});

test("the same event twice is one", (t) => {
  const { store } = setUp(t);
  store.add(fakeEvent(1));
  store.add(fakeEvent(1));
  assert.equal(store.list().length, 1);
});

test("two processes' worth of stores share the file", (t) => {
  const { store, options } = setUp(t);
  using other = new EventStore(options);
  for (let n = 0; n < 20; n++) {
    (n % 2 === 0 ? store : other).add(fakeEvent(n));
  }
  assert.equal(store.list().length, 20);
});

test("old events go, by age and by size", async (t) => {
  const { store, clock, options } = setUp(t, { retention: { maxAgeMs: 2 * DAY_MS, maxBytes: 3_000_000 } });
  store.add(fakeEvent(1));
  await clock.advance(3 * DAY_MS);
  store.add(fakeEvent(2));
  assert.deepEqual(store.list().map(({ event }) => event.id), ["gate/door/2/2"]);
  for (let n = 10; n < 110; n++) {
    store.add(fakeEvent(n));
    store.attachSnapshot(fakeEvent(n).id, new Uint8Array(100_000));
  }
  store.prune();
  const kept = store.list().map(({ event }) => (event.data as unknown as { seq: number }).seq);
  assert.ok(kept.length > 20 && kept.length < 32, `${kept.length} kept`);
  assert.equal(kept.at(-1), 109, "the newest stay");
  store[Symbol.dispose]();
  assert.ok(statSync(eventStorePath(options.dataDir)).size < 3_500_000, "the file shrinks");
});

test("a clock that jumps throws nothing away, and says so", async (t) => {
  let jumpMs = 0;
  const inner = new FakeClock(Date.UTC(2026, 10, 21));
  const clock = { now: () => wallTimeMs(inner.now() + jumpMs), monotonicMs: () => inner.monotonicMs(), sleep: inner.sleep.bind(inner), timer: inner.timer.bind(inner) };
  const { store, log } = setUp(t, { clock });
  store.add(fakeEvent(1));
  jumpMs = 400 * DAY_MS;
  await inner.advance(120_000);
  store.add(fakeEvent(2));
  assert.equal(store.list().length, 2);
  assert.equal(log.lines.filter((line) => line.includes("the clock jumped by 34560000 s")).length, 1);
});

test("events stamped before the clock was set are not old", (t) => {
  let nowMs = 3_600_000;
  let monotonicMs = 0;
  const inner = new FakeClock();
  const clock = { now: () => wallTimeMs(nowMs), monotonicMs: () => monotonicMs, sleep: inner.sleep.bind(inner), timer: inner.timer.bind(inner) };
  const { store } = setUp(t, { clock });
  store.add(fakeEvent(1));
  nowMs = Date.UTC(2026, 10, 21);
  monotonicMs = 120_000;
  store.add(fakeEvent(2));
  store.prune();
  assert.equal(store.list().length, 2);
});

for (const [how, damage] of [
  ["overwritten with rubbish", () => Buffer.from("this is no database at all, ".repeat(500))],
  ["damaged inside", (bytes: Buffer) => bytes.fill(0xab, 4096 + 100)],
] as const) {
  test(`a store ${how} is kept aside and named, and a fresh one started`, (t) => {
    const { store, options, log } = setUp(t);
    for (let n = 0; n < 50; n++) {
      store.add(fakeEvent(n));
    }
    store[Symbol.dispose]();
    const path = eventStorePath(options.dataDir);
    const damaged = damage(readFileSync(path));
    writeFileSync(path, damaged);
    using fresh = new EventStore(options);
    fresh.add(fakeEvent(99));
    assert.equal(fresh.list().length, 1);
    const kept = readdirSync(options.dataDir).find((name) => name.includes(".damaged-") && !/-(wal|shm)$/.test(name));
    assert.ok(kept !== undefined);
    assert.deepEqual(readFileSync(`${options.dataDir}/${kept}`), damaged, "nothing of it is lost");
    assert.ok(log.lines.some((line) => line.startsWith("error the event store is damaged") && line.includes(kept)));
  });
}

test("a store that is damaged while it is used costs its past, not the events that come", (t) => {
  const { store, options } = setUp(t);
  store.add(fakeEvent(1));
  store[Symbol.dispose]();
  using running = new EventStore(options);
  writeFileSync(eventStorePath(options.dataDir), Buffer.alloc(100_000, 0x5a));
  running.add(fakeEvent(2));
  running.add(fakeEvent(3));
  assert.deepEqual(running.list({ limit: 2 }).map(({ event }) => event.id), ["gate/door/2/2", "gate/door/3/3"]);
});

test("a full disk costs nothing but memory, and is made up for", smallDiskNeeds, (t) => {
  const dataDir = smallDisk(t, 4000);
  const { store, log } = setUp(t, { dataDir });
  store.add(fakeEvent(1));
  fillDisk(dataDir);
  for (let n = 2; n < 40; n++) {
    store.add(fakeEvent(n, { data: { note: "x".repeat(2000) } }));
  }
  assert.ok(store.list().length < 39);
  assert.equal(log.lines.filter((line) => line.startsWith("error the event store cannot be written")).length, 1, log.lines.join("\n"));
  rmSync(join(dataDir, "filling"));
  store.add(fakeEvent(40));
  assert.equal(store.list().length, 40);
  assert.ok(log.lines.some((line) => line.includes("can be written again")));
});
