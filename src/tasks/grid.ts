import { inputRegion } from "./candidates.ts";
import type { InputGeometry, TensorSpec } from "../domain/model.ts";
import type { Mask } from "../domain/result.ts";

/** A picture-like output: how its channels lie. */
export interface Grid {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** True for `[1, channels, height, width]`: one plane per channel. */
  readonly isPlanar: boolean;
}

/**
 * Reads a shape as a picture with channels: `[1, C, H, W]`, `[1, H, W, C]` or, with one channel, `[1, H, W]`. Which side
 * the channels are on: where `channels` says, else the smaller one. -1 stands for unknown sizes; undefined: no picture.
 */
export function gridOf({ shape }: Pick<TensorSpec, "shape">, channels?: number): Grid | undefined {
  const [, second = -1, third = -1, fourth = -1] = shape;
  if (shape.length === 3) {
    return { height: second, width: third, channels: 1, isPlanar: true };
  }
  if (shape.length !== 4) {
    return undefined;
  }
  const isPlanar = channels !== undefined && (second === channels) !== (fourth === channels)
    ? second === channels
    : second >= 0 && (fourth < 0 || second <= fourth);
  return isPlanar ? { channels: second, height: third, width: fourth, isPlanar } : { height: second, width: third, channels: fourth, isPlanar };
}

/** The part of a grid that lies over the picture, in cells: padding is left out. */
export function visibleCells(grid: Pick<Grid, "width" | "height">, geometry: InputGeometry): { x1: number; y1: number; x2: number; y2: number } {
  const [left, top, right, bottom] = inputRegion(geometry);
  const perX = grid.width / (right - left);
  const perY = grid.height / (bottom - top);
  return {
    x1: Math.max(0, Math.round(-left * perX)),
    y1: Math.max(0, Math.round(-top * perY)),
    x2: Math.min(grid.width, Math.round((geometry.sourceWidth - left) * perX)),
    y2: Math.min(grid.height, Math.round((geometry.sourceHeight - top) * perY)),
  };
}

/** How many of the visible cells hold each value, and how many there are. */
export function histogram(mask: Mask, geometry: InputGeometry): { readonly counts: Uint32Array; readonly total: number } {
  const { x1, y1, x2, y2 } = visibleCells(mask, geometry);
  const counts = new Uint32Array(256);
  for (let y = y1; y < y2; y++) {
    for (const value of mask.data.subarray(y * mask.width + x1, y * mask.width + x2)) {
      counts[value] = (counts[value] ?? 0) + 1;
    }
  }
  return { counts, total: Math.max(0, x2 - x1) * Math.max(0, y2 - y1) };
}
