import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { z } from "zod";
import { TRACKERS } from "./index.ts";
import { bytetrackTracker } from "./bytetrack/index.ts";
import { sortTracker } from "./sort/index.ts";
import type { Tracker } from "../contracts/tracker.ts";
import { mediaTimeUs } from "../domain/time.ts";
import type { Box, Detection } from "../domain/result.ts";
import { motMetrics } from "../testing/mot-metrics.ts";
import { generateScene, SCENES } from "../testing/tracking-scene.ts";

type ByteTrackConfig = Omit<z.input<typeof bytetrackTracker.schema>, "kind">;
const bytetrack = (config: ByteTrackConfig = {}): Tracker => bytetrackTracker.create(bytetrackTracker.schema.parse({ kind: "bytetrack", ...config }));
const KINDS = { sort: () => sortTracker.create(sortTracker.schema.parse({ kind: "sort" })), bytetrack: () => bytetrack() };

const person = (box: Box, more: Partial<Detection> = {}): Detection => ({ label: "person", classId: 0, score: 0.9, box, ...more });
/** Somebody 50 wide and 150 tall whose left upper corner is at x, y. */
const at = (x: number, y = 100): Box => [x, y, x + 50, y + 150];

/** What a tracker says of frames at these times: the identities in each. */
function ids(tracker: Tracker, frames: readonly (readonly [seconds: number, detections: readonly Detection[]])[]): (number | undefined)[][] {
  return frames.map(([seconds, detections]) => tracker.update(detections, mediaTimeUs(Math.round(seconds * 1e6))).map(({ trackId }) => trackId));
}

/** Frames at a rate, for some seconds. */
const film = (fps: number, seconds: number, at: (seconds: number) => readonly Detection[], fromS = 0): [number, readonly Detection[]][] =>
  Array.from({ length: Math.round(seconds * fps) }, (_, i) => [fromS + i / fps, at(fromS + i / fps)]);

const lastIds = (all: (number | undefined)[][]): (number | undefined)[] => all.at(-1) ?? [];

test("the list holds every kind once", () => {
  assert.deepEqual(TRACKERS.map(({ kind }) => kind), ["bytetrack", "sort"]);
});

for (const [kind, create] of Object.entries(KINDS)) {
  for (const fps of [30, 10, 5]) {
    test(`${kind}: one who walks through keeps one identity at ${fps} frames a second`, () => {
      const all = ids(create(), film(fps, 5, (t) => [person(at(50 + 100 * t))])).flat();
      assert.deepEqual(new Set(all.filter((id) => id !== undefined)), new Set([1]));
    });
  }

  test(`${kind}: a varying rate of frames does not matter`, () => {
    const times = [0, 0.03, 0.07, 0.27, 0.3, 0.33, 0.36, 0.56, 0.6, 0.8, 0.83, 0.86, 0.9, 1.1];
    assert.deepEqual(lastIds(ids(create(), times.map((t) => [t, [person(at(50 + 100 * t))]]))), [1]);
  });

  test(`${kind}: detections come back in their order, untouched but for identities, and the input is not changed`, () => {
    const tracker = create();
    const pair = [person(at(50)), person(at(400), { score: 0.7 })];
    const before = structuredClone(pair);
    ids(tracker, film(10, 1, () => pair));
    const again = tracker.update(pair, mediaTimeUs(1e6));
    assert.deepEqual(pair, before);
    assert.deepEqual(again.map(({ trackId: _, ...rest }) => rest), before);
  });

  test(`${kind}: identities rise from 1 and are never used again`, () => {
    const visits = [0, 1, 2, 3].flatMap((visit) => film(10, 1, () => [person(at(50 + 200 * (visit % 2)))], visit * 10));
    const seen = ids(create(), visits).flat().filter((id) => id !== undefined);
    assert.deepEqual([...new Set(seen)], [1, 2, 3, 4]);
  });

  test(`${kind}: a chance detection gets no identity, and uses up none`, () => {
    const all = ids(create(), film(10, 2, (t) => (Math.abs(t - 0.5) < 0.01 ? [person(at(600)), person(at(50))] : t > 0.8 ? [person(at(50))] : [])));
    assert.deepEqual(all[5], [undefined, undefined]);
    assert.deepEqual(lastIds(all), [1]);
  });

  test(`${kind}: classes are followed apart, unless told otherwise`, () => {
    const both = film(10, 1, () => [person(at(50)), { label: "dog", classId: 16, score: 0.9, box: at(52) }]);
    assert.equal(new Set(lastIds(ids(create(), both))).size, 2);
  });

  test(`${kind}: time that stands still or jumps back neither throws nor reuses identities`, () => {
    const tracker = create();
    const still = (seconds: number): [number, readonly Detection[]] => [seconds, [person(at(50))]];
    ids(tracker, [still(100), still(100), still(100), still(100.1)]);
    const after = ids(tracker, [[1, []], ...film(10, 1, () => [person(at(50))], 1.1)]);
    assert.deepEqual(lastIds(after), [2]);
  });

  test(`${kind}: property: the order of detections does not matter`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer(), (seed, turn) => {
        const frames = generateScene({ ...SCENES.street, seed, seconds: 4, fps: 10 });
        const [straight, shuffled] = [create(), create()];
        for (const { detections, ptsUs } of frames) {
          const by = detections.length === 0 ? 0 : Math.abs(turn) % detections.length;
          const turned = [...detections.slice(by), ...detections.slice(0, by)].reverse();
          const idsByBox = (tracked: readonly Detection[]): Map<string, number | undefined> => new Map(tracked.map(({ box, trackId }) => [box.join(), trackId]));
          const expected = idsByBox(straight.update(detections, ptsUs));
          const actual = idsByBox(shuffled.update(turned, ptsUs));
          assert.deepEqual([...actual].sort(), [...expected].sort());
        }
      }),
      { numRuns: 8 },
    );
  });
}

