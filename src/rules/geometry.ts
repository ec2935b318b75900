import type { Point } from "../domain/result.ts";

/**
 * Distance of a point from the endless line through `a` and `b`, in the points' unit: positive on the right-hand side
 * of somebody walking from a to b (y grows downwards), negative on the left.
 */
export function signedDistance(point: Point, a: Point, b: Point): number {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  return (dx * (point[1] - a[1]) - dy * (point[0] - a[0])) / Math.hypot(dx, dy);
}

/** How far along the way from `a` to `b` the point lies: 0 at a, 1 at b, outside 0…1 beyond the ends. */
export function along(point: Point, a: Point, b: Point): number {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  return ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / (dx * dx + dy * dy);
}

/** The point that lies the given share of the way from `a` to `b`. */
export function between(a: Point, b: Point, share: number): Point {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
}

/** Distance of two points. */
export function distance(a: Point, b: Point): number {
  return Math.hypot(b[0] - a[0], b[1] - a[1]);
}

/** The polygon's sides, each from a corner to the next. */
export function sidesOf(polygon: readonly Point[]): readonly (readonly [Point, Point])[] {
  return polygon.map((corner, i) => [corner, polygon[(i + 1) % polygon.length] ?? corner]);
}

/** Whether a point lies inside (even-odd rule: Shimrat, "Algorithm 112", 1962). */
export function isInside(point: Point, polygon: readonly Point[]): boolean {
  let inside = false;
  for (const [a, b] of sidesOf(polygon)) {
    if (a[1] > point[1] !== b[1] > point[1] && point[0] < a[0] + ((point[1] - a[1]) / (b[1] - a[1])) * (b[0] - a[0])) {
      inside = !inside;
    }
  }
  return inside;
}

/** Distance from a polygon's edge: positive inside, negative outside. */
export function depthIn(point: Point, polygon: readonly Point[]): number {
  const distances = sidesOf(polygon).map(([a, b]) => {
    const share = distance(a, b) === 0 ? 0 : Math.min(1, Math.max(0, along(point, a, b)));
    return distance(point, between(a, b, share));
  });
  const nearest = Math.min(...distances);
  return isInside(point, polygon) ? nearest : -nearest;
}

/** Area of a polygon; negative where its corners go round anticlockwise on the screen. */
export function areaOf(polygon: readonly Point[]): number {
  return sidesOf(polygon).reduce((sum, [a, b]) => sum + a[0] * b[1] - b[0] * a[1], 0) / 2;
}

/** The first two sides (counted from 1) that cross or touch although they are not neighbours; undefined when none do. */
export function crossingSides(polygon: readonly Point[]): readonly [number, number] | undefined {
  const sides = sidesOf(polygon);
  for (const [i, [a, b]] of sides.entries()) {
    for (const [j, [c, d]] of sides.entries()) {
      const areNeighbours = j - i === 1 || (i === 0 && j === sides.length - 1);
      if (j > i && !areNeighbours && doCross(a, b, c, d)) {
        return [i + 1, j + 1];
      }
    }
  }
  return undefined;
}

/** Whether all corners turn the same way (and none is straight). */
export function isConvex(polygon: readonly Point[]): boolean {
  const turns = sidesOf(polygon).map(([a, b], i) => turn(a, b, polygon[(i + 2) % polygon.length] ?? a));
  return turns.every((t) => t > 0) || turns.every((t) => t < 0);
}

/** Whether two segments share a point. */
function doCross(a: Point, b: Point, c: Point, d: Point): boolean {
  const abc = Math.sign(turn(a, b, c));
  const abd = Math.sign(turn(a, b, d));
  const cda = Math.sign(turn(c, d, a));
  const cdb = Math.sign(turn(c, d, b));
  if (abc !== abd && cda !== cdb) {
    return true;
  }
  return (abc === 0 && isBetween(c, a, b)) || (abd === 0 && isBetween(d, a, b)) || (cda === 0 && isBetween(a, c, d)) || (cdb === 0 && isBetween(b, c, d));
}

function turn(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function isBetween(point: Point, a: Point, b: Point): boolean {
  return (
    point[0] >= Math.min(a[0], b[0]) && point[0] <= Math.max(a[0], b[0]) && point[1] >= Math.min(a[1], b[1]) && point[1] <= Math.max(a[1], b[1])
  );
}
