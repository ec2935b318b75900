import type { Camera, Point3 } from "./camera.ts";
import type { Light } from "./light.ts";
import { lit, type Painter, type Rgb } from "./painter.ts";
import type { Shadows } from "./shadows.ts";
import { capsule, ellipse, hull, hullOfPoints, type Disc } from "./shapes.ts";

/** A ball of the street: a joint with its radius in metres. */
export interface Ball {
  readonly at: Point3;
  readonly radius: number;
}

/** Shorthand for {@link Ball}. */
export function ball(at: Point3, radius: number): Ball {
  return { at, radius };
}

/** A post under a lamp: where it stands and how far its light reaches, in metres. */
export interface Lamp {
  readonly x: number;
  readonly z: number;
  readonly reach: number;
}

/**
 * Paints things of the street: takes metres, gives pixels, in the light of the moment. One frame's worth of state, no
 * more: camera, planes, shadows and light.
 */
export class Brush {
  readonly camera: Camera;
  readonly painter: Painter;
  readonly shadows: Shadows;
  readonly light: Light;
  readonly #lamps: readonly Lamp[];
  /** Light where the brush is, set by {@link moveTo}. */
  #here: Rgb;

  constructor(camera: Camera, painter: Painter, shadows: Shadows, light: Light, lamps: readonly Lamp[]) {
    this.camera = camera;
    this.painter = painter;
    this.shadows = shadows;
    this.light = light;
    this.#lamps = lamps;
    this.#here = light.ambient;
  }

  /** Light on a thing that stands at this place: daylight, and the lamps near it. */
  moveTo(x: number, z: number): void {
    let lamp = 0;
    for (const { x: lx, z: lz, reach } of this.#lamps) {
      const near = 1 - ((x - lx) ** 2 + (z - lz) ** 2) / (reach * reach);
      lamp += near > 0 ? near * near : 0;
    }
    const glow = Math.min(0.75, lamp * 0.6) * this.light.lamps;
    const { ambient } = this.light;
    this.#here = [ambient[0] + glow, ambient[1] + glow * 0.86, ambient[2] + glow * 0.6];
  }

  /** A colour as it looks here. */
  shade(color: Rgb, factor = 1): Rgb {
    return lit(color, this.#here, factor);
  }

  disc({ at, radius }: Ball): Disc {
    const { x, y, depth } = this.camera.project(...at);
    return { x, y, r: (radius * this.camera.focalPx) / depth };
  }

  /** A rounded bar between two balls. */
  limb(a: Ball, b: Ball, color: Rgb, factor = 1): void {
    this.painter.fill(capsule(this.disc(a), this.disc(b)), this.shade(color, factor));
  }

  /** A ball. */
  dot(a: Ball, color: Rgb, factor = 1): void {
    const { x, y, r } = this.disc(a);
    this.painter.fill(ellipse(x, y, r), this.shade(color, factor));
  }

  /** What a cloth over these balls would look like. */
  wrap(balls: readonly Ball[], color: Rgb, factor = 1, alpha = 1): void {
    this.painter.fill(hull(balls.map((b) => this.disc(b))), this.shade(color, factor), alpha);
  }

  /** A flat polygon. */
  face(points: readonly Point3[], color: Rgb, factor = 1, alpha = 1): void {
    const polygon = this.camera.polygon(points);
    if (polygon.length >= 6) {
      this.painter.fill(polygon, this.shade(color, factor), alpha);
    }
  }

  /** A flat polygon that shines by itself. */
  shine(points: readonly Point3[], color: Rgb, alpha = 1): void {
    const polygon = this.camera.polygon(points);
    if (polygon.length >= 6) {
      this.painter.fill(polygon, color, alpha);
    }
  }

  /** A halo around a lamp. `radius` in metres. */
  halo(at: Point3, radius: number, color: Rgb, strength: number): void {
    const { x, y, r } = this.disc({ at, radius });
    if (r > 0.7) {
      this.painter.glow(x, y, r, r, color, strength);
    }
  }

  /** The shadow of a bar on the ground, away from the sun; and always a faint one right under things. */
  castLimb(a: Ball, b: Ball): void {
    this.shadows.add(capsule(this.#onGround(a), this.#onGround(b)), 1);
  }

  /** The shadow of a body with these corners. */
  castHull(points: readonly Point3[]): void {
    const flat = points.map((point): [number, number] => {
      const { x, y } = this.camera.project(...this.#shadowOf(point));
      return [x, y];
    });
    this.shadows.add(hullOfPoints(flat), 1);
  }

  #onGround({ at, radius }: Ball): Disc {
    const disc = this.disc({ at: this.#shadowOf(at), radius });
    // Seen at a flat angle, a round shadow is not as high as wide: the mean of both looks right for thin things.
    return { ...disc, r: disc.r * 0.75 };
  }

  #shadowOf([x, y, z]: Point3): Point3 {
    const [sx, sy, sz] = this.light.sun;
    const run = Math.min(3.2, 1 / Math.max(0.2, sy));
    return [x - sx * y * run, 0.01, z - sz * y * run];
  }
}
