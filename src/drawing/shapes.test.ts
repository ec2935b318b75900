import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point } from "../domain/result.ts";
import { blankPicture, paddingTouched, samples } from "../../test/support/pictures.ts";
import { toYuv } from "./color.ts";
import { drawLine, fillCircle, fillPolygon } from "./polygon.ts";
import { fillRect, strokeRect } from "./rectangle.ts";

test("colours are those of BT.601 below 720 rows, BT.709 from there on, in the picture's range", () => {
  // Published code values of saturated colours (BT.601 and BT.709 colour bars at 100 %).
  const cases = [
    { height: 576, fullRange: false, rgb: 0xff0000, yuv: [81, 90, 240] },
    { height: 576, fullRange: false, rgb: 0x00ff00, yuv: [145, 54, 34] },
    { height: 576, fullRange: false, rgb: 0x0000ff, yuv: [41, 240, 110] },
    { height: 576, fullRange: true, rgb: 0xff0000, yuv: [76, 85, 255] },
    { height: 1080, fullRange: false, rgb: 0xff0000, yuv: [63, 102, 240] },
    { height: 1080, fullRange: false, rgb: 0x00ff00, yuv: [173, 42, 26] },
    { height: 1080, fullRange: false, rgb: 0xffffff, yuv: [235, 128, 128] },
    { height: 1080, fullRange: true, rgb: 0xffffff, yuv: [255, 128, 128] },
    { height: 1080, fullRange: true, rgb: 0x000000, yuv: [0, 128, 128] },
  ];
  for (const { height, fullRange, rgb, yuv } of cases) {
    const { y, u, v } = toYuv({ height, fullRange }, rgb);
    assert.deepEqual([y, u, v], yuv, `${rgb.toString(16)} at ${height} rows, full range ${fullRange}`);
  }
});

/** What part of pixel (x, y) of a plane lies in a shape: 16 × 16 points per pixel. */
function sampled(isInside: (x: number, y: number) => boolean, x: number, y: number, size: number): number {
  let hits = 0;
  for (let j = 0; j < 16; j++) {
    for (let i = 0; i < 16; i++) {
      hits += isInside(x + ((i + 0.5) / 16) * size, y + ((j + 0.5) / 16) * size) ? 1 : 0;
    }
  }
  return hits / 256;
}

const boxes: readonly (readonly [number, number, number, number])[] = [
  [2, 2, 8, 6], [3, 3, 8, 6], [3, 2, 4, 7], [0, 0, 17, 11], [-5, -5, 3, 3], [15, 9, 40, 40], [16, 0, 17, 11], [5, 5, 6, 6],
];

test("rectangles fill exactly their pixels, chroma by share, on sizes odd and even", () => {
  for (const [width, height] of [[17, 11], [16, 12]] as const) {
    for (const [x1, y1, x2, y2] of boxes) {
      const picture = blankPicture(width, height, { luma: 50 });
      fillRect(picture, [x1, y1, x2, y2], 0xff0000);
      const inside = (x: number, y: number): boolean => x >= x1 && x < x2 && y >= y1 && y < y2;
      const luma = samples(picture, 0);
      for (let i = 0; i < luma.length; i++) {
        assert.equal(luma[i], inside(i % width, Math.floor(i / width)) ? 81 : 50);
      }
      const chromaWidth = (width + 1) >> 1;
      samples(picture, 2).forEach((value, i) => {
        const pixels = [0, 1].flatMap((dy) => [0, 1].map((dx) => [(i % chromaWidth) * 2 + dx, Math.floor(i / chromaWidth) * 2 + dy] as const));
        const real = pixels.filter(([x, y]) => x < width && y < height);
        const share = real.filter(([x, y]) => inside(x, y)).length / real.length;
        assert.ok(Math.abs(value - (128 + 112 * share)) <= 1, `v ${value} at share ${share}`);
      });
      assert.equal(paddingTouched(picture), false);
    }
  }
});

test("a translucent rectangle mixes with what is there", () => {
  const picture = blankPicture(17, 11, { luma: 50 });
  fillRect(picture, [0, 0, 17, 11], 0xffffff, 0.5);
  assert.deepEqual([...new Set(samples(picture, 0))], [142]);
  assert.deepEqual([...new Set(samples(picture, 1))], [128]);
});

