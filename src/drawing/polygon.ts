import type { Point } from "../domain/result.ts";
import type { YuvPicture } from "../domain/picture.ts";
import { clipArea, paintCoverage } from "./coverage.ts";
import type { RowSpan } from "./coverage.ts";

/**
 * Fills a polygon with soft edges; it is closed by itself. `opacity` below 1 lets the picture show through. Parts that
 * overlap themselves are filled once. Points that are not finite numbers make it nothing.
 */
export function fillPolygon(picture: YuvPicture, points: readonly Point[], rgb: number, opacity = 1): void {
  if (!points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y))) {
    return;
  }
  const inside = clipPolygon(points, picture.width, picture.height);
  if (inside.length < 3) {
    return;
  }
  const xs = inside.map(([x]) => x);
  const ys = inside.map(([, y]) => y);
  const area = clipArea(picture, Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
  if (area === undefined) {
    return;
  }
  const edges = edgesOf(inside, area.left);
  const width = area.right - area.left;
  const sums = new Float32Array(width + 2);
  paintCoverage(
    picture,
    area,
    (y, into, span) => {
      sums.fill(0);
      const reach = { from: width, to: 0 };
      for (const edge of edges) {
        if (edge.top < y + 1 && edge.bottom > y) {
          addEdge(sums, edge, y, reach);
        }
      }
      span.from = reach.from;
      span.to = Math.min(width, reach.to);
      let covered = 0;
      let value = 0;
      for (let i = span.from; i < span.to; i++) {
        const change = sums[i] ?? 0;
        if (change !== 0) {
          covered += change;
          value = Math.min(255, Math.abs(covered) * 255 + 0.5);
        }
        into[i] = value;
      }
    },
    rgb,
    opacity,
  );
}

/** Draws the outline of a polygon, `thickness` pixels wide, centred on the points. */
export function strokePolygon(picture: YuvPicture, points: readonly Point[], rgb: number, thickness = 1): void {
  const [first] = points;
  if (first !== undefined) {
    drawPolyline(picture, points.length > 2 ? [...points, first] : points, rgb, thickness);
  }
}

/** Draws connected line segments with round joints, `thickness` pixels wide. */
export function drawPolyline(picture: YuvPicture, points: readonly Point[], rgb: number, thickness = 1): void {
  points.forEach((point, i) => {
    const next = points[i + 1];
    if (next !== undefined) {
      drawLine(picture, point, next, rgb, thickness);
    }
    if (thickness > 2 && i > 0) {
      fillCircle(picture, point[0], point[1], thickness / 2, rgb);
    }
  });
}

/** Draws a straight line between two points (pixel centres lie at .5), `thickness` pixels wide, with flat ends. */
export function drawLine(picture: YuvPicture, from: Point, to: Point, rgb: number, thickness = 1): void {
  const dx = to[0] - from[0];
  const dy = to[1] - from[1];
  const length = Math.hypot(dx, dy);
  if (length === 0) {
    fillCircle(picture, from[0], from[1], thickness / 2, rgb);
    return;
  }
  const nx = (-dy / length) * (thickness / 2);
  const ny = (dx / length) * (thickness / 2);
  fillPolygon(
    picture,
    [
      [from[0] + nx, from[1] + ny],
      [to[0] + nx, to[1] + ny],
      [to[0] - nx, to[1] - ny],
      [from[0] - nx, from[1] - ny],
    ],
    rgb,
  );
}

/** Fills a circle. */
export function fillCircle(picture: YuvPicture, x: number, y: number, radius: number, rgb: number, opacity = 1): void {
  // Enough corners that the polygon stays within 1/16 pixel of the circle: sagitta = r (1 − cos(π / n)).
  const corners = Math.max(8, Math.min(256, Math.ceil(Math.PI / Math.acos(Math.max(0, 1 - 1 / (16 * Math.max(radius, 0.1)))))));
  fillPolygon(picture, circle(x, y, radius, corners), rgb, opacity);
}

/** Draws a circle's outline. */
export function strokeCircle(picture: YuvPicture, x: number, y: number, radius: number, rgb: number, thickness = 1): void {
  strokePolygon(picture, circle(x, y, radius, Math.max(16, Math.min(128, Math.ceil(radius * 2)))), rgb, thickness);
}

