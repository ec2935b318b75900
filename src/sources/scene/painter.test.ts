import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Painter } from "./painter.ts";

test("coverage is exact: a polygon changes the picture by its area", () => {
  const coordinate = fc.double({ min: -8, max: 40, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 3 }), (corners) => {
      const painter = new Painter(48, 48);
      // Shifted to lie inside: what is cut off is another test's.
      const points = corners.flatMap(([x, y]) => [x + 8, y + 8].map((value) => Math.min(47, Math.max(0, value))));
      const [x0, y0, x1, y1, x2, y2] = points as [number, number, number, number, number, number];
      const area = Math.abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2;
      painter.fill(points, [255, 255, 255]);
      const sum = painter.y.reduce((total, value) => total + value, 0) / 235;
      // Each pixel of the outline is rounded to a grey level.
      assert.ok(Math.abs(sum - area) < 0.6 + area * 0.01, `${sum} for ${area}`);
    }),
    { numRuns: 300 },
  );
});

test("what lies beyond the borders is cut, and nothing is written outside", () => {
  const painter = new Painter(16, 16);
  painter.fill([-50, -50, 60, -50, 60, 60, -50, 60], [255, 255, 255]);
  assert.ok(painter.y.every((value) => value === 235));
  const untouched = new Painter(16, 16);
  untouched.fill([20, 2, 30, 2, 25, 9], [255, 255, 255]);
  untouched.fill([2, -20, 9, -20, 5, -3], [255, 255, 255]);
  assert.ok(untouched.y.every((value) => value === 0));
});

test("the last to paint a pixel owns it, and each owner's pixels are counted once", () => {
  const painter = new Painter(20, 20);
  painter.owner = 1;
  painter.fill([0, 0, 10, 0, 10, 10, 0, 10], [200, 0, 0]);
  painter.fill([0, 0, 10, 0, 10, 10, 0, 10], [100, 0, 0]);
  painter.owner = 2;
  painter.fill([5, 0, 15, 0, 15, 10, 5, 10], [0, 200, 0]);
  assert.deepEqual([painter.painted[1], painter.painted[2]], [100, 100]);
  assert.equal(painter.owners.filter((owner) => owner === 1).length, 50);
});

test("a faint veil leaves pixels to their owner", () => {
  const painter = new Painter(10, 10);
  painter.owner = 3;
  painter.fill([0, 0, 10, 0, 10, 10, 0, 10], [90, 90, 90], 0.3);
  assert.equal(painter.painted[3], 0);
});