test("bytetrack: somebody hidden for a second is the same afterwards; sort gives a new identity", () => {
  const behindATree = film(10, 4, (t) => (t > 1.5 && t < 2.5 ? [] : [person(at(50 + 60 * t))]));
  assert.deepEqual(lastIds(ids(KINDS.bytetrack(), behindATree)), [1]);
  assert.deepEqual(lastIds(ids(KINDS.sort(), behindATree)), [2]);
});

test("bytetrack: two who cross keep their identities while one hides the other", () => {
  for (const fps of [30, 10, 5]) {
    const cross = film(fps, 6, (t) => {
      const [a, b] = [person(at(100 + 60 * t, 100)), person(at(400 - 60 * t, 110))];
      return Math.abs(a.box[0] - b.box[0]) < 40 ? [b] : [a, b];
    });
    const all = ids(KINDS.bytetrack(), cross);
    assert.deepEqual(lastIds(all), all.find((frame) => frame[0] !== undefined && frame.length === 2), `${fps} fps`);
  }
});

test("bytetrack: weak detections continue a track but begin none", () => {
  const fading = film(10, 3, (t) => [person(at(50 + 40 * t), { score: t < 1 ? 0.9 : 0.15 })]);
  assert.deepEqual(lastIds(ids(KINDS.bytetrack(), fading)), [1]);
  assert.deepEqual(lastIds(ids(KINDS.bytetrack(), film(10, 3, () => [person(at(50), { score: 0.2 })]))), [undefined]);
});

test("bytetrack: identities can outlive a change of class", () => {
  const doubtful = film(10, 2, (t) => [person(at(50), t % 0.4 < 0.2 ? { label: "truck", classId: 7 } : { label: "car", classId: 2 })]);
  assert.deepEqual(lastIds(ids(bytetrack({ acrossClasses: true }), doubtful)), [1]);
});

/** Looks that are 0.75 alike, and a little noise. */
const look = (who: number, noise: number): Float32Array =>
  Float32Array.from({ length: 24 }, (_, k) => (k === 0 ? Math.sqrt(3) : k === who ? 1 : 0) + (noise === 0 ? 0 : 0.06 * Math.sin(k * 37 + noise * 101)));

