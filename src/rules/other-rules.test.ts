import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import type { Result } from "../domain/result.ts";
import { absenceRule } from "./absence/index.ts";
import { nothing, picture, ruleTest, track } from "../testing/index.ts";

test("absence is told once when nothing was seen for its seconds, and when something is seen again", async () => {
  const guard = [track("person").from(0.5, 0.5).stay(2).hidden(5).stay(1), track("car").from(0.2, 0.9).stay(9)];
  await ruleTest({ kind: "absence", name: "post", afterS: 3, classes: ["person"] }, guard).expect([
    { type: "absence.started", atS: 5, data: { seconds: 3 } },
    { type: "absence.ended", atS: 7, label: "person" },
  ]);
});

test("absence counts from the start of the stream, and within its zone only", async () => {
  const left = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]] as const;
  await ruleTest({ kind: "absence", name: "left", afterS: 2, points: left }, track("person").from(0.9, 0.5).stay(4)).expect([{ type: "absence.started", atS: 2 }]);
  await ruleTest({ kind: "absence", name: "left", afterS: 2, points: left }, track("person").from(0.2, 0.5).stay(4)).expect([]);
});

test("a camera that was away for a minute has not seen an empty minute", () => {
  const rule = absenceRule.create(absenceRule.schema.parse({ kind: "absence", name: "post", afterS: 30 }), { stream: "s", labels: undefined });
  const empty = (seq: number, seconds: number): Result => ({
    stream: "s", seq, ptsUs: mediaTimeUs(seconds * 1e6), capturedAtMs: wallTimeMs(seconds * 1000), width: 10, height: 10, timingsMs: {}, ageMs: 0,
  });
  assert.deepEqual([empty(0, 0), empty(1, 1), empty(2, 61), empty(3, 62)].flatMap((result) => rule.update(result)), []);
});

test("appear tells of a class once, when it was seen in enough frames", async () => {
  const animals = [
    track("cat").from(0.2, 0.5).stay(2).hidden(5).stay(2),
    track("dog").at(1).from(0.5, 0.5).stay(0.05), // a single frame: a mistake
    track("dog").at(4).from(0.6, 0.5).stay(1),
  ];
  const rule = { kind: "appear", name: "animals", classes: ["cat", "dog"] } as const;
  await ruleTest(rule, animals).expect([{ type: "appear.seen", label: "cat", atS: 0.1 }, { type: "appear.seen", label: "dog", atS: 4.1 }]);
  await ruleTest({ ...rule, classes: ["cat"], againAfterS: 4 }, animals).expect([{ label: "cat", atS: 0.1 }, { label: "cat", atS: 7.1 }]);
});

test("appear can tell of every object", async () => {
  const two = [track("cat").from(0.2, 0.5).stay(2), track("cat").at(1).from(0.5, 0.5).stay(2)];
  await ruleTest({ kind: "appear", name: "cats", each: "object" }, two).expect([{ trackId: 1, atS: 0.1 }, { trackId: 2, atS: 1.1 }]);
});

test("a threshold takes the mean over its window, and ends lower than it began", async () => {
  const smoke = picture("smoke").scoring(0.1, 2).scoring(1, 0.2).scoring(0.1, 2).scoring(0.9, 3).scoring(0.75, 3).scoring(0.2, 3);
  await ruleTest({ kind: "threshold", name: "fire", label: "smoke", above: 0.8, windowS: 1 }, [smoke, nothing(12)]).expect([
    { type: "threshold.exceeded", atS: 5.1, data: { label: "smoke", above: 0.8 } },
    { type: "threshold.ended", atS: 10.3, data: { below: 0.7 } },
  ]);
});

test("a class that is not reported counts as 0, and an unfilled window tells nothing", async () => {
  await ruleTest({ kind: "threshold", name: "fire", label: "smoke", above: 0.5, windowS: 2 }, [picture("smoke").scoring(0.9, 1.5)]).expect([]);
  await ruleTest({ kind: "threshold", name: "fire", label: "smoke", above: 0.1, windowS: 0 }, nothing(2)).expect([]);
});

// A road of 20 m by 50 m seen in perspective: near edge below, far edge above.
const road = {
  kind: "speed", name: "road", points: [[0.1, 0.9], [0.9, 0.9], [0.6, 0.3], [0.4, 0.3]], metres: [[0, 0], [20, 0], [20, 50], [0, 50]],
} as const;

test("speed is measured over the ground, whatever the perspective and the frame rate", async () => {
  // Up the middle: by the cross-ratio, y = 0.45 lies 25 m from the near edge of this road (computed by hand: the far
  // edge is 4 times smaller, so depth runs as 50·s / (4 − 3·s) with s the share of the way up the picture).
  const shareAt = (metres: number): number => (4 * metres) / (50 + 3 * metres);
  const yAt = (metres: number): number => 0.9 - 0.6 * shareAt(metres);
  // 10 m/s from 5 m to 45 m, in steps of 0.1 s so that the picture's speed follows the perspective.
  let car = track("car").from(0.5, yAt(5));
  for (let metres = 6; metres <= 45; metres++) {
    car = car.to(0.5, yAt(metres)).overSeconds(0.1);
  }
  for (const fps of [10, 25, 5]) {
    const events = await ruleTest({ ...road, above: 30 }, [car, nothing(8)], { fps }).events();
    assert.deepEqual(events.map(({ type }) => type), ["speed.exceeded", "speed.measured"]);
    const { mean, highest, unit } = events[1]!.data;
    assert.equal(unit, "km/h");
    assert.ok(Math.abs(Number(mean) - 36) < 0.7 && Math.abs(Number(highest) - 36) < 1.5, `${String(mean)} ${String(highest)}`);
  }
});

test("speed tells who is too fast once, in the unit asked for", async () => {
  const flat = { ...road, points: [[0, 1], [1, 1], [1, 0], [0, 0]], metres: [[0, 0], [100, 0], [100, 50], [0, 50]], unit: "m/s", above: 15 } as const;
  const racer = track("car").from(0, 0.5).to(1, 0.5).overSeconds(5); // 20 m/s
  await ruleTest(flat, [racer, nothing(8)]).expect([
    { type: "speed.exceeded", data: { speed: 20, above: 15, unit: "m/s" } },
    { type: "speed.measured", data: { mean: 20, highest: 20 } },
  ]);
});
