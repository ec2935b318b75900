import type { Box } from "../domain/result.ts";

/** Intersection over union of two boxes: 0 apart, 1 the same. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) {
    return 0;
  }
  const shared = width * height;
  return shared / (areaOf(a) + areaOf(b) - shared);
}

/** Square pixels; 0 for a box inside out. */
export function areaOf(box: Box): number {
  return Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
}

/**
 * Distance of two boxes' centres over the diagonal of the box around both, squared: the penalty of DIoU (Zheng et al.
 * 2020). 0 for one centre, towards 1 far apart; it ranks candidates that do not overlap at all.
 */
export function apartness(a: Box, b: Box): number {
  const dx = (a[0] + a[2] - b[0] - b[2]) / 2;
  const dy = (a[1] + a[3] - b[1] - b[3]) / 2;
  const width = Math.max(a[2], b[2]) - Math.min(a[0], b[0]);
  const height = Math.max(a[3], b[3]) - Math.min(a[1], b[1]);
  const diagonal2 = width * width + height * height;
  return diagonal2 === 0 ? 0 : (dx * dx + dy * dy) / diagonal2;
}
