import type { Mask } from "../domain/result.ts";
import type { YuvPicture } from "../domain/picture.ts";
import { toYuv } from "./color.ts";
import { classMapColor } from "./palette.ts";

/** A grid's columns or rows under the samples of a plane: for sample `first + i`, grid index `at[i]`. */
interface Axis {
  readonly first: number;
  readonly at: Int32Array;
}

/**
 * Lays the classes of a map over its region, each in its colour of NVSS's palette. `opacity` 0.5 is NVSS's own mix;
 * with `keepBackground` class 0 leaves the picture as it is (NVSS darkens it with black).
 */
export function drawClassMap(picture: YuvPicture, mask: Mask, opacity = 0.5, keepBackground = false): void {
  const weight = Math.round(256 * Math.max(0, Math.min(1, opacity)));
  const colors = Array.from({ length: 256 }, (_, k) => toYuv(picture, classMapColor(k)));
  const channels = ["y", "u", "v"] as const;
  picture.planes.forEach((plane, i) => {
    const values = Int32Array.from(colors, (color) => color[channels[i] ?? "y"] * weight + 128);
    const { columns, rows } = axes(picture, mask, i > 0);
    for (let r = 0; r < rows.at.length; r++) {
      const gridRow = (rows.at[r] ?? 0) * mask.width;
      const start = (rows.first + r) * plane.stride + columns.first;
      for (let c = 0; c < columns.at.length; c++) {
        const k = mask.data[gridRow + (columns.at[c] ?? 0)] ?? 0;
        if (k !== 0 || !keepBackground) {
          plane.data[start + c] = ((plane.data[start + c] ?? 0) * (256 - weight) + (values[k] ?? 0)) >> 8;
        }
      }
    }
  });
}

/** What becomes of the part of a picture that a matte does not cover. */
export type MatteStyle =
  | { readonly background: "tint"; readonly color: number; readonly opacity: number }
  | { readonly background: "blur" };

/** Shows what a matte covers as it is, and tints or blurs the rest. Outside the matte's region nothing changes. */
export function drawMatte(picture: YuvPicture, matte: Mask, style: MatteStyle): void {
  const tint = style.background === "tint" ? toYuv(picture, style.color) : undefined;
  const strength = style.background === "tint" ? Math.max(0, Math.min(1, style.opacity)) : 1;
  const channels = ["y", "u", "v"] as const;
  picture.planes.forEach((plane, i) => {
    const width = i > 0 ? (picture.width + 1) >> 1 : picture.width;
    const height = i > 0 ? (picture.height + 1) >> 1 : picture.height;
    const { columns, rows } = axes(picture, matte, i > 0, 256);
    const behind = tint === undefined ? blurred(plane.data, plane.stride, width, height, Math.max(2, picture.width >> (i > 0 ? 6 : 5))) : undefined;
    const flat = tint?.[channels[i] ?? "y"] ?? 0;
    const weight = Math.round(strength * 256);
    for (let r = 0; r < rows.at.length; r++) {
      const sample = matteRow(matte, rows.at[r] ?? 0);
      const y = rows.first + r;
      for (let c = 0; c < columns.at.length; c++) {
        const at = y * plane.stride + columns.first + c;
        const away = ((255 - sample(columns.at[c] ?? 0)) * weight) >> 8;
        const other = behind === undefined ? flat : behind(columns.first + c, y);
        const old = plane.data[at] ?? 0;
        plane.data[at] = old + (((other - old) * (away + (away >> 7)) + 128) >> 8);
      }
    }
  });
}

/** Opacity along one row of a matte, between its points; positions are in 1/256 of a cell. */
function matteRow(matte: Mask, position: number): (x: number) => number {
  const y = Math.max(0, Math.min((matte.height - 1) * 256, position - 128));
  const upper = (y >> 8) * matte.width;
  const lower = Math.min(matte.height - 1, (y >> 8) + 1) * matte.width;
  const fy = y & 255;
  const lastX = (matte.width - 1) * 256;
  return (at) => {
    const x = Math.max(0, Math.min(lastX, at - 128));
    const i = x >> 8;
    const j = Math.min(matte.width - 1, i + 1);
    const fx = x & 255;
    const { data } = matte;
    const top = (data[upper + i] ?? 0) * (256 - fx) + (data[upper + j] ?? 0) * fx;
    const bottom = (data[lower + i] ?? 0) * (256 - fx) + (data[lower + j] ?? 0) * fx;
    return (top * (256 - fy) + bottom * fy) >> 16;
  };
}

/** A strong, cheap blur: means of `cell` × `cell` samples, interpolated between the cells' middles. */
function blurred(data: Uint8Array, stride: number, width: number, height: number, cell: number): (x: number, y: number) => number {
  const columns = Math.ceil(width / cell);
  const rows = Math.ceil(height / cell);
  const means = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const right = Math.min(width, (column + 1) * cell);
      const bottom = Math.min(height, (row + 1) * cell);
      let sum = 0;
      for (let y = row * cell; y < bottom; y++) {
        for (let x = column * cell; x < right; x++) {
          sum += data[y * stride + x] ?? 0;
        }
      }
      means[row * columns + column] = sum / ((right - column * cell) * (bottom - row * cell));
    }
  }
  return (x, y) => {
    const gx = Math.max(0, Math.min(columns - 1, (x + 0.5) / cell - 0.5));
    const gy = Math.max(0, Math.min(rows - 1, (y + 0.5) / cell - 0.5));
    const i = Math.floor(gx);
    const j = Math.floor(gy);
    const i2 = Math.min(columns - 1, i + 1);
    const j2 = Math.min(rows - 1, j + 1);
    const fx = gx - i;
    const fy = gy - j;
    const top = (means[j * columns + i] ?? 0) * (1 - fx) + (means[j * columns + i2] ?? 0) * fx;
    const bottom = (means[j2 * columns + i] ?? 0) * (1 - fx) + (means[j2 * columns + i2] ?? 0) * fx;
    return top * (1 - fy) + bottom * fy;
  };
}

/** Where a mask's grid lies under a plane's samples, clipped to both; `unit` positions per cell (1: the cell itself). */
function axes(picture: YuvPicture, mask: Mask, isChroma: boolean, unit = 1): { readonly columns: Axis; readonly rows: Axis } {
  const [x1, y1, x2, y2] = mask.region;
  return {
    columns: axis(x1, x2, picture.width, mask.width, isChroma ? 2 : 1, unit),
    rows: axis(y1, y2, picture.height, mask.height, isChroma ? 2 : 1, unit),
  };
}

function axis(from: number, to: number, size: number, cells: number, step: 1 | 2, unit: number): Axis {
  const first = Math.max(0, Math.ceil((from - step / 2) / step));
  const end = Math.min(Math.ceil(size / step), Math.ceil((to - step / 2) / step));
  const scale = (cells * unit) / (to - from);
  const at = new Int32Array(Math.max(0, end - first || 0));
  for (let i = 0; i < at.length; i++) {
    const middle = ((first + i) * step + step / 2 - from) * scale;
    at[i] = Math.max(0, Math.min(cells * unit - 1, Math.floor(middle)));
  }
  return { first, at };
}
