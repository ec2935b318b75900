/** Outlines in picture coordinates, `x0, y0, x1, y1, …`: what the painter fills. */

/** A circle in the picture: a joint, a wheel seen from afar, a leaf. */
export interface Disc {
  readonly x: number;
  readonly y: number;
  readonly r: number;
}

/** How many corners a circle of this radius needs before the eye sees none. */
function cornersOf(radius: number): number {
  return Math.min(28, Math.max(7, Math.ceil(4 + radius * 1.2)));
}

/** A circle, or an ellipse when `ry` differs. */
export function ellipse(cx: number, cy: number, rx: number, ry = rx): number[] {
  const corners = cornersOf(Math.max(rx, ry));
  const out: number[] = [];
  for (let i = 0; i < corners; i++) {
    const angle = (2 * Math.PI * i) / corners;
    out.push(cx + rx * Math.cos(angle), cy + ry * Math.sin(angle));
  }
  return out;
}

/** Two circles and what lies between them: limbs, bars, trunks. */
export function capsule(a: Disc, b: Disc): number[] {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = Math.hypot(dx, dy);
  if (length <= Math.abs(a.r - b.r) + 1e-6) {
    const larger = a.r > b.r ? a : b;
    return ellipse(larger.x, larger.y, larger.r);
  }
  const along = Math.atan2(dy, dx);
  // The straight sides leave the circles where they touch both.
  const lean = Math.acos(Math.max(-1, Math.min(1, (a.r - b.r) / length)));
  const out: number[] = [];
  arc(out, a, along + lean, along + 2 * Math.PI - lean);
  arc(out, b, along - lean, along + lean);
  return out;
}

function arc(out: number[], { x, y, r }: Disc, from: number, to: number): void {
  const steps = Math.max(2, Math.ceil((cornersOf(r) * (to - from)) / (2 * Math.PI)));
  for (let i = 0; i <= steps; i++) {
    const angle = from + ((to - from) * i) / steps;
    out.push(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
}

/** The outline around several circles: trunks of bodies, skirts, bags. */
export function hull(discs: readonly Disc[]): number[] {
  const points: [number, number][] = [];
  for (const { x, y, r } of discs) {
    const corners = cornersOf(r);
    for (let i = 0; i < corners; i++) {
      const angle = (2 * Math.PI * i) / corners;
      points.push([x + r * Math.cos(angle), y + r * Math.sin(angle)]);
    }
  }
  return hullOfPoints(points);
}

/** Andrew's monotone chain. */
export function hullOfPoints(points: [number, number][]): number[] {
  points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: readonly [number, number][]): [number, number][] => {
    const chain: [number, number][] = [];
    for (const point of ordered) {
      while (chain.length >= 2) {
        const [ax, ay] = chain[chain.length - 2] as [number, number];
        const [bx, by] = chain[chain.length - 1] as [number, number];
        if ((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax) > 0) {
          break;
        }
        chain.pop();
      }
      chain.push(point);
    }
    chain.pop();
    return chain;
  };
  return [...half(points), ...half(points.toReversed())].flat();
}