test("re-identification: who comes back within maxAgeS is known again, strangers are not", () => {
  const visit = (who: number, from: number): [number, readonly Detection[]][] => film(10, 4, (t) => [person(at(50 + 20 * (t - from)), { embedding: look(who, t) })], from);
  const visits = [visit(1, 0), visit(2, 20), visit(1, 40), visit(3, 60), visit(2, 80)];
  const perVisit = (config: ByteTrackConfig): (number | undefined)[] => {
    const tracker = bytetrack(config);
    return visits.map((frames) => lastIds(ids(tracker, frames))[0]);
  };
  assert.deepEqual(perVisit({ reid: {} }), [1, 2, 1, 3, 2]);
  assert.deepEqual(perVisit({ reid: { maxAgeS: 30 } }), [1, 2, 3, 4, 5]);
  assert.deepEqual(perVisit({}), [1, 2, 3, 4, 5]);
  assert.deepEqual(perVisit({ reid: { minSimilarity: 0.5 } }), [1, 1, 1, 1, 1]);
});

test("re-identification: a newcomer has no identity until it was looked at for afterS, and one identity after", () => {
  const tracker = bytetrack({ reid: { afterS: 1 } });
  ids(tracker, film(10, 2, (t) => [person(at(50), { embedding: look(1, t) })]));
  const back = ids(tracker, film(10, 2, (t) => [person(at(500), { embedding: look(1, t) })], 10)).flat();
  assert.deepEqual(back, [...new Array<undefined>(10).fill(undefined), ...new Array<number>(10).fill(1)]);
});

test("re-identification: an identity that is present is given to nobody else", () => {
  const tracker = bytetrack({ reid: { afterS: 0.3 } });
  const twins = ids(tracker, film(10, 2, (t) => [person(at(50), { embedding: look(1, t) }), ...(t > 1 ? [person(at(500), { embedding: look(1, t) })] : [])]));
  assert.deepEqual(lastIds(twins), [1, 2]);
});

test("looks tell two people apart who meet and turn back", () => {
  const meeting = film(10, 6, (t) => {
    const apart = 20 + 80 * Math.abs(3 - t);
    return [person(at(300 - apart / 2), { embedding: look(1, t) }), person(at(300 + apart / 2), { embedding: look(2, t) })];
  });
  const all = ids(bytetrack({ reid: {} }), meeting);
  assert.deepEqual(lastIds(all), all.find((frame) => frame[0] !== undefined));
});

test("a model of another vector length does no harm", () => {
  const tracker = bytetrack({ reid: {} });
  const lengths = film(10, 2, (t) => [person(at(50), { embedding: new Float32Array(t < 1 ? 8 : 16).fill(1) })]);
  assert.deepEqual(lastIds(ids(tracker, lengths)), [1]);
});

test("only a tracker that uses looks asks for them", () => {
  assert.deepEqual([KINDS.sort(), KINDS.bytetrack(), bytetrack({ reid: {} })].map(({ wantsEmbeddings }) => wantsEmbeddings), [false, false, true]);
});

// Floors a little below what `npm run bench -- track` prints: a change that makes tracking worse fails here.
for (const [fps, mota, idf1] of [[30, 0.87, 0.8], [10, 0.85, 0.75], [5, 0.8, 0.73]] as const) {
  test(`bytetrack: a generated street at ${fps} frames a second is followed well`, () => {
    const runs = [1, 2].map((seed) => {
      const tracker = KINDS.bytetrack();
      const frames = generateScene({ ...SCENES.street, seed, seconds: 40, fps }).map(({ truth, detections, ptsUs }) => ({
        truth,
        tracked: tracker.update(detections, ptsUs).flatMap(({ trackId, box, label }) => (trackId === undefined ? [] : [{ id: trackId, box, label }])),
      }));
      return motMetrics(frames);
    });
    const mean = (of: "mota" | "idf1"): number => runs.reduce((sum, run) => sum + run[of], 0) / runs.length;
    assert.ok(mean("mota") >= mota && mean("idf1") >= idf1, `MOTA ${mean("mota").toFixed(3)} IDF1 ${mean("idf1").toFixed(3)}`);
  });
}
