import type { Keypoint } from "../domain/result.ts";
import type { YuvPicture } from "../domain/picture.ts";
import { drawLine, fillCircle } from "./polygon.ts";

/** Bones between the 17 body points of COCO, by name; the side gives the colour. */
const BONES: readonly (readonly [from: string, to: string])[] = [
  ["left_ear", "left_eye"], ["left_eye", "nose"], ["nose", "right_eye"], ["right_eye", "right_ear"],
  ["left_shoulder", "right_shoulder"], ["left_hip", "right_hip"],
  ["left_shoulder", "left_elbow"], ["left_elbow", "left_wrist"], ["left_shoulder", "left_hip"], ["left_hip", "left_knee"], ["left_knee", "left_ankle"],
  ["right_shoulder", "right_elbow"], ["right_elbow", "right_wrist"], ["right_shoulder", "right_hip"], ["right_hip", "right_knee"], ["right_knee", "right_ankle"],
];

const COLORS = { left: 0x35d07f, right: 0xff9f43, middle: 0x4aa8ff } as const;

function sideOf(name: string): keyof typeof COLORS {
  return name.startsWith("left") ? "left" : name.startsWith("right") ? "right" : "middle";
}

/** How keypoints are drawn. */
export interface KeypointStyle {
  /** Points below this score (0…1) are left out, and the bones at them. */
  readonly minScore: number;
  /** Thickness of bones in pixels; points are a little larger. */
  readonly thickness: number;
}

/** Draws points, and bones between those whose names are COCO's body points. */
export function drawKeypoints(picture: YuvPicture, keypoints: readonly Keypoint[], style: KeypointStyle): void {
  const seen = new Map(keypoints.filter((point) => point.score >= style.minScore).map((point) => [normal(point.name), point]));
  for (const [from, to] of BONES) {
    const a = seen.get(from);
    const b = seen.get(to);
    if (a !== undefined && b !== undefined) {
      const side = sideOf(from) === sideOf(to) ? sideOf(from) : "middle";
      drawLine(picture, [a.x, a.y], [b.x, b.y], COLORS[side], style.thickness);
    }
  }
  for (const [name, { x, y }] of seen) {
    fillCircle(picture, x, y, style.thickness * 1.4 + 1, 0x000000, 0.6);
    fillCircle(picture, x, y, style.thickness * 1.4, COLORS[sideOf(name)]);
  }
}

/** Models write `left_eye`, `left eye` or `Left-Eye`. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[\s-]+/g, "_");
}
