import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Mask, Result } from "../domain/result.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import { blankPicture, paddingTouched, samples } from "../../test/support/pictures.ts";
import { counterLine, createCounterOverlay } from "./counter-line.ts";
import { drawImage } from "./image.ts";
import { drawClassMap, drawMatte } from "./mask.ts";
import { createOverlay } from "./overlay.ts";
import { classMapColor, colorOf } from "./palette.ts";

function result(over: Partial<Result>): Result {
  return { stream: "s", seq: 0, ptsUs: mediaTimeUs(0), capturedAtMs: wallTimeMs(0), width: 160, height: 120, timingsMs: {}, ageMs: 0, ...over };
}

test("a detection is a box in its class's colour, the same in every frame, with its name above", async () => {
  const picture = blankPicture(320, 240);
  await createOverlay().draw(picture, result({ detections: [{ label: "person", classId: 3, score: 0.9, box: [100, 100, 200, 200] }] }), []);
  const luma = samples(picture, 0);
  assert.notEqual(luma[150 * 320 + 100], 128, "no left side");
  assert.equal(luma[150 * 320 + 150], 128, "the middle is covered");
  assert.ok(luma.subarray(90 * 320 + 100, 90 * 320 + 140).some((value) => value !== 128), "no name");
  assert.equal(colorOf(3), colorOf(3));
  assert.equal(new Set(Array.from({ length: 100 }, (_, i) => colorOf(i))).size, 100);
});

test("a name at the top edge lies inside its box", async () => {
  const picture = blankPicture(320, 240);
  await createOverlay().draw(picture, result({ detections: [{ label: "person", classId: 3, score: 0.9, box: [300, 0, 320, 200] }] }), []);
  assert.ok(samples(picture, 0).subarray(5 * 320 + 260, 5 * 320 + 300).some((value) => value !== 128));
});

test("without a result only the rules' shapes are drawn", async () => {
  const picture = blankPicture(100, 100);
  await createOverlay().draw(picture, undefined, []);
  assert.deepEqual([...new Set(samples(picture, 0))], [128]);
  await createOverlay().draw(picture, undefined, [{ shape: "polygon", points: [[10, 10], [90, 10], [90, 90], [10, 90]], color: 0xffffff }]);
  const luma = samples(picture, 0);
  // A fifth of the way from 128 to 235.
  assert.equal(luma[50 * 100 + 50], 149);
});

const wild = fc.oneof(fc.double(), fc.double({ min: -400, max: 600, noNaN: true }), fc.constantFrom(NaN, Infinity, -Infinity, 1e300));
const point = fc.tuple(wild, wild);
const box = fc.tuple(wild, wild, wild, wild);
const color = fc.integer({ min: 0, max: 0xffffff });
const shape = fc.oneof(
  fc.record({ shape: fc.constant("line" as const), points: fc.array(point, { maxLength: 5 }), color, label: fc.string() }),
  fc.record({ shape: fc.constant("polygon" as const), points: fc.array(point, { maxLength: 6 }), color, label: fc.string({ unit: "binary" }) }),
  fc.record({ shape: fc.constant("text" as const), x: wild, y: wild, text: fc.string({ unit: "binary" }), color, sizePx: wild }),
  fc.record({ shape: fc.constant("box" as const), box, color }),
  fc.record({ shape: fc.constant("point" as const), x: wild, y: wild, color }),
);

test("nothing that can be asked for throws, hangs or writes beside the picture", () => {
  const overlay = createOverlay();
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 6 }), fc.array(fc.tuple(box, wild), { maxLength: 4 }), box, fc.integer({ min: 1, max: 67 }), fc.integer({ min: 1, max: 49 }), (shapes, boxes, region, width, height) => {
      const picture = blankPicture(width, height);
      const mask: Mask = { kind: "classes", width: 3, height: 2, data: new Uint8Array(6).fill(2), region };
      const detections = boxes.map(([detectionBox, score], i) => ({ label: `o${i}`, classId: i, score, box: detectionBox, trackId: i }));
      void overlay.draw(
        picture,
        result({
          detections,
          segments: { labels: ["a"], areas: [1], mask },
          image: { width: 2, height: 2, data: new Uint8Array(12), region },
          poses: [{ score: 1, keypoints: boxes.map(([[x, y]], i) => ({ name: ["nose", "left_eye", "left_ear", "right_eye"][i]!, x, y, score: 1 })) }],
        }),
        shapes,
      );
      drawMatte(picture, { ...mask, kind: "matte" }, { background: "blur" });
      assert.equal(paddingTouched(picture), false);
    }),
    { numRuns: 300 },
  );
});

