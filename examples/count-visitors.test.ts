// Tests a counting line before any camera is hung: two people come in, one goes out again, one only looks in.
import { test } from "node:test";
import { ruleTest, track } from "vedette/testing";

const door = { kind: "line", name: "door", points: [[0.2, 0.6], [0.8, 0.6]], classes: ["person"] } as const;

test("counts who comes in and who goes out, not who looks in or walks past", async () => {
  await ruleTest(door, [
    track("person").from(0.4, 0.3).to(0.4, 0.9).overSeconds(3),
    track("person").at(1).from(0.6, 0.3).to(0.6, 0.9).overSeconds(3).hidden(0.5).to(0.6, 0.3).overSeconds(3),
    track("person").from(0.5, 0.3).to(0.5, 0.604).overSeconds(2).to(0.5, 0.3).overSeconds(2), // looks in
    track("person").from(0.9, 0.3).to(0.9, 0.9).overSeconds(2), // walks past the end of the line
    track("dog").from(0.3, 0.3).to(0.3, 0.9).overSeconds(2),
  ]).expect([
    { type: "line.crossed", trackId: 1, atS: 1.6, data: { direction: "in", in: 1 } },
    { type: "line.crossed", trackId: 2, atS: 2.6, data: { direction: "in", in: 2 } },
    { type: "line.crossed", trackId: 2, data: { direction: "out", in: 2, out: 1 } },
  ]);
});
