import { z } from "zod";
import { at } from "./tensors.ts";
import type { InputGeometry } from "../domain/model.ts";
import type { Keypoint } from "../domain/result.ts";

/** The 17 points of a body in COCO's order; left and right are the person's own. https://cocodataset.org/#keypoints-2020 */
export const COCO_BODY: readonly string[] = [
  "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
  "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
];

/** The option that names the points, shared by the pose families. */
export const keypointNames = z.array(z.string().min(1)).min(1).max(512).optional()
  .describe("Names of the points in the order of the outputs; COCO's 17 by default.");

/** Name of point `k` of `count`. */
export function pointName(names: readonly string[] | undefined, count: number, k: number): string {
  return names?.[k] ?? (count === COCO_BODY.length ? COCO_BODY[k] : undefined) ?? `point_${k}`;
}

/** Reads `count` points of `width` numbers each, beginning at `from`. */
export interface PointLayout {
  readonly count: number;
  /** Where the next number of a point lies, and the next point. */
  readonly step: number;
  readonly next: number;
  /** Which of a point's numbers is what; `score` undefined: every point counts fully. */
  readonly x: number;
  readonly y: number;
  readonly score: number | undefined;
  /** What coordinates are multiplied by to become input pixels. */
  readonly scaleX: number;
  readonly scaleY: number;
}

/** The points in source pixels. Points that are not finite numbers come with score 0 at the origin of the input. */
export function readPoints(data: Float32Array, from: number, layout: PointLayout, names: readonly string[] | undefined, geometry: InputGeometry): Keypoint[] {
  return Array.from({ length: layout.count }, (_, k) => {
    const base = from + k * layout.next;
    const x = at(data, base + layout.x * layout.step) * layout.scaleX;
    const y = at(data, base + layout.y * layout.step) * layout.scaleY;
    const score = layout.score === undefined ? 1 : at(data, base + layout.score * layout.step);
    const isFinite = Number.isFinite(x) && Number.isFinite(y) && Number.isFinite(score);
    return {
      name: pointName(names, layout.count, k),
      x: (isFinite ? x : 0) * geometry.scaleX + geometry.offsetX,
      y: (isFinite ? y : 0) * geometry.scaleY + geometry.offsetY,
      score: isFinite ? Math.min(1, Math.max(0, score)) : 0,
    };
  });
}
