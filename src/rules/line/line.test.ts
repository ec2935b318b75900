import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lineRule } from "./index.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import type { Result } from "../../domain/result.ts";
import { ruleTest, track } from "../../testing/index.ts";

const door = { kind: "line", name: "door", points: [[0.1, 0.5], [0.9, 0.5]] } as const;

/** A result of one person 20 px wide and 40 px tall whose feet are at (x, y) in a picture of 100×100. */
function person(seq: number, x: number, y: number, ptsUs = seq * 100_000): Result {
  return {
    stream: "gate", seq, ptsUs: mediaTimeUs(ptsUs), capturedAtMs: wallTimeMs(1000 + ptsUs / 1000), width: 100, height: 100, timingsMs: {}, ageMs: 0,
    detections: [{ label: "person", classId: 0, score: 0.9, box: [x - 10, y - 40, x + 10, y], trackId: 7 }],
  };
}

function walk(...feet: (readonly [number, number])[]): string[] {
  const rule = lineRule.create(lineRule.schema.parse(door), { stream: "gate", labels: ["person"] });
  return feet.flatMap(([x, y], seq) => rule.update(person(seq, x, y)).map((event) => `${event.id} ${String(event.data["direction"])}`));
}

test("a person who walks down across a line from left to right is counted in, and out on the way back", () => {
  assert.deepEqual(walk([50, 40], [50, 48], [50, 51], [50, 60], [50, 52], [50, 45]), ["gate/door/7/1300 in", "gate/door/7/1500 out"]);
});

test("a person who walks round the end of a line is not counted", () => {
  assert.deepEqual(walk([50, 40], [96, 45], [96, 55], [50, 60], [50, 70]), []);
});

test("the path decides where the line was crossed, not where the hysteresis was passed", () => {
  assert.deepEqual(walk([85, 45], [89, 49.5], [89, 50.5], [96, 51], [97, 56]), ["gate/door/7/1400 in"]);
});

test("one who stands on the line and sways within the hysteresis is not counted", () => {
  assert.deepEqual(walk([50, 40], [50, 49], [50, 51], [50, 49], [50, 51.9], [50, 48.5], [50, 51]), []);
});

test("somebody who was unseen for longer than maxGapS may have gone any way and is not counted", async () => {
  const away = (seconds: number): ReturnType<typeof track> => track("person").from(0.5, 0.2).stay(1).to(0.5, 0.9).hidden(seconds).stay(1);
  await ruleTest(door, away(1)).expect(["line.crossed"]);
  await ruleTest(door, away(5)).expect([]);
});

test("results five seconds apart are slow analysis, not absence", () => {
  const rule = lineRule.create(lineRule.schema.parse(door), { stream: "gate", labels: undefined });
  assert.equal([person(0, 50, 20, 0), person(1, 50, 80, 5e6)].flatMap((result) => rule.update(result)).length, 1);
});

test("directions decide which crossings are told; both are counted and drawn", async () => {
  const toAndFro = track("person").from(0.5, 0.2).to(0.5, 0.9).overSeconds(2).to(0.5, 0.2).overSeconds(2);
  await ruleTest({ ...door, directions: "out" }, toAndFro).expect([{ type: "line.crossed", data: { direction: "out", in: 1, out: 1 } }]);
  const rule = lineRule.create(lineRule.schema.parse({ ...door, directions: "out" }), { stream: "gate", labels: undefined });
  [person(0, 50, 20), person(1, 50, 80)].forEach((result) => rule.update(result));
  assert.deepEqual(rule.overlay(200, 100), [{ shape: "line", points: [[20, 50], [180, 50]], color: 0xffc400, label: "door  in 1  out 0" }]);
});

test("the centre of the box can be what counts", async () => {
  // Its feet cross at 0.5, its centre (a tenth of the picture higher) does not.
  const step = track("person").from(0.5, 0.4).to(0.5, 0.57).overSeconds(1);
  await ruleTest(door, step).expect(["line.crossed"]);
  await ruleTest({ ...door, point: "center" }, step).expect([]);
});

test("an object without an identity, of another class or below the score is passed over", async () => {
  const crossing = track("person").from(0.5, 0.2).to(0.5, 0.9).overSeconds(2);
  await ruleTest({ ...door, classes: ["car"] }, crossing).expect([]);
  await ruleTest({ ...door, minScore: 0.95 }, crossing).expect([]);
  const rule = lineRule.create(lineRule.schema.parse(door), { stream: "gate", labels: undefined });
  const untracked = [person(0, 50, 20), person(1, 50, 80)].map((result) => ({ ...result, detections: result.detections?.map(({ label, classId, score, box }) => ({ label, classId, score, box })) ?? [] }));
  assert.deepEqual(untracked.flatMap((result) => rule.update(result)), []);
});

test("property: a path that crosses the line once counts once, whatever the frame rate", async () => {
  const share = fc.double({ min: 0.15, max: 0.85, noNaN: true });
  await fc.assert(
    fc.asyncProperty(share, share, fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.3, max: 8, noNaN: true }), async (x1, x2, fps, seconds) => {
      const path = track("person").from(x1, 0.3).to(x2, 0.8).overSeconds(seconds).stay(2);
      await ruleTest(door, path, { fps }).expect([{ type: "line.crossed", data: { direction: "in" } }]);
    }),
    { numRuns: 60 },
  );
});

test("property: jitter within the hysteresis never counts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 5, max: 30 }), fc.double({ min: 0, max: 0.0099, noNaN: true }), async (seed, fps, jitter) => {
      // The hysteresis is 0.05 of a box 0.2 tall: 0.01 of the picture.
      const swaying = track("person").from(0.5, 0.4).to(0.5, 0.5).overSeconds(1).jitter(jitter, seed).stay(10);
      await ruleTest(door, swaying, { fps }).expect([]);
    }),
    { numRuns: 60 },
  );
});
