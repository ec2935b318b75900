import type { Box } from "../domain/result.ts";

/** How sure one is of motion and of measured boxes. All in units of the object's size, √(width × height). */
export interface MotionNoise {
  /** Standard deviation of a measured edge or centre. */
  readonly measured: number;
  /** How fast velocity wanders: its standard deviation after one second, in sizes per second. */
  readonly acceleration: number;
  /** Standard deviation of a new object's velocity, in sizes per second. */
  readonly firstSpeed: number;
  /** How fast width and height wander: their standard deviation after one second. */
  readonly growth: number;
}

/** Suits people, animals and vehicles seen by a fixed camera; found by `npm run bench -- track` (docs/tracking.md). */
export const USUAL_MOTION: MotionNoise = { measured: 0.05, acceleration: 0.4, firstSpeed: 2, growth: 0.35 };

/** One coordinate that keeps its velocity: state (x, v) and its covariance. */
class MovingAxis {
  x: number;
  v = 0;
  #xx: number;
  #xv = 0;
  #vv: number;

  constructor(x: number, variance: number, speedVariance: number) {
    this.x = x;
    this.#xx = variance;
    this.#vv = speedVariance;
  }

  get variance(): number {
    return this.#xx;
  }

  /** `intensity`: variance of velocity gained per second. */
  predict(dtS: number, intensity: number): void {
    this.x += this.v * dtS;
    this.#xx += 2 * dtS * this.#xv + dtS * dtS * this.#vv + (intensity * dtS ** 3) / 3;
    this.#xv += dtS * this.#vv + (intensity * dtS * dtS) / 2;
    this.#vv += intensity * dtS;
  }

  update(measured: number, variance: number): void {
    const total = this.#xx + variance;
    const gain = this.#xx / total;
    const speedGain = this.#xv / total;
    const error = measured - this.x;
    this.x += gain * error;
    this.v += speedGain * error;
    this.#vv -= speedGain * this.#xv;
    this.#xv -= gain * this.#xv;
    this.#xx -= gain * this.#xx;
  }
}

/** One coordinate that wanders without a trend. */
class DriftingAxis {
  x: number;
  #variance: number;

  constructor(x: number, variance: number) {
    this.x = x;
    this.#variance = variance;
  }

  predict(dtS: number, intensity: number): void {
    this.#variance += intensity * dtS;
  }

  update(measured: number, variance: number): void {
    const gain = this.#variance / (this.#variance + variance);
    this.x += gain * (measured - this.x);
    this.#variance -= gain * this.#variance;
  }
}

/**
 * Where an object's box is, by a Kalman filter in seconds: the centre keeps its velocity, width and height drift. Noise
 * is continuous (white-noise acceleration: Bar-Shalom, Li and Kirubarajan 2001, §6.2.2), so predicting 0.1 s three times
 * equals predicting 0.3 s once: any and varying frame rates behave alike. The four coordinates share no noise terms,
 * so the filter of eight or so states falls apart into four small ones, exactly.
 */
export class BoxFilter {
  readonly #noise: MotionNoise;
  readonly #cx: MovingAxis;
  readonly #cy: MovingAxis;
  readonly #w: DriftingAxis;
  readonly #h: DriftingAxis;

  constructor(box: Box, noise: MotionNoise = USUAL_MOTION) {
    const [cx, cy, w, h] = toCentre(box);
    this.#noise = noise;
    const size = sizeOf(w, h);
    const variance = (noise.measured * size) ** 2;
    const speedVariance = (noise.firstSpeed * size) ** 2;
    this.#cx = new MovingAxis(cx, variance, speedVariance);
    this.#cy = new MovingAxis(cy, variance, speedVariance);
    this.#w = new DriftingAxis(w, variance);
    this.#h = new DriftingAxis(h, variance);
  }

  /** Source pixels. */
  get box(): Box {
    const halfW = this.#w.x / 2;
    const halfH = this.#h.x / 2;
    return [this.#cx.x - halfW, this.#cy.x - halfH, this.#cx.x + halfW, this.#cy.x + halfH];
  }

  /** Pixels per second. */
  get velocity(): readonly [x: number, y: number] {
    return [this.#cx.v, this.#cy.v];
  }

  /** Moves on by `dtS` seconds (≥ 0). */
  predict(dtS: number): void {
    const size = sizeOf(this.#w.x, this.#h.x);
    const motion = (this.#noise.acceleration * size) ** 2;
    const growth = (this.#noise.growth * size) ** 2;
    this.#cx.predict(dtS, motion);
    this.#cy.predict(dtS, motion);
    this.#w.predict(dtS, growth);
    this.#h.predict(dtS, growth);
  }

  /** Takes in where the object was seen. */
  update(box: Box): void {
    const [cx, cy, w, h] = toCentre(box);
    const variance = this.#measuredVariance();
    this.#cx.update(cx, variance);
    this.#cy.update(cy, variance);
    this.#w.update(w, variance);
    this.#h.update(h, variance);
  }

  /** Squared distance of a box's centre from the predicted one in standard deviations (Mahalanobis; 2 degrees of freedom). */
  distance2(box: Box): number {
    const [cx, cy] = toCentre(box);
    const variance = this.#measuredVariance();
    return (cx - this.#cx.x) ** 2 / (this.#cx.variance + variance) + (cy - this.#cy.x) ** 2 / (this.#cy.variance + variance);
  }

  #measuredVariance(): number {
    return (this.#noise.measured * sizeOf(this.#w.x, this.#h.x)) ** 2;
  }
}

function toCentre([x1, y1, x2, y2]: Box): [cx: number, cy: number, w: number, h: number] {
  return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];
}

/** A box of no area still has a size of one pixel, so that its noise is never zero. */
function sizeOf(w: number, h: number): number {
  return Math.sqrt(Math.max(1, w) * Math.max(1, h));
}
