import type { Mask } from "../domain/result.ts";
import type { Plane, YuvPicture } from "../domain/picture.ts";
import { toYuv } from "./color.ts";
import { classMapColor } from "./palette.ts";
import { RowScaler, taps } from "./scaling.ts";
import type { Taps } from "./scaling.ts";

/** Which plane. */
type Channel = "y" | "u" | "v";

/**
 * Lays the classes of a map over its region, each in its colour of NVSS's palette. `opacity` 0.5 is NVSS's own mix;
 * with `keepBackground` class 0 leaves the picture as it is (NVSS darkens it with black).
 */
export function drawClassMap(picture: YuvPicture, mask: Mask, opacity = 0.5, keepBackground = false): void {
  const weight = Math.round(256 * Math.max(0, Math.min(1, opacity)));
  const colors = Array.from({ length: 256 }, (_, k) => toYuv(picture, classMapColor(k)));
  for (const [plane, channel] of planesOf(picture)) {
    // What a class adds to a sample, and what remains of the sample before, both times 256.
    const adds = Int32Array.from(colors, (color) => color[channel] * weight + 128);
    const keeps = new Int32Array(256).fill(256 - weight);
    if (keepBackground) {
      adds[0] = 0;
      keeps[0] = 256;
    }
    blendClasses(plane, mask, gridUnder(picture, mask, channel), adds, keeps);
  }
}

function blendClasses(plane: Plane, mask: Mask, { columns, rows }: Grid, adds: Int32Array, keeps: Int32Array): void {
  const columnCells = nearest(columns, mask.width);
  const rowCells = nearest(rows, mask.height);
  const add = new Int32Array(columnCells.length);
  const keep = new Int32Array(columnCells.length);
  let shown = -1;
  for (let r = 0; r < rowCells.length; r++) {
    const cell = rowCells[r] ?? 0;
    if (cell !== shown) {
      // Several rows of samples lie in one row of the grid.
      shown = cell;
      for (let c = 0; c < add.length; c++) {
        const k = mask.data[cell * mask.width + (columnCells[c] ?? 0)] ?? 0;
        add[c] = adds[k] ?? 0;
        keep[c] = keeps[k] ?? 0;
      }
    }
    const start = (rows.first + r) * plane.stride + columns.first;
    for (let c = 0; c < add.length; c++) {
      plane.data[start + c] = ((plane.data[start + c] ?? 0) * (keep[c] ?? 0) + (add[c] ?? 0)) >> 8;
    }
  }
}

/** What becomes of the part of a picture that a matte does not cover. */
export type MatteStyle =
  | { readonly background: "tint"; readonly color: number; readonly opacity: number }
  | { readonly background: "blur" };

/** Shows what a matte covers as it is, and tints or blurs the rest. Outside the matte's region nothing changes. */
export function drawMatte(picture: YuvPicture, matte: Mask, style: MatteStyle): void {
  const tint = style.background === "tint" ? toYuv(picture, style.color) : undefined;
  const strength = style.background === "tint" ? Math.max(0, Math.min(1, style.opacity)) : 1;
  for (const [plane, channel] of planesOf(picture)) {
    const { columns, rows } = gridUnder(picture, matte, channel);
    const opacities = new RowScaler(matte.data, matte.width, columns, rows);
    const count = columns.index.length;
    const opacity = new Uint8Array(count);
    const behind = new Uint8Array(planeWidth(picture, channel)).fill(tint?.[channel] ?? 0);
    const blur = tint === undefined ? blurred(picture, plane, channel) : undefined;
    const weight = Math.round(strength * 256);
    for (let r = 0; r < rows.index.length; r++) {
      opacities.row(r, opacity);
      blur?.row(rows.first + r, behind);
      const start = (rows.first + r) * plane.stride + columns.first;
      for (let c = 0; c < count; c++) {
        const away = (255 - (opacity[c] ?? 0)) * weight;
        const old = plane.data[start + c] ?? 0;
        plane.data[start + c] = old + ((((behind[columns.first + c] ?? 0) - old) * (away + (away >> 8)) + 32768) >> 16);
      }
    }
  }
}

/** A strong, cheap blur of a whole plane: means of square cells, interpolated between the cells' middles. */
function blurred(picture: YuvPicture, { data, stride }: Plane, channel: Channel): RowScaler {
  const width = planeWidth(picture, channel);
  const height = channel === "y" ? picture.height : (picture.height + 1) >> 1;
  const cell = Math.max(2, picture.width >> (channel === "y" ? 5 : 6));
  const columns = Math.ceil(width / cell);
  const rows = Math.ceil(height / cell);
  const means = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    const bottom = Math.min(height, (row + 1) * cell);
    for (let column = 0; column < columns; column++) {
      const right = Math.min(width, (column + 1) * cell);
      let sum = 0;
      for (let y = row * cell; y < bottom; y++) {
        for (let at = y * stride + column * cell, end = y * stride + right; at < end; at++) {
          sum += data[at] ?? 0;
        }
      }
      means[row * columns + column] = sum / ((right - column * cell) * (bottom - row * cell));
    }
  }
  return new RowScaler(means, columns, taps(0, columns * cell, width, columns, 1), taps(0, rows * cell, height, rows, 1));
}

/** Where a mask's grid lies under the samples of a plane. */
interface Grid {
  readonly columns: Taps;
  readonly rows: Taps;
}

function gridUnder(picture: YuvPicture, mask: Mask, channel: Channel): Grid {
  const [x1, y1, x2, y2] = mask.region;
  const step = channel === "y" ? 1 : 2;
  return { columns: taps(x1, x2, picture.width, mask.width, step), rows: taps(y1, y2, picture.height, mask.height, step) };
}

/** The one cell that each sample lies in: the nearer of the two it lies between. */
function nearest({ index, share }: Taps, cells: number): Int32Array {
  return index.map((cell, i) => Math.min(cells - 1, cell + ((share[i] ?? 0) >= 128 ? 1 : 0)));
}

function planesOf(picture: YuvPicture): readonly (readonly [Plane, Channel])[] {
  const [y, u, v] = picture.planes;
  return [[y, "y"], [u, "u"], [v, "v"]];
}

function planeWidth(picture: YuvPicture, channel: Channel): number {
  return channel === "y" ? picture.width : (picture.width + 1) >> 1;
}
