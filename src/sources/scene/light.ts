import { mix, type Rgb } from "./painter.ts";

/** How the street is lit at one moment. */
export interface Light {
  /** 0 at night … 1 by day. */
  readonly day: number;
  /** Light that falls on everything (1, 1, 1 is full daylight). */
  readonly ambient: Rgb;
  /** Street lamps, head lights and windows: 0 off … 1 on. */
  readonly lamps: number;
  /** Unit vector towards the sun. */
  readonly sun: readonly [x: number, y: number, z: number];
  /** How dark the sun's shadows are, 0…1. */
  readonly shadow: number;
  readonly skyTop: Rgb;
  readonly skyBottom: Rgb;
}

const NIGHT: Rgb = [0.24, 0.27, 0.4];
const DUSK: Rgb = [0.94, 0.7, 0.6];
const DAY: Rgb = [1, 0.985, 0.95];

const smooth = (from: number, to: number, x: number): number => {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
};

/**
 * Light at a time of the scene's own day: `phase` 0 is noon, 0.5 midnight; it goes round. Day is longer than night, and
 * dusk and dawn are drawn out, because they are the part worth watching.
 */
export function lightAt(phase: number): Light {
  const angle = 2 * Math.PI * phase;
  const elevation = Math.cos(angle) * 0.85 + 0.3;
  const day = smooth(-0.22, 0.42, elevation);
  const golden = smooth(-0.3, 0.02, elevation) * (1 - smooth(0.12, 0.6, elevation));
  const base = mix(NIGHT, DAY, day);
  const height = Math.max(0.3, elevation);
  // The sun stays over the houses across the street, so that shadows fall towards the camera and stay on the ground.
  const azimuth = -0.35 + 0.75 * Math.sin(angle);
  const flat = Math.cos(Math.asin(Math.min(1, height * 0.85)));
  const sky = mix([9, 12, 26], [104, 160, 220], day);
  return {
    day,
    ambient: mix(base, [base[0] * DUSK[0] + 0.12, base[1] * DUSK[1] + 0.1, base[2] * DUSK[2] + 0.1], golden),
    lamps: 1 - smooth(0.0, 0.3, elevation),
    sun: [-Math.cos(azimuth) * flat, Math.min(1, height * 0.85), Math.sin(azimuth) * flat],
    shadow: 0.44 * smooth(0, 0.35, elevation),
    skyTop: mix(sky, [118, 96, 138], golden * 0.75),
    skyBottom: mix(mix([26, 30, 50], [196, 221, 240], day), [255, 170, 104], golden * 0.9),
  };
}