function circle(x: number, y: number, radius: number, corners: number): Point[] {
  return Array.from({ length: corners }, (_, i) => {
    const angle = (2 * Math.PI * i) / corners;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

/** An edge from top to bottom; `direction` is the winding. x is relative to the painted area. */
interface Edge {
  readonly top: number;
  readonly bottom: number;
  readonly xTop: number;
  /** Change of x per row. */
  readonly slope: number;
  readonly direction: 1 | -1;
}

function edgesOf(points: readonly Point[], left: number): Edge[] {
  const edges: Edge[] = [];
  let [px, py] = points.at(-1) ?? [0, 0];
  for (const [x, y] of points) {
    if (y !== py) {
      const isDown = y > py;
      edges.push({
        top: Math.min(y, py),
        bottom: Math.max(y, py),
        xTop: (isDown ? px : x) - left,
        slope: (x - px) / (y - py),
        direction: isDown ? 1 : -1,
      });
    }
    [px, py] = [x, y];
  }
  return edges;
}

/**
 * Adds what one edge does to row `y`: running sums over `sums` give the exact area of each pixel right of the edge
 * (the accumulation buffer of Raph Levien's font-rs).
 */
function addEdge(sums: Float32Array, edge: Edge, y: number, reach: RowSpan): void {
  const from = Math.max(edge.top, y);
  const to = Math.min(edge.bottom, y + 1);
  const xFrom = edge.xTop + edge.slope * (from - edge.top);
  const xTo = edge.xTop + edge.slope * (to - edge.top);
  const height = (to - from) * edge.direction;
  const x0 = Math.max(0, Math.min(xFrom, xTo));
  const x1 = Math.max(x0, xFrom, xTo);
  const first = Math.floor(x0);
  const last = Math.ceil(x1);
  reach.from = Math.min(reach.from, first);
  reach.to = Math.max(reach.to, last + 1);
  if (last <= first + 1) {
    // Within one pixel: the part of it right of the edge's middle is covered.
    const covered = height * (1 - ((x0 + x1) / 2 - first));
    add(sums, first, covered);
    add(sums, first + 1, height - covered);
    return;
  }
  // Across several pixels: a triangle in the first, trapezoids of equal growth between, the rest in the last.
  const perPixel = height / (x1 - x0);
  const head = first + 1 - x0;
  let done = 0;
  let before = 0;
  for (let i = first; i < last; i++) {
    const width = i === first ? head : Math.min(i + 1, x1) - i;
    const right = done + perPixel * width;
    // Covered in this pixel: what began left of it, and the mean of what begins in it.
    const covered = done + (right - done) * (i === first ? head / 2 : 1 - width / 2);
    add(sums, i, covered - before);
    before = covered;
    done = right;
  }
  add(sums, last, height - before);
}

function add(sums: Float32Array, i: number, value: number): void {
  sums[i] = (sums[i] ?? 0) + value;
}

/** Cuts a polygon at the picture's borders (Sutherland and Hodgman 1974), so that far-away points cost nothing. */
function clipPolygon(points: readonly Point[], width: number, height: number): readonly Point[] {
  const sides: [axis: 0 | 1, limit: number, sign: 1 | -1][] = [[0, 0, 1], [0, width, -1], [1, 0, 1], [1, height, -1]];
  let polygon = points;
  for (const [axis, limit, sign] of sides) {
    if (polygon.every((point) => (point[axis] - limit) * sign >= 0)) {
      continue;
    }
    const cut: Point[] = [];
    let previous = polygon.at(-1);
    for (const point of polygon) {
      if (previous !== undefined) {
        const a = (previous[axis] - limit) * sign;
        const b = (point[axis] - limit) * sign;
        if (a >= 0 !== b >= 0) {
          const t = a / (a - b);
          cut.push([previous[0] + (point[0] - previous[0]) * t, previous[1] + (point[1] - previous[1]) * t]);
        }
        if (b >= 0) {
          cut.push(point);
        }
      }
      previous = point;
    }
    polygon = cut;
  }
  return polygon;
}