test("an outline lies inside its box and leaves the middle alone", () => {
  const picture = blankPicture(20, 20, { luma: 50 });
  strokeRect(picture, [4, 4, 14, 12], 0xffffff, 2);
  const luma = samples(picture, 0);
  const at = (x: number, y: number): number | undefined => luma[y * 20 + x];
  assert.deepEqual([at(4, 4), at(5, 5), at(13, 11), at(12, 10)], [235, 235, 235, 235]);
  assert.deepEqual([at(3, 4), at(6, 6), at(11, 9), at(14, 11), at(4, 12)], [50, 50, 50, 50, 50]);
});

function insidePolygon(points: readonly Point[]): (x: number, y: number) => boolean {
  return (x, y) => {
    let isInside = false;
    points.forEach(([x1, y1], i) => {
      const [x2, y2] = points[(i + 1) % points.length]!;
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) {
        isInside = !isInside;
      }
    });
    return isInside;
  };
}

test("polygons cover each pixel by the area that lies in it, inside, across and beyond the borders", () => {
  const shapes: Point[][] = [
    [[3.2, 2.1], [15.7, 4.9], [9.4, 12.6]],
    [[-20, 5.5], [40, 3.3], [40, 4.1], [-20, 6.2]],
    [[1, 1], [1.3, 1], [14.5, 12], [14.2, 12]],
    [[-100, -100], [100, -100], [100, 100], [-100, 100]],
    [[4, 2], [14, 2], [14, 12], [9, 5], [4, 12]],
    [[2.5, 3], [2.5, 9], [2.8, 9], [2.8, 3]],
  ];
  for (const points of shapes) {
    const picture = blankPicture(17, 13, { luma: 0, fullRange: true });
    fillPolygon(picture, points, 0xffffff);
    const isInside = insidePolygon(points);
    samples(picture, 0).forEach((value, i) => {
      const expected = sampled(isInside, i % 17, Math.floor(i / 17), 1) * 255;
      assert.ok(Math.abs(value - expected) <= 18, `${value} for ${expected} at ${i % 17},${Math.floor(i / 17)} of ${JSON.stringify(points)}`);
    });
    assert.equal(paddingTouched(picture), false);
  }
});

test("a polygon's chroma follows its area", () => {
  const picture = blankPicture(16, 12);
  const points: Point[] = [[3.2, 2.1], [15.7, 4.9], [9.4, 11.6]];
  fillPolygon(picture, points, 0xff0000);
  samples(picture, 2).forEach((value, i) => {
    const expected = 128 + 112 * sampled(insidePolygon(points), (i % 8) * 2, Math.floor(i / 8) * 2, 2);
    assert.ok(Math.abs(value - expected) <= 8, `${value} for ${expected}`);
  });
});

test("lines of every angle have their thickness", () => {
  for (let angle = 0; angle < Math.PI; angle += 0.13) {
    const picture = blankPicture(101, 101, { luma: 0, fullRange: true });
    const dx = Math.cos(angle) * 40;
    const dy = Math.sin(angle) * 40;
    drawLine(picture, [50.5 - dx, 50.5 - dy], [50.5 + dx, 50.5 + dy], 0xffffff, 3);
    const area = samples(picture, 0).reduce((sum, value) => sum + value / 255, 0);
    assert.ok(Math.abs(area - 240) < 3, `${area} pixels at ${angle}`);
  }
});

test("a circle has a circle's area, and what is not a number draws nothing", () => {
  const picture = blankPicture(101, 101, { luma: 0, fullRange: true });
  fillCircle(picture, 50.5, 50.5, 20, 0xffffff);
  const area = samples(picture, 0).reduce((sum, value) => sum + value / 255, 0);
  assert.ok(Math.abs(area - Math.PI * 400) < 8, `${area}`);
  const blank = blankPicture(31, 31);
  fillCircle(blank, NaN, 3, 4, 0xffffff);
  drawLine(blank, [0, 0], [Infinity, 5], 0xffffff, 3);
  fillRect(blank, [NaN, 0, 5, 5], 0xffffff);
  strokeRect(blank, [0, 0, Infinity, NaN], 0xffffff, 2);
  assert.deepEqual([...new Set(samples(blank, 0))], [128]);
});
