import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Candidates } from "./candidates.ts";
import { needsOpenCv, OpenCv } from "../../test/support/opencv.ts";

let opencv: OpenCv | undefined;
before(() => {
  opencv = needsOpenCv.skip === false ? new OpenCv() : undefined;
});
after(() => opencv?.[Symbol.asyncDispose]());

/** Small deterministic generator (mulberry32): the same boxes on every run. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("suppression keeps what OpenCV keeps, class by class", needsOpenCv, async () => {
  const next = random(7);
  for (const [count, iou] of [[1, 0.5], [50, 0.3], [400, 0.45], [1500, 0.7]] as const) {
    const candidates = new Candidates();
    const boxes: number[][] = [];
    const scores: number[] = [];
    const classes: number[] = [];
    for (let i = 0; i < count; i++) {
      const [x, y, w, h] = [next() * 400, next() * 300, 5 + next() * 120, 5 + next() * 90] as const;
      boxes.push([x, y, x + w, y + h].map(Math.fround));
      scores.push(Math.fround(0.01 + next() * 0.98));
      classes.push(Math.floor(next() * 3));
      const [x1, y1, x2, y2] = boxes[i] as [number, number, number, number];
      candidates.push(x1, y1, x2, y2, scores[i]!, classes[i]!, i);
    }
    const [answer] = await opencv!.ask([{ do: "nms", boxes, scores, classes, score: 0.001, iou }]);
    assert.deepEqual(candidates.strongest(iou, Infinity).map((i) => candidates.row(i)), answer!.kept);
  }
});

test("candidates are reused from frame to frame and grow as needed", () => {
  const candidates = new Candidates();
  for (const count of [10, 3000, 5]) {
    candidates.clear();
    for (let i = 0; i < count; i++) {
      candidates.push(i * 10, 0, i * 10 + 5, 5, 0.5, 0, i);
    }
    assert.equal(candidates.strongest(0.5, 10_000).length, count);
  }
});

test("boxes that are empty, turned or not finite never enter", () => {
  const candidates = new Candidates();
  for (const [x1, y1, x2, y2] of [[0, 0, 0, 5], [5, 0, 0, 5], [NaN, 0, 5, 5], [0, 0, Infinity, 5], [-Infinity, 0, 5, 5]] as const) {
    candidates.push(x1, y1, x2, y2, 1, 0, 0);
  }
  assert.equal(candidates.count, 0);
});
