import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Histogram } from "./histogram.ts";

test("property: quantiles are within 5 % of the exact ones", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.02, max: 9e7, noNaN: true }), { minLength: 1, maxLength: 300 }), fc.double({ min: 0.001, max: 1, noNaN: true }), (values, share) => {
      const histogram = new Histogram();
      values.forEach((value) => histogram.add(value));
      const exact = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)]!;
      const estimate = histogram.percentile(share);
      assert.ok(Math.abs(estimate - exact) <= 0.0501 * exact, `${estimate} for ${exact}`);
    }),
  );
});

test("an empty one says 0", () => {
  assert.deepEqual(new Histogram().summary(), { count: 0, sum: 0, max: 0, p50: 0, p95: 0, p99: 0 });
});

test("odd values do not break it", () => {
  const histogram = new Histogram();
  [0, 1e300].forEach((value) => histogram.add(value));
  assert.equal(histogram.summary().count, 2);
});
