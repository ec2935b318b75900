/** A point of the street in metres: x to the right, y up, z along the road. The kerbs are at x = ±5. */
export type Point3 = readonly [x: number, y: number, z: number];

/** A point of the picture in pixels, and how far away it is. */
export interface Projected {
  readonly x: number;
  readonly y: number;
  /** Distance along the optical axis in metres. */
  readonly depth: number;
}

/** Where the scene's camera hangs: on a house on the right-hand side, looking down the street and across it. */
export const CAMERA = { x: 9.1, y: 6.4, z: 0, yawRad: 0.47, pitchRad: 0.235, focal: 0.82 } as const;

const NEAR_M = 0.6;

/** A pinhole camera without lens distortion: what the demo's line and zone are measured with as well. */
export class Camera {
  readonly width: number;
  readonly height: number;
  /** Pixels per radian at the centre: how large a metre at one metre's distance is. */
  readonly focalPx: number;
  readonly #sinYaw = Math.sin(CAMERA.yawRad);
  readonly #cosYaw = Math.cos(CAMERA.yawRad);
  readonly #sinPitch = Math.sin(CAMERA.pitchRad);
  readonly #cosPitch = Math.cos(CAMERA.pitchRad);

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    // A picture of another shape than 16:9 shows the same height of the street.
    this.focalPx = CAMERA.focal * height * (16 / 9);
  }

  /** Height of the horizon in the picture. */
  get horizonY(): number {
    return this.height / 2 - (this.focalPx * this.#sinPitch) / this.#cosPitch;
  }

  /** Distance of a point along the optical axis. */
  depthOf(x: number, y: number, z: number): number {
    const forward = -(x - CAMERA.x) * this.#sinYaw + (z - CAMERA.z) * this.#cosYaw;
    return forward * this.#cosPitch - (y - CAMERA.y) * this.#sinPitch;
  }

  /** A street point in the picture. Points behind the camera are held at its near plane: clip first where that shows. */
  project(x: number, y: number, z: number): Projected {
    const dx = x - CAMERA.x;
    const dy = y - CAMERA.y;
    const dz = z - CAMERA.z;
    const right = dx * this.#cosYaw + dz * this.#sinYaw;
    const forward = -dx * this.#sinYaw + dz * this.#cosYaw;
    const depth = Math.max(NEAR_M, forward * this.#cosPitch - dy * this.#sinPitch);
    const up = forward * this.#sinPitch + dy * this.#cosPitch;
    const scale = this.focalPx / depth;
    return { x: this.width / 2 + right * scale, y: this.height / 2 - up * scale, depth };
  }

  /** A polygon of the street as picture coordinates `x0, y0, x1, y1, …`, cut at the near plane. */
  polygon(points: readonly Point3[]): number[] {
    const out: number[] = [];
    for (let i = 0; i < points.length; i++) {
      // Both indices lie inside the array.
      const a = points[i] as Point3;
      const b = points[(i + 1) % points.length] as Point3;
      const da = this.depthOf(...a) - NEAR_M;
      const db = this.depthOf(...b) - NEAR_M;
      if (da >= 0) {
        const p = this.project(...a);
        out.push(p.x, p.y);
      }
      if (da >= 0 !== db >= 0) {
        const t = da / (da - db);
        const p = this.project(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t);
        out.push(p.x, p.y);
      }
    }
    return out;
  }
}
