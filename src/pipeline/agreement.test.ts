import assert from "node:assert/strict";
import { test } from "node:test";
import { Agreement } from "./agreement.ts";
import type { Detection } from "../domain/result.ts";

const seen = (label: string, score: number, box: Detection["box"]): Detection => ({ label, classId: 0, score, box });

test("boxes of one label that overlap by half are one object; best overlaps pair first, each once", () => {
  const agreement = new Agreement();
  agreement.add(
    { detections: [seen("person", 0.9, [0, 0, 10, 10]), seen("car", 0.8, [50, 50, 60, 60]), seen("dog", 0.7, [0, 0, 10, 10])] },
    // The second person overlaps the first by 0.6, the first by 0.8; the cat is where the dog is.
    { detections: [seen("person", 0.8, [0, 0, 10, 8]), seen("person", 0.7, [0, 0, 10, 6]), seen("cat", 0.7, [0, 0, 10, 10])] },
  );
  const { boxes, classes } = agreement.snapshot();
  assert.equal(classes, undefined);
  assert.deepEqual({ matched: boxes?.matched, onlyPrimary: boxes?.onlyPrimary, onlyShadow: boxes?.onlyShadow }, { matched: 1, onlyPrimary: 2, onlyShadow: 2 });
  assert.ok(Math.abs((boxes?.meanIou ?? 0) - 0.8) < 1e-9);
  assert.ok(Math.abs((boxes?.meanScoreDifference ?? 0) - 0.1) < 1e-9);
  assert.ok(Math.abs((boxes?.matchedShare ?? 0) - 2 / 6) < 1e-9);
});

test("top-1: the same best class, whatever the order; the score is that of the first engine's best", () => {
  const agreement = new Agreement();
  const classes = (...scores: [string, number][]) => ({ classes: scores.map(([label, score]) => ({ label, classId: 0, score })) });
  agreement.add(classes(["cat", 0.6], ["dog", 0.3]), classes(["dog", 0.2], ["cat", 0.5]));
  agreement.add(classes(["cat", 0.6], ["dog", 0.3]), classes(["dog", 0.5], ["cat", 0.4]));
  const seen = agreement.snapshot().classes;
  assert.deepEqual([seen?.frames, seen?.top1Agreement], [2, 0.5]);
  assert.ok(Math.abs((seen?.meanScoreDifference ?? 0) - 0.15) < 1e-9);
});

test("frames in which neither finds anything say nothing", () => {
  const agreement = new Agreement();
  agreement.add({ detections: [] }, { detections: [] });
  agreement.add({}, {});
  assert.deepEqual(agreement.snapshot(), {});
});
