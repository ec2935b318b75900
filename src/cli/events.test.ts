import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { EventStore } from "../events/event-store.ts";
import { Outbox } from "../events/outbox.ts";
import { silentLogger } from "../runtime/log.ts";
import { systemClock } from "../runtime/clock.ts";
import { fakeEvent, tempFolder } from "../../test/support/events.ts";
import { fakeResult } from "../../test/support/fake-taps.ts";
import { startVedette, vedette } from "../../test/support/vedette.ts";

function setUp(t: TestContext) {
  const dataDir = tempFolder(t);
  const store = new EventStore({ dataDir, clock: systemClock, log: silentLogger });
  t.after(() => store[Symbol.dispose]());
  for (let n = 1; n <= 3; n++) {
    store.add(fakeEvent(n, n === 2 ? { rule: "lawn", type: "zone.entered" } : {}), fakeResult(n));
  }
  store.attachSnapshot(fakeEvent(1).id, Buffer.from("jpeg"));
  return { dataDir, store };
}

test("list, show and export print what is kept", async (t) => {
  const { dataDir } = setUp(t);
  const list = await vedette(t, ["events", "list", "--data-dir", dataDir, "--type", "zone"]);
  assert.match(list.stdout, /^2026-11-20T18:00:00\.080Z {2}gate {2}lawn {2}zone\.entered {2}person 2 .* gate\/door\/2\/2\n$/);
  const snapshot = join(dataDir, "s.jpg");
  const show = await vedette(t, ["events", "show", fakeEvent(1).id, "--snapshot", snapshot, "--data-dir", dataDir]);
  assert.equal((JSON.parse(show.stdout) as { result: { seq: number } }).result.seq, 1);
  assert.equal(readFileSync(snapshot, "utf8"), "jpeg");
  const exported = await vedette(t, ["events", "export", "--rule", "door", "--data-dir", dataDir]);
  assert.deepEqual(exported.stdout.trimEnd().split("\n").map((line) => (JSON.parse(line) as { event: { id: string } }).event.id), [fakeEvent(1).id, fakeEvent(3).id]);
});

test("--follow goes on with what comes", async (t) => {
  const { dataDir, store } = setUp(t);
  const following = startVedette(t, ["events", "list", "--follow", "--json", "-n", "1", "--data-dir", dataDir]);
  await following.until(/door\/3\/3/);
  store.add(fakeEvent(4));
  await following.until(/door\/4\/4/);
  assert.doesNotMatch(following.output(), /door\/1\/1/);
});

test("dead letters are shown with their reason and put back", async (t) => {
  const { dataDir } = setUp(t);
  {
    using outbox = new Outbox({ dataDir, destination: "gate → mqtt://broker", clock: systemClock, log: silentLogger });
    outbox.enqueue(fakeEvent(1));
    outbox.bury(outbox.next(1)[0]!, "too large");
  }
  assert.match((await vedette(t, ["events", "dead", "--data-dir", dataDir])).stdout, /gate\/door\/1\/1 {2}gate → mqtt:\/\/broker {2}too large/);
  assert.match((await vedette(t, ["events", "replay-dead", "--destination", "mqtt", "--data-dir", dataDir])).stdout, /^1 put back/);
  assert.equal((await vedette(t, ["events", "dead", "--data-dir", dataDir])).stdout, "1 waiting for gate → mqtt://broker\n");
});

test("what is not there is said in one line, with exit code 2", async (t) => {
  const { dataDir } = setUp(t);
  for (const args of [["show", "nobody", "--data-dir", dataDir], ["list", "--data-dir", join(dataDir, "missing")], ["list", "--since", "yesterdayish", "--data-dir", dataDir]]) {
    const { code, stderr } = await vedette(t, ["events", ...args]);
    assert.equal(code, 2);
    assert.match(stderr, /^vedette: .*(no event nobody is kept|nothing has been kept there yet|expected a date)/);
  }
});
