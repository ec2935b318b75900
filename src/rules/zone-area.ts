import { configError } from "./config-error.ts";
import { FramePoints, type PointsConfig } from "./frame-points.ts";
import { areaOf, crossingSides, depthIn, distance, isInside, sidesOf } from "./geometry.ts";
import type { RuleContext } from "../contracts/kinds.ts";
import type { Point } from "../domain/result.ts";

/** A polygon on the picture. Refuses one that crosses itself or has no area. */
export class ZoneArea {
  readonly #points: FramePoints;

  constructor(config: PointsConfig, context: RuleContext) {
    const { name, points } = config;
    const crossing = crossingSides(points);
    if (crossing !== undefined) {
      throw configError(name, "points", `the polygon crosses itself: its sides ${crossing[0]} and ${crossing[1]} meet (give the corners in order around it)`);
    }
    if (areaOf(points) === 0) {
      throw configError(name, "points", `the polygon has no area: its ${points.length} corners lie on one line`);
    }
    this.#points = new FramePoints(config, context);
  }

  /** The corners in source pixels. */
  corners(width: number, height: number): readonly Point[] {
    return this.#points.on(width, height);
  }

  /** Whether a point (source pixels) lies inside. */
  holds(point: Point, width: number, height: number): boolean {
    return isInside(point, this.corners(width, height));
  }

  /** How far inside the edge a point lies, in source pixels; negative outside. */
  depth(point: Point, width: number, height: number): number {
    return depthIn(point, this.corners(width, height));
  }

  /** How deep its inside is, roughly, in source pixels: a hysteresis of more could never be passed. */
  innerDepth(width: number, height: number): number {
    const corners = this.corners(width, height);
    const around = sidesOf(corners).reduce((sum, [a, b]) => sum + distance(a, b), 0);
    return Math.abs(areaOf(corners)) / around;
  }
}
