import assert from "node:assert/strict";
import { test } from "node:test";
import { motMetrics, type Identified, type MotFrame } from "./mot-metrics.ts";

/** An object at a place on a row of places that do not overlap. */
const at = (id: number | string, place: number, more: Partial<Identified> = {}): Identified => ({ id, box: [place * 100, 0, place * 100 + 50, 100], ...more });
const frame = (truth: Identified[], tracked: Identified[]): MotFrame => ({ truth, tracked });

test("perfect tracking is 1 and 1", () => {
  const frames = [1, 2, 3].map((x) => frame([at("a", x), at("b", 9)], [at(7, x), at(8, 9)]));
  assert.deepEqual(motMetrics(frames), { mota: 1, idf1: 1, switches: 0, misses: 0, falsePositives: 0, truth: 6 });
});

test("a change of identity is one switch, and halves the frames with the right one", () => {
  const frames = [frame([at("a", 1)], [at(1, 1)]), frame([at("a", 1)], [at(1, 1)]), frame([at("a", 1)], [at(2, 1)]), frame([at("a", 1)], [at(2, 1)])];
  // MOTA 1 − 1/4. IDF1: 2 right boxes of 4 true and 4 tracked: 2·2/8.
  assert.deepEqual(motMetrics(frames), { mota: 0.75, idf1: 0.5, switches: 1, misses: 0, falsePositives: 0, truth: 4 });
});

test("misses and false positives are counted; an object found again under its identity is no switch", () => {
  const frames = [frame([at("a", 1)], [at(1, 1)]), frame([at("a", 1)], []), frame([at("a", 1)], [at(1, 1), at(5, 7)])];
  // IDF1: 2 right boxes; 3 true and 3 tracked.
  assert.deepEqual(motMetrics(frames), { mota: 1 - 2 / 3, idf1: 4 / 6, switches: 0, misses: 1, falsePositives: 1, truth: 3 });
});

test("two who swap identities are two switches, and neither identity is kept by both", () => {
  const frames = [
    frame([at("a", 1), at("b", 2)], [at(1, 1), at(2, 2)]),
    frame([at("a", 1), at("b", 2)], [at(2, 1), at(1, 2)]),
    frame([at("a", 1), at("b", 2)], [at(2, 1), at(1, 2)]),
  ];
  // The identities pair 1–b and 2–a: 4 right boxes of 6 and 6.
  assert.deepEqual(motMetrics(frames), { mota: 1 - 2 / 6, idf1: 8 / 12, switches: 2, misses: 0, falsePositives: 0, truth: 6 });
});

test("one identity that moves on to another object is not kept by the first", () => {
  const near = { id: "b", box: [110, 0, 160, 100] as const };
  const frames = [frame([at("a", 1)], [at(1, 1)]), frame([near], [{ id: 1, box: near.box }]), frame([at("a", 1), near], [{ id: 1, box: near.box }])];
  const metrics = motMetrics(frames);
  assert.deepEqual([metrics.misses, metrics.falsePositives, metrics.switches], [1, 0, 0]);
});

test("a pair of the frame before is kept as long as it fits, though another would fit better", () => {
  const truth = [{ id: "a", box: [0, 0, 100, 100] as const }];
  const first = frame(truth, [{ id: 1, box: [0, 0, 100, 100] }]);
  const second = frame(truth, [{ id: 1, box: [0, 0, 100, 70] }, { id: 2, box: [0, 0, 100, 100] }]);
  const metrics = motMetrics([first, second]);
  assert.deepEqual([metrics.switches, metrics.falsePositives], [0, 1]);
});

test("boxes pair from an overlap of one half on, and of one label only", () => {
  const truth = [{ id: "a", box: [0, 0, 100, 100] as const, label: "person" }];
  const metricsFor = (tracked: Identified): number => motMetrics([frame(truth, [tracked])]).misses;
  assert.equal(metricsFor({ id: 1, box: [0, 0, 50, 100], label: "person" }), 0);
  assert.equal(metricsFor({ id: 1, box: [0, 0, 49, 100], label: "person" }), 1);
  assert.equal(metricsFor({ id: 1, box: [0, 0, 100, 100], label: "car" }), 1);
});

test("hidden objects need not be found, and finding them is no mistake", () => {
  const frames = [frame([at("a", 1, { isIgnored: true }), at("b", 2)], [at(1, 1), at(2, 2)]), frame([at("a", 1, { isIgnored: true }), at("b", 2)], [at(2, 2)])];
  assert.deepEqual(motMetrics(frames), { mota: 1, idf1: 1, switches: 0, misses: 0, falsePositives: 0, truth: 2 });
});
