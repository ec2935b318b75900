import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { batchSizes, planRuns } from "./batch-plan.ts";

test("batch sizes are few, rising, and end with the largest", () => {
  assert.deepEqual([1, 2, 3, 8, 12].map(batchSizes), [[1], [1, 2], [1, 2, 3], [1, 2, 4, 8], [1, 2, 4, 8, 12]]);
});

test("frames are split on a processor and padded on a GPU", () => {
  assert.deepEqual(planRuns(7, [1, 2, 4, 8], false), [4, 2, 1]);
  assert.deepEqual(planRuns(7, [1, 2, 4, 8], true), [8]);
  assert.deepEqual(planRuns(11, [1, 2, 4, 8], true), [8, 4]);
  assert.deepEqual(planRuns(2, [3], false), [3]);
});

test("every plan holds all frames, uses only known sizes, and wastes less than one run", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 40 }), fc.boolean(), (count, maxBatch, pad) => {
      const sizes = batchSizes(maxBatch);
      const runs = planRuns(count, sizes, pad);
      const room = runs.reduce((sum, size) => sum + size, 0);
      assert.ok(runs.every((size) => sizes.includes(size)));
      assert.ok(pad ? room >= count && room - runs.at(-1)! < count : room === count);
    }),
  );
});
