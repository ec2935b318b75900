import assert from "node:assert/strict";
import { test } from "node:test";
import { zoneRule } from "./index.ts";
import { ruleTest, track } from "../../testing/index.ts";

const waiting = { kind: "zone", name: "waiting", points: [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]] } as const;

test("tells who enters and who leaves, with how many are inside and how long it was", async () => {
  await ruleTest(waiting, track("person").from(0.2, 0.5).to(0.8, 0.5).overSeconds(6)).expect([
    { type: "zone.entered", trackId: 1, atS: 2.1, data: { occupancy: 1 } },
    { type: "zone.left", trackId: 1, atS: 4.1, data: { occupancy: 0, how: "walked" } },
  ]);
});

test("somebody who vanishes inside has left when he is given up, for as long as he was seen", async () => {
  const vanishing = [track("person").from(0.5, 0.5).stay(3), track("person").from(0.1, 0.1).stay(10)];
  await ruleTest(waiting, vanishing).expect([
    { type: "zone.entered", atS: 0 },
    { type: "zone.left", atS: 5.1, data: { how: "lost", seconds: 3, occupancy: 0 } },
  ]);
});

test("a detection missed for a moment neither leaves nor enters", async () => {
  await ruleTest(waiting, track("person").from(0.5, 0.5).stay(2).hidden(1.5).stay(2)).expect(["zone.entered"]);
});

test("dwelling is told once a visit, after more than its seconds", async () => {
  const visits = track("person").from(0.5, 0.5).stay(4).to(0.9, 0.5).overSeconds(0.5).stay(1).to(0.5, 0.5).overSeconds(0.5).stay(4);
  await ruleTest({ ...waiting, dwellS: 3, events: ["dwell"] }, visits).expect([
    { type: "zone.dwell", atS: 3.1, data: { occupancy: 1 } },
    { type: "zone.dwell", atS: 9 },
  ]);
});

test("a crowd is more than its limit, for as long as asked, and has an end", async () => {
  const people = [0, 1, 2].map((i) => track("person").at(i).from(0.45 + i * 0.05, 0.5).stay(6 - i).to(0.9, 0.5).overSeconds(0.2).stay(1));
  await ruleTest({ ...waiting, crowd: 2, crowdForS: 1, events: ["crowd"] }, people).expect([
    { type: "zone.crowd", atS: 3, data: { occupancy: 3, limit: 2 } },
    { type: "zone.crowd_ended", atS: 6.1, data: { limit: 2, seconds: 4.1 } },
  ]);
});

test("occupancy can be told whenever it changes", async () => {
  const pair = [track("person").from(0.45, 0.5).stay(1), track("person").from(0.55, 0.5).stay(2), track("person").from(0.1, 0.1).stay(6)];
  await ruleTest({ ...waiting, events: ["occupancy"] }, pair).expect([
    { type: "zone.occupancy", data: { before: 0, occupancy: 2 } },
    { type: "zone.occupancy", data: { before: 2, occupancy: 1 } },
    { type: "zone.occupancy", data: { before: 1, occupancy: 0 } },
  ]);
});

test("swaying on the edge enters once at most", async () => {
  const swaying = track("person").from(0.2, 0.5).to(0.4, 0.5).overSeconds(1).jitter(0.009).stay(20);
  const events = await ruleTest(waiting, swaying, { width: 1000, height: 1000 }).events();
  assert.ok(events.length <= 1, JSON.stringify(events.map(({ type }) => type)));
});

test("a zone shallower than the hysteresis of a tall person can still be entered", async () => {
  const strip = { kind: "zone", name: "kerb", points: [[0.1, 0.5], [0.9, 0.5], [0.9, 0.52], [0.1, 0.52]] } as const;
  await ruleTest(strip, track("person").size(0.3, 0.45).from(0.5, 0.4).to(0.5, 0.51).overSeconds(2).stay(1)).expect(["zone.entered"]);
});

test("the picture shows how many are inside", () => {
  const rule = zoneRule.create(zoneRule.schema.parse(waiting), { stream: "s", labels: undefined });
  assert.deepEqual(rule.overlay(100, 100).map((shape) => ("label" in shape ? shape.label : undefined)), ["waiting  0"]);
});
