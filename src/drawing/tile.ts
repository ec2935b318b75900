import type { Plane, YuvPicture } from "../domain/picture.ts";

/** Where one input lies on the tiled picture, in pixels; even, since chroma is halved. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Places `count` inputs on a canvas: floor(√n) rows, ceil(n / rows) columns, filled row by row. */
export function tileLayout(count: number, width: number, height: number): Tile[] {
  const rows = Math.max(1, Math.floor(Math.sqrt(count)));
  const columns = Math.ceil(count / rows);
  const edge = (index: number, parts: number, size: number): number => Math.floor((index * size) / parts / 2) * 2;
  return Array.from({ length: count }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const [x, y] = [edge(column, columns, width), edge(row, rows, height)];
    return { x, y, width: edge(column + 1, columns, width) - x, height: edge(row + 1, rows, height) - y };
  });
}

/** Paints the whole picture black, in its range. */
export function clearPicture(picture: YuvPicture): void {
  const [luma, u, v] = picture.planes;
  luma.data.fill(picture.fullRange ? 0 : 16);
  u.data.fill(128);
  v.data.fill(128);
}

/**
 * Lays `source` over `tile` of `canvas`, scaled to fill it as DeepStream's tiler does. Each sample is the one nearest to
 * its place, so inputs should come at about the tile's size (the decoder's scaler makes them so at no cost). Both
 * pictures must have the same range. The source is left as it was.
 */
export function drawTile(canvas: YuvPicture, tile: Tile, source: YuvPicture): void {
  for (const [index, plane] of source.planes.entries()) {
    const target = canvas.planes[index];
    if (target !== undefined) {
      const half = index === 0 ? 1 : 2;
      const to = { x: tile.x / half, y: tile.y / half, width: Math.ceil(tile.width / half), height: Math.ceil(tile.height / half) };
      drawPlane(target, to, plane, Math.ceil(source.width / half), Math.ceil(source.height / half));
    }
  }
}

function drawPlane(target: Plane, to: Tile, source: Plane, width: number, height: number): void {
  const columns = Int32Array.from({ length: to.width }, (_, x) => Math.floor(((x + 0.5) * width) / to.width));
  for (let y = 0; y < to.height; y++) {
    const from = Math.floor(((y + 0.5) * height) / to.height) * source.stride;
    const at = (to.y + y) * target.stride + to.x;
    if (width === to.width) {
      target.data.set(source.data.subarray(from, from + width), at);
    } else {
      for (let x = 0; x < to.width; x++) {
        target.data[at + x] = source.data[from + (columns[x] ?? 0)] ?? 0;
      }
    }
  }
}