test("class maps have NVSS's colours at half strength; class 0 is black", () => {
  // int(255 sin²(13)), int(255 sin²(17)), int(255 sin²(23)), worked out by hand.
  assert.equal(classMapColor(1), (45 << 16) | (235 << 8) | 182);
  assert.equal(classMapColor(0), 0);
  const picture = blankPicture(9, 4, { fullRange: true, luma: 100 });
  drawClassMap(picture, { kind: "classes", width: 3, height: 1, data: Uint8Array.of(0, 1, 0), region: [0, 0, 9, 4] });
  const luma = samples(picture, 0);
  assert.equal(luma[0], 50);
  // 0.299·45 + 0.587·235 + 0.114·182 = 172
  assert.ok(Math.abs((luma[4] ?? 0) - 136) <= 1, `${luma[4]}`);
  const kept = blankPicture(9, 4, { luma: 100 });
  drawClassMap(kept, { kind: "classes", width: 3, height: 1, data: Uint8Array.of(0, 1, 0), region: [0, 0, 9, 4] }, 0.5, true);
  assert.equal(samples(kept, 0)[0], 100);
});

test("a matte keeps what it covers, and tints or blurs the rest", () => {
  const data = new Uint8Array(64);
  for (let i = 0; i < 64; i++) {
    data[i] = i % 8 >= 4 ? 255 : 0;
  }
  const matte: Mask = { kind: "matte", width: 8, height: 8, data, region: [0, 0, 64, 64] };
  const tinted = blankPicture(64, 64, { luma: 200 });
  drawMatte(tinted, matte, { background: "tint", color: 0x000000, opacity: 1 });
  assert.ok((samples(tinted, 0)[10] ?? 0) <= 17);
  assert.equal(samples(tinted, 0)[60], 200);
  const blurred = blankPicture(64, 64, { luma: 0 });
  const [luma] = blurred.planes;
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 64; x++) {
      luma.data[y * luma.stride + x] = (x + y) % 2 === 0 ? 200 : 100;
    }
  }
  drawMatte(blurred, matte, { background: "blur" });
  const after = samples(blurred, 0);
  assert.ok(Math.abs((after[20 * 64 + 10] ?? 0) - 150) < 5, "still sharp");
  assert.equal(after[20 * 64 + 60], 200);
});

test("images are laid over their region in the picture's colours", () => {
  const data = new Uint8Array(4 * 2 * 3);
  data.fill(255, 0, 12);
  const picture = blankPicture(40, 24, { luma: 90 });
  drawImage(picture, { width: 4, height: 2, data, region: [8, 4, 32, 20] });
  const luma = samples(picture, 0);
  assert.equal(luma[5 * 40 + 20], 235, "white on top");
  assert.equal(luma[19 * 40 + 20], 16, "black below");
  assert.ok((luma[12 * 40 + 20] ?? 0) > 100 && (luma[12 * 40 + 20] ?? 0) < 150, "no soft middle");
  assert.equal(luma[5 * 40 + 7], 90);
  assert.equal(luma[20 * 40 + 20], 90);
  drawImage(picture, { width: 4, height: 2, data: new Uint8Array(3), region: [0, 0, 40, 24] });
  assert.equal(samples(picture, 0)[0], 90, "an image with too little data is left out");
});

test("slipstream's counter line, in both wordings, to the letter", () => {
  const found = ["Vehicle", "vehicle", "bicycle", "person", "Road sign", "road_sign", "dog", "constructor"].map((label) => ({
    label, classId: 0, score: 1, box: [0, 0, 1, 1] as const,
  }));
  assert.equal(counterLine({ detections: found }, 12, "1.0"), "Frame Number=12 Number of Objects=8 Vehicle_count=2 Person_count=1");
  assert.equal(counterLine({ detections: found }, 12, "1.1"), "Frame=12  Objects=8  Vehicles=2  Cycles=1  Persons=1  Signs=2");
  assert.equal(counterLine(undefined, 0, "1.1"), "Frame=0  Objects=0  Vehicles=0  Cycles=0  Persons=0  Signs=0");
});

test("the counter line is drawn at (10, 12), white on opaque black", async () => {
  const picture = blankPicture(640, 60);
  await createCounterOverlay("1.1").draw(picture, result({}), []);
  const luma = samples(picture, 0);
  assert.equal(luma[12 * 640 + 10], 16);
  assert.equal(luma[11 * 640 + 10], 128);
  assert.equal(luma[12 * 640 + 9], 128);
  assert.ok(luma.includes(235));
});
