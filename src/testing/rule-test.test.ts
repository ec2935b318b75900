import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nothing, picture, recorded, ruleTest, track } from "./index.ts";
import type { Rule } from "../contracts/rule.ts";

const door = { kind: "line", name: "door", points: [[0.1, 0.5], [0.9, 0.5]] } as const;
const crossing = track("person").from(0.5, 0.2).to(0.5, 0.8).overSeconds(3);

test("scripts say where an object's feet are, in shares of the picture", async () => {
  const script = track("person").size(0.1, 0.2).from(0.5, 0.4).to(0.5, 0.8).overSeconds(2).hidden(1).stay(1);
  const results = await ruleTest(door, script, { fps: 1, width: 100, height: 100 }).results();
  assert.deepEqual(results.map(({ ptsUs }) => ptsUs), [0, 1e6, 2e6, 3e6, 4e6]);
  assert.deepEqual(results[1]!.detections, [{ label: "person", classId: 0, score: 0.9, box: [45, 40, 55, 60], trackId: 1 }]);
  assert.deepEqual(results.map(({ detections }) => detections?.length ?? 0), [1, 1, 1, 0, 1]);
});

test("pictures have classes whose scores change", async () => {
  const results = await ruleTest(door, [picture("fire").scoring(0.2, 1).scoring(0.8, 1), nothing(3)], { fps: 1 }).results();
  assert.deepEqual(results.map(({ classes }) => classes?.[0]?.score), [0.2, 0.8, 0.8, 0.8]);
});

test("a difference shows what is missing and what was not expected, in order", async () => {
  await assert.rejects(ruleTest(door, crossing).expect([{ type: "line.crossed", data: { direction: "out" } }]), (error: Error) => {
    assert.equal(
      error.message,
      [
        "expected 1 events, got 1 (- missing, + not expected)",
        '  - {"type":"line.crossed","data":{"direction":"out"}}',
        '  + line.crossed person 1 at 1.60 s {"direction":"in","in":1,"out":0}',
      ].join("\n"),
    );
    return true;
  });
  await assert.rejects(ruleTest(door, crossing).expect(["zone.entered", "line.crossed"]), /- zone\.entered\n {4}line\.crossed person 1/);
});

test("the time, track and label of an event can be expected", async () => {
  await ruleTest(door, crossing).expect([{ atS: 1.5, trackId: 1, label: "person", stream: "test", rule: "door" }]);
  await assert.rejects(ruleTest(door, crossing).expect([{ atS: 2.5 }]));
  await assert.rejects(ruleTest(door, crossing).expect([{ trackId: 2 }]));
});

test("the user's own rule is made twice: one that does not depend on results alone fails", async () => {
  let made = 0;
  const own = (): Rule => {
    const id = `own/${made++}`;
    return {
      name: "own",
      update: (result) =>
        result.seq === 0 ? [{ id, stream: "test", rule: "own", type: "own.seen", ptsUs: result.ptsUs, capturedAtMs: result.capturedAtMs, seq: 0, data: {} }] : [],
      overlay: () => [],
    };
  };
  await assert.rejects(ruleTest(own, crossing).events(), /the same results gave other events the second time/);
});

test("two events of one id fail", async () => {
  const own = (): Rule => ({
    name: "own",
    update: ({ ptsUs, capturedAtMs, seq }) => [{ id: "same", stream: "test", rule: "own", type: "own.seen", ptsUs, capturedAtMs, seq, data: {} }],
    overlay: () => [],
  });
  await assert.rejects(ruleTest(own, crossing).events(), /two events have the id same/);
});

test("recorded results are a script too; a line that is none fails with its place", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vedette-rule-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "night.jsonl");
  const results = await ruleTest(door, crossing).results();
  const lines = results.map(({ capturedAtMs, ...rest }) => JSON.stringify({ ...rest, capturedAt: new Date(capturedAtMs).toISOString() }));
  await writeFile(file, lines.join("\n"));
  await ruleTest(door, recorded(file)).expect([{ type: "line.crossed", atS: 1.6 }]);
  await writeFile(file, [...lines, "oops"].join("\n"));
  await assert.rejects(ruleTest(door, recorded(file)).events(), /night\.jsonl:32: not JSON/);
});
