import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BoxFilter } from "./box-filter.ts";
import type { Box } from "../domain/result.ts";

const walkAt = (seconds: number): Box => [100 + 80 * seconds, 200, 150 + 80 * seconds, 350];

function close(actual: Box, expected: Box, within: number): void {
  assert.ok(actual.every((value, i) => Math.abs(value - expected[i]!) <= within), `${actual.join(" ")} against ${expected.join(" ")}`);
}

for (const fps of [30, 10, 5]) {
  test(`a steady walk is known after a second at ${fps} frames a second, and foretold through half a second unseen`, () => {
    const filter = new BoxFilter(walkAt(0));
    for (let i = 1; i <= fps; i++) {
      filter.predict(1 / fps);
      filter.update(walkAt(i / fps));
    }
    assert.ok(Math.abs(filter.velocity[0] - 80) < 4 && Math.abs(filter.velocity[1]) < 1, filter.velocity.join(" "));
    filter.predict(0.5);
    close(filter.box, walkAt(1.5), 3);
  });
}

test("property: however time is cut up, predicting it comes to the same", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.001, max: 0.5, noNaN: true }), { minLength: 1, maxLength: 8 }), (steps) => {
      const [whole, parts] = [new BoxFilter(walkAt(0)), new BoxFilter(walkAt(0))];
      for (const filter of [whole, parts]) {
        filter.predict(0.1);
        filter.update(walkAt(0.1));
      }
      whole.predict(steps.reduce((sum, step) => sum + step, 0));
      steps.forEach((step) => parts.predict(step));
      close(whole.box, parts.box, 1e-6);
      const seen: Box = [130, 210, 180, 360];
      assert.ok(Math.abs(whole.distance2(seen) - parts.distance2(seen)) < 1e-6);
    }),
  );
});

test("the longer something is unseen, the further off it may be found", () => {
  const filter = new BoxFilter(walkAt(0));
  const elsewhere: Box = [200, 230, 250, 380];
  const early = filter.distance2(elsewhere);
  filter.predict(0.5);
  assert.ok(filter.distance2(elsewhere) < early / 10);
});

test("a box without area does no harm", () => {
  const filter = new BoxFilter([10, 10, 10, 10]);
  filter.predict(0.1);
  filter.update([11, 10, 11, 10]);
  assert.ok(filter.box.every(Number.isFinite));
});
