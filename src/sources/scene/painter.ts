import { Coverage } from "./coverage.ts";

/** A colour: red, green, blue, 0…255 each; values beyond are clipped where they are painted. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** A colour as the planes hold it: BT.601, video range. */
interface Yuv {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** Colours mixed: 0 gives a, 1 gives b. */
export function mix(a: Rgb, b: Rgb, amount: number): Rgb {
  return [a[0] + (b[0] - a[0]) * amount, a[1] + (b[1] - a[1]) * amount, a[2] + (b[2] - a[2]) * amount];
}

/** A colour under a light (1, 1, 1 is full daylight). */
export function lit(color: Rgb, light: Rgb, factor = 1): Rgb {
  return [color[0] * light[0] * factor, color[1] * light[1] * factor, color[2] * light[2] * factor];
}

/** Recommendation ITU-R BT.601, video range: what scalers assume of pictures of this size. */
export function toYuv([red, green, blue]: Rgb): Yuv {
  const r = Math.min(255, Math.max(0, red));
  const g = Math.min(255, Math.max(0, green));
  const b = Math.min(255, Math.max(0, blue));
  return {
    y: 16 + 0.2568 * r + 0.5041 * g + 0.0979 * b,
    u: 128 - 0.1482 * r - 0.291 * g + 0.4392 * b,
    v: 128 + 0.4392 * r - 0.3678 * g - 0.0714 * b,
  };
}

/** Coverage below one grey level is not worth a write. */
const FAINT = 0.004;

/** Nobody's pixels: what stands still belongs to no object. */
export const NOBODY = 0;

/**
 * Paints anti-aliased polygons straight on 4:2:0 planes and remembers whose pixel is whose, so that the truth about what
 * can be seen falls out of painting. Each shape is rasterised twice, for luma and at half size for chroma, which is
 * cheaper than painting RGB and converting: a 960×540 frame of the street takes a few milliseconds, and the same bytes
 * come out on every machine.
 */
export class Painter {
  readonly width: number;
  readonly height: number;
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  /** Owner of each luma pixel, {@link NOBODY} or 1…255. */
  readonly owners: Uint8Array;
  /** Pixels painted for each owner since {@link reset}, each counted once, whether or not something hid them later. */
  readonly painted = new Uint32Array(256);
  /** Whom the next shapes belong to. */
  owner = NOBODY;
  readonly #coverage: Coverage;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    const chroma = this.chromaWidth * this.chromaHeight;
    this.y = new Uint8Array(width * height);
    this.u = new Uint8Array(chroma);
    this.v = new Uint8Array(chroma);
    this.owners = new Uint8Array(width * height);
    this.#coverage = new Coverage(width, height);
  }

  get chromaWidth(): number {
    return (this.width + 1) >> 1;
  }

  get chromaHeight(): number {
    return (this.height + 1) >> 1;
  }

  /** Forgets whose pixel is whose, for the next frame. */
  reset(): void {
    this.owners.fill(NOBODY);
    this.painted.fill(0);
    this.owner = NOBODY;
  }

  /** Fills a polygon `x0, y0, x1, y1, …`. `alpha` 0…1. */
  fill(points: ArrayLike<number>, rgb: Rgb, alpha = 1): void {
    const color = toYuv(rgb);
    this.#luma(points, color.y, color.y, 0, 1, alpha);
    this.#chroma(points, color, color, 0, 1, alpha);
  }

  /** Fills a polygon whose colour runs from `top` (at row `y0`) to `bottom` (at row `y1`). */
  fillGradient(points: ArrayLike<number>, top: Rgb, bottom: Rgb, y0: number, y1: number): void {
    const a = toYuv(top);
    const b = toYuv(bottom);
    this.#luma(points, a.y, b.y, y0, y1, 1);
    this.#chroma(points, a, b, y0 / 2, y1 / 2, 1);
  }

