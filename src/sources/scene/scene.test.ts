import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Camera } from "./camera.ts";
import { COUNTING_X, WAITING_ZONE } from "./layout.ts";
import { demoDefaults } from "./demo-defaults.ts";
import { Scene, type SceneFrame } from "./scene.ts";
import { World } from "./world.ts";

const SMALL = { width: 320, height: 180, dayS: 240, startPhase: 0.04 };

function digest({ picture }: SceneFrame): string {
  const hash = createHash("sha256");
  for (const { data } of picture.planes) {
    hash.update(data);
  }
  return hash.digest("hex");
}

test("the same seed and time give the same bytes, however one gets there", () => {
  const times = [0, 0.04, 0.08, 1.2, 9.6, 9.64];
  const inOrder = new Scene({ seed: 5, ...SMALL });
  const expected = times.map((timeS) => digest(inOrder.draw(timeS)));
  const jumping = new Scene({ seed: 5, ...SMALL });
  for (const index of [4, 0, 5, 1, 3, 2]) {
    assert.equal(digest(jumping.draw(times[index]!)), expected[index], `at ${times[index]} s`);
  }
  assert.equal(new Set(expected).size, times.length, "every moment looks different");
});

test("another seed is another street", () => {
  assert.notEqual(digest(new Scene({ seed: 1, ...SMALL }).draw(3)), digest(new Scene({ seed: 2, ...SMALL }).draw(3)));
});

test("odd sizes are drawn to the last row and column", () => {
  const { picture } = new Scene({ seed: 1, ...SMALL, width: 321, height: 181 }).draw(0);
  assert.equal(picture.planes[0].data.length, 321 * 181);
  assert.equal(picture.planes[1].data.length, 161 * 91);
});

test("night is darker than day", () => {
  const mean = (phase: number): number => {
    const { data } = new Scene({ seed: 3, ...SMALL, startPhase: phase }).draw(0).picture.planes[0];
    return data.reduce((sum, value) => sum + value, 0) / data.length;
  };
  assert.ok(mean(0) > mean(0.5) + 25);
});

test("boxes lie in the picture, ids stay with their objects, visibility is a share", () => {
  const scene = new Scene({ seed: 7, ...SMALL });
  const labels = new Map<number, string>();
  /** Where the middle of somebody wholly visible was, 0.2 s ago. */
  const last = new Map<number, number>();
  let seen = 0;
  for (let timeS = 20; timeS < 32; timeS += 0.2) {
    const { objects } = scene.draw(timeS).truth;
    assert.equal(new Set(objects.map(({ id }) => id)).size, objects.length, "an id occurs once a frame");
    for (const { id, label, box: [x1, y1, x2, y2], visibility, areaPx } of objects) {
      assert.ok(x1 >= 0 && y1 >= 0 && x2 <= SMALL.width && y2 <= SMALL.height && x1 < x2 && y1 < y2, `box of ${id}`);
      assert.ok(visibility > 0 && visibility <= 1);
      assert.ok(areaPx <= (x2 - x1) * (y2 - y1));
      assert.equal(labels.get(id) ?? label, label, "an object keeps its class");
      labels.set(id, label);
      const middle = (x1 + x2) / 2;
      const before = last.get(id);
      if (visibility === 1 && x1 > 0 && x2 < SMALL.width) {
        assert.ok(label !== "person" || before === undefined || Math.abs(before - middle) < 16, `person ${id} jumps`);
        last.set(id, middle);
      } else {
        last.delete(id);
      }
      seen++;
    }
  }
  assert.ok(seen > 300);
  assert.deepEqual(new Set(labels.values()), new Set(["person", "bicycle", "vehicle"]));
});

test("the box of an object holds the pixels that its painting changed", () => {
  const scene = new Scene({ seed: 11, ...SMALL });
  const first = scene.draw(24);
  const luma = first.picture.planes[0].data.slice();
  const boxes = first.truth.objects.map(({ box }) => box);
  const second = scene.draw(24.2);
  boxes.push(...second.truth.objects.map(({ box }) => box));
  const after = second.picture.planes[0].data;
  let strong = 0;
  let outside = 0;
  for (let y = 0; y < SMALL.height; y++) {
    for (let x = 0; x < SMALL.width; x++) {
      // Shadows move with their owners and stay below this difference on the dark road.
      if (Math.abs(luma[y * SMALL.width + x]! - after[y * SMALL.width + x]!) > 70) {
        strong++;
        outside += boxes.some(([x1, y1, x2, y2]) => x >= x1 - 1 && x <= x2 && y >= y1 - 1 && y <= y2) ? 0 : 1;
      }
    }
  }
  assert.ok(strong > 100, `${strong} pixels moved`);
  assert.ok(outside <= strong * 0.05, `${outside} of ${strong} strong changes lie outside the boxes`);
});

test("crossings are those of the people who walk over the counting line", () => {
  const world = new World(4);
  const sides = new Map<number, boolean>();
  let away = 0;
  let back = 0;
  for (let timeS = 0; timeS <= 120; timeS += 0.02) {
    world.advanceTo(timeS);
    for (const actor of world.actors) {
      if (actor.kind === "person") {
        const isFar = actor.x < COUNTING_X;
        if (timeS > 0 && sides.has(actor.id) && sides.get(actor.id) !== isFar) {
          away += isFar ? 1 : 0;
          back += isFar ? 0 : 1;
        }
        sides.set(actor.id, isFar);
      }
    }
  }
  const counted = world.crossings.filter(({ timeS }) => timeS > 0);
  assert.ok(away > 3 && back > 3, "people cross both ways");
  assert.deepEqual([counted.filter((one) => one.away).length, counted.filter((one) => !one.away).length], [away, back]);
});

test("people keep apart, and vehicles never drive into one another", () => {
  const world = new World(9);
  let close = 0;
  let pairs = 0;
  for (let timeS = 0; timeS < 60; timeS += 0.5) {
    world.advanceTo(timeS);
    for (const [i, a] of world.actors.entries()) {
      for (const b of world.actors.slice(i + 1)) {
        if (a.kind === "person" && b.kind === "person") {
          pairs++;
          close += Math.hypot(a.x - b.x, a.z - b.z) < 0.25 ? 1 : 0;
        } else if (a.kind === "vehicle" && b.kind === "vehicle" && a.lane === b.lane) {
          assert.ok(Math.abs(a.z - b.z) > (a.look.lengthM + b.look.lengthM) / 2 - 0.1, `vehicles ${a.id} and ${b.id} at ${timeS} s`);
        }
      }
    }
  }
  assert.ok(pairs > 1000 && close / pairs < 0.002, `${close} of ${pairs} pairs closer than 25 cm`);
});

test("the demo's line and zone lie where the scene counts", () => {
  const camera = new Camera(960, 540);
  const inside = ([x, y]: readonly [number, number]): boolean => x >= 0 && x <= 1 && y >= 0 && y <= 1;
  assert.ok(demoDefaults.line.points.every(inside) && demoDefaults.zone.points.every(inside));
  const [a, b] = demoDefaults.line.points;
  const middle = camera.project(COUNTING_X, 0, 16.8);
  const across = (b![0] - a![0]) * (middle.y / 540 - a![1]) - (b![1] - a![1]) * (middle.x / 960 - a![0]);
  assert.ok(Math.abs(across) < 0.002, "the street's line is the picture's line");
  const corner = camera.project(WAITING_ZONE.toX, 0, WAITING_ZONE.toZ);
  assert.ok(demoDefaults.zone.points.some(([x, y]) => Math.abs(x - corner.x / 960) < 0.001 && Math.abs(y - corner.y / 540) < 0.001));
});
