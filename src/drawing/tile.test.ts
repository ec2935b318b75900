import assert from "node:assert/strict";
import { test } from "node:test";
import type { YuvPicture } from "../domain/picture.ts";
import { clearPicture, drawTile, tileLayout } from "./tile.ts";

function picture(width: number, height: number, luma: number, padding = 0): YuvPicture {
  const plane = (w: number, h: number, value: number) => ({ data: new Uint8Array((w + padding) * h).fill(value), stride: w + padding });
  const [cw, ch] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  return { format: "yuv420p", width, height, planes: [plane(width, height, luma), plane(cw, ch, luma + 1), plane(cw, ch, luma + 2)], fullRange: false };
}

for (const [count, rows, columns] of [[1, 1, 1], [2, 1, 2], [3, 1, 3], [4, 2, 2], [5, 2, 3], [9, 3, 3], [12, 3, 4]] as const) {
  test(`${count} inputs: ${rows} rows of ${columns}`, () => {
    const tiles = tileLayout(count, 1200, 600);
    assert.equal(new Set(tiles.map(({ y }) => y)).size, rows);
    assert.equal(new Set(tiles.map(({ x }) => x)).size, columns);
    for (const { x, y, width, height } of tiles) {
      assert.ok([x, y, width, height].every((value) => value % 2 === 0));
      assert.ok(x + width <= 1200 && y + height <= 600 && width > 0 && height > 0);
    }
  });
}

test("each input fills its tile and nothing else, whatever its size and stride", () => {
  const canvas = picture(64, 32, 0, 3);
  clearPicture(canvas);
  const tiles = tileLayout(2, 64, 32);
  drawTile(canvas, tiles[1]!, picture(17, 9, 100, 5));
  const { data, stride } = canvas.planes[0];
  for (let y = 0; y < 32; y++) {
    assert.ok(data.subarray(y * stride, y * stride + 32).every((value) => value === 16));
    assert.ok(data.subarray(y * stride + 32, y * stride + 64).every((value) => value === 100));
  }
  const chroma = canvas.planes[2];
  assert.equal(chroma.data[15], 128);
  assert.equal(chroma.data[16], 102);
});

test("scaling keeps what is where", () => {
  const source = picture(4, 4, 0);
  source.planes[0].data.set([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
  const canvas = picture(2, 2, 0);
  drawTile(canvas, { x: 0, y: 0, width: 2, height: 2 }, source);
  assert.deepEqual([...canvas.planes[0].data], [1, 2, 3, 4]);
});
