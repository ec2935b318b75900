import assert from "node:assert/strict";
import { test } from "node:test";
import { lineRule } from "./index.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import type { Result } from "../../domain/result.ts";

/** A result of one person 20 px wide and 40 px tall whose feet are at (x, y) in a picture of 100×100. */
function person(seq: number, x: number, y: number): Result {
  return {
    stream: "gate", seq, ptsUs: mediaTimeUs(seq * 100_000), capturedAtMs: wallTimeMs(1000 + seq * 100), width: 100, height: 100, timingsMs: {}, ageMs: 0,
    detections: [{ label: "person", classId: 0, score: 0.9, box: [x - 10, y - 40, x + 10, y], trackId: 7 }],
  };
}

function walk(...feet: (readonly [number, number])[]): string[] {
  const rule = lineRule.create(lineRule.schema.parse({ kind: "line", name: "door", points: [[0.1, 0.5], [0.9, 0.5]] }), { stream: "gate", labels: ["person"] });
  return feet.flatMap(([x, y], seq) => rule.update(person(seq, x, y)).map((event) => `${event.id} ${String(event.data["direction"])}`));
}

test("a person who walks down across a line from left to right is counted in, and out on the way back", () => {
  assert.deepEqual(walk([50, 40], [50, 48], [50, 51], [50, 60], [50, 52], [50, 45]), ["gate/door/7/1300 in", "gate/door/7/1500 out"]);
});

test("a person who walks round the end of a line is not counted", () => {
  assert.deepEqual(walk([50, 40], [96, 45], [96, 55], [50, 60], [50, 70]), []);
});

test("one who stands on the line and sways within the hysteresis is not counted", () => {
  assert.deepEqual(walk([50, 40], [50, 49], [50, 51], [50, 49], [50, 51.9], [50, 48.5], [50, 51]), []);
});
