import type { MediaTimeUs } from "../../domain/time.ts";
import { findRegions } from "./regions.ts";
import type { Cells, MotionRegion } from "./regions.ts";

/** How sensitive. Everything is in pixels of the analysed (small) picture and grey levels 0…255. */
export interface MotionOptions {
  /** Smallest region reported, as a share of the picture. */
  readonly minArea: number;
  /** Smallest change that counts, in grey levels, however quiet the picture is. */
  readonly minChange: number;
}

/** What is used where nothing else is asked for: a person 20 pixels high on 320 × 180, a change seen by eye. */
export const MOTION_DEFAULTS: MotionOptions = { minArea: 0.0008, minChange: 14 };

/** What has been learned of a picture. One per camera; made by {@link createMotionState}, changed by {@link detectMotion}. */
export interface MotionState {
  readonly width: number;
  readonly height: number;
  readonly options: MotionOptions;
  /** The picture without what moves, in grey levels. */
  readonly background: Float32Array;
  /** Mean absolute deviation of each pixel: noise, leaves, flicker. */
  readonly noise: Float32Array;
  readonly cells: Cells;
  /** Frames seen since the background was begun. */
  frames: number;
  beganUs: number;
  lastUs: number;
}

/** A background is believed after this many frames and this long. */
const SETTLE_FRAMES = 8;
const SETTLE_US = 400_000;
/** How fast the background follows the picture where nothing moves, and where something does (parked cars fade in). */
const FOLLOW_S = 3;
const ABSORB_S = 25;
/** A pixel changes when it leaves this many mean deviations (about 4 σ of Gaussian noise), and {@link MARGIN} levels. */
const DEVIATIONS = 5;
const MARGIN = 3;
/** More than this changed at once: a cut, a moved camera. The background begins anew. */
const TOO_MUCH = 0.65;
/** Light changes of less than this are followed pixel by pixel: the estimate is no better. */
const STEADY_GAIN = 0.03;

/** Begins with a picture of this size, of which nothing is known. */
export function createMotionState(width: number, height: number, options: Partial<MotionOptions> = {}): MotionState {
  const columns = Math.ceil(width / 4);
  const rows = Math.ceil(height / 4);
  return {
    width,
    height,
    options: { ...MOTION_DEFAULTS, ...options },
    background: new Float32Array(width * height),
    noise: new Float32Array(width * height),
    cells: { columns, rows, bits: new Uint16Array(columns * rows), strength: new Float32Array(columns * rows) },
    frames: 0,
    beganUs: 0,
    lastUs: 0,
  };
}

/**
 * Where something moves in this picture: each pixel is compared with a running background under the light of the
 * moment, by a threshold that its own noise has set. `pixels` are `width × height` grey levels of the next frame in
 * order; nothing is reported before the background has settled. Changes `state`; no clock, no randomness.
 */
export function detectMotion(state: MotionState, pixels: Uint8Array, ptsUs: MediaTimeUs): readonly MotionRegion[] {
  const elapsedUs = ptsUs - state.lastUs;
  state.lastUs = ptsUs;
  // A gap, or time that ran backwards (a file played again), counts as one ordinary frame.
  const elapsedS = elapsedUs > 0 && elapsedUs < 2_000_000 ? elapsedUs / 1e6 : 0.04;
  if (state.frames === 0 || ptsUs < state.beganUs) {
    begin(state, pixels, ptsUs);
    return [];
  }
  state.frames++;
  const isSettled = state.frames > SETTLE_FRAMES && ptsUs - state.beganUs >= SETTLE_US;
  const gain = lightGain(state, pixels);
  const follow = isSettled ? Math.min(1, elapsedS / FOLLOW_S) : 1 / state.frames;
  const changed = compare(state, pixels, gain, follow, isSettled ? Math.min(1, elapsedS / ABSORB_S) : follow);
  if (changed > TOO_MUCH * pixels.length && isSettled) {
    begin(state, pixels, ptsUs);
    return [];
  }
  return isSettled ? findRegions(state.cells, state.width, state.height, state.options.minArea * state.width * state.height) : [];
}

function begin(state: MotionState, pixels: Uint8Array, ptsUs: MediaTimeUs): void {
  state.background.set(pixels);
  state.noise.fill(2);
  state.frames = 1;
  state.beganUs = ptsUs;
}

/** Ratios of brightness in 1/128 up to 4: the bins of a histogram. */
const gains = new Uint16Array(512);

/**
 * How much brighter the whole picture is than its background: the median ratio over every 17th pixel, so that moving
 * things (fewer than half of the pixels) have no say. 1 where it is about 1.
 */
function lightGain({ background }: MotionState, pixels: Uint8Array): number {
  gains.fill(0);
  let count = 0;
  for (let i = 0; i < pixels.length; i += 17) {
    const before = background[i] ?? 0;
    const now = pixels[i] ?? 0;
    // Black and white hold no ratio.
    if (before > 16 && now > 4 && now < 250) {
      const bin = Math.min(511, (now / before) * 128) | 0;
      gains[bin] = (gains[bin] ?? 0) + 1;
      count++;
    }
  }
  if (count < 64) {
    return 1;
  }
  let bin = 0;
  for (let seen = 0; bin < 511; bin++) {
    seen += gains[bin] ?? 0;
    if (seen * 2 >= count) {
      break;
    }
  }
  const gain = (bin + 0.5) / 128;
  return Math.abs(gain - 1) > STEADY_GAIN ? gain : 1;
}

/** Marks the changed pixels in the cells, lets background and noise follow; returns how many pixels changed. */
function compare(state: MotionState, pixels: Uint8Array, gain: number, follow: number, absorb: number): number {
  const { width, height, background, noise, cells, options } = state;
  const { bits, strength, columns } = cells;
  const { minChange } = options;
  bits.fill(0);
  strength.fill(0);
  let changed = 0;
  for (let y = 0, i = 0; y < height; y++) {
    const row = (y >> 2) * columns;
    const rowBit = (y & 3) << 2;
    for (let x = 0; x < width; x++, i++) {
      const expected = (background[i] ?? 0) * gain;
      const change = (pixels[i] ?? 0) - expected;
      const size = change < 0 ? -change : change;
      const usual = noise[i] ?? 0;
      const threshold = usual * DEVIATIONS + MARGIN;
      if (size > minChange && size > threshold) {
        const cell = row + (x >> 2);
        bits[cell] = (bits[cell] ?? 0) | (1 << (rowBit | (x & 3)));
        strength[cell] = (strength[cell] ?? 0) + size / (threshold > minChange ? threshold : minChange);
        changed++;
        background[i] = expected + change * absorb;
        // What keeps changing here (branches, water) slowly becomes what is usual here.
        noise[i] = usual + (threshold - usual) * absorb * 0.5;
      } else {
        background[i] = expected + change * follow;
        noise[i] = usual + (size - usual) * follow;
      }
    }
  }
  return changed;
}