  /** Adds light in an ellipse that fades towards its edge: lamps, beams. Pixels keep their owner. */
  glow(cx: number, cy: number, rx: number, ry: number, color: Rgb, strength: number): void {
    const { y, u, v } = toYuv(color);
    const { width, height, chromaWidth, chromaHeight } = this;
    each(width, height, cx, cy, rx, ry, (i, k) => {
      this.y[i] = Math.min(235, (this.y[i] as number) + (y - 16) * k * strength);
    });
    each(chromaWidth, chromaHeight, cx / 2, cy / 2, rx / 2, ry / 2, (i, k) => {
      const amount = Math.min(1, k * strength);
      const oldU = this.u[i] as number;
      const oldV = this.v[i] as number;
      this.u[i] = oldU + (u - oldU) * amount + 0.5;
      this.v[i] = oldV + (v - oldV) * amount + 0.5;
    });
  }

  #luma(points: ArrayLike<number>, from: number, to: number, y0: number, y1: number, alpha: number): void {
    const area = this.#coverage.of(points, 1, this.width, this.height);
    if (area === undefined) {
      return;
    }
    const { left, top, width, height } = area;
    const { cells } = this.#coverage;
    const { y: plane, owners, painted, owner } = this;
    // Faint veils (shadows, glass reflections) do not change whose pixel it is.
    const marks = alpha > 0.5;
    for (let row = 0; row < height; row++) {
      const t = from === to ? 0 : Math.min(1, Math.max(0, (top + row + 0.5 - y0) / (y1 - y0)));
      const value = from + (to - from) * t;
      let cell = row * (width + 2);
      let at = (top + row) * this.width + left;
      let sum = 0;
      for (const end = cell + width; cell < end; cell++, at++) {
        sum += cells[cell] as number;
        cells[cell] = 0;
        const cover = sum < 0 ? -sum : sum;
        if (cover > FAINT) {
          const amount = (cover > 1 ? 1 : cover) * alpha;
          const old = plane[at] as number;
          plane[at] = old + (value - old) * amount + 0.5;
          if (marks && cover > 0.5) {
            const before = owners[at] as number;
            if (before !== owner) {
              owners[at] = owner;
              painted[owner] = (painted[owner] as number) + 1;
            }
          }
        }
      }
      cells[cell] = 0;
      cells[cell + 1] = 0;
    }
  }

  #chroma(points: ArrayLike<number>, from: Yuv, to: Yuv, y0: number, y1: number, alpha: number): void {
    const area = this.#coverage.of(points, 0.5, this.chromaWidth, this.chromaHeight);
    if (area === undefined) {
      return;
    }
    const { left, top, width, height } = area;
    const { cells } = this.#coverage;
    const { u: planeU, v: planeV } = this;
    for (let row = 0; row < height; row++) {
      const t = from === to ? 0 : Math.min(1, Math.max(0, (top + row + 0.5 - y0) / (y1 - y0)));
      const u = from.u + (to.u - from.u) * t;
      const v = from.v + (to.v - from.v) * t;
      let cell = row * (width + 2);
      let at = (top + row) * this.chromaWidth + left;
      let sum = 0;
      for (const end = cell + width; cell < end; cell++, at++) {
        sum += cells[cell] as number;
        cells[cell] = 0;
        const cover = sum < 0 ? -sum : sum;
        if (cover > FAINT) {
          const amount = (cover > 1 ? 1 : cover) * alpha;
          const oldU = planeU[at] as number;
          const oldV = planeV[at] as number;
          planeU[at] = oldU + (u - oldU) * amount + 0.5;
          planeV[at] = oldV + (v - oldV) * amount + 0.5;
        }
      }
      cells[cell] = 0;
      cells[cell + 1] = 0;
    }
  }
}

/** Visits the pixels of an ellipse with 1 at its centre, falling smoothly to 0 at its edge. */
function each(width: number, height: number, cx: number, cy: number, rx: number, ry: number, visit: (index: number, amount: number) => void): void {
  const x0 = Math.max(0, Math.floor(cx - rx));
  const x1 = Math.min(width - 1, Math.ceil(cx + rx));
  const y0 = Math.max(0, Math.floor(cy - ry));
  const y1 = Math.min(height - 1, Math.ceil(cy + ry));
  for (let py = y0; py <= y1; py++) {
    const dy = (py + 0.5 - cy) / ry;
    for (let px = x0; px <= x1; px++) {
      const dx = (px + 0.5 - cx) / rx;
      const d = 1 - dx * dx - dy * dy;
      if (d > 0) {
        visit(py * width + px, d * d);
      }
    }
  }
}
