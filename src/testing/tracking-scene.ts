import type { Box, Detection } from "../domain/result.ts";
import { mediaTimeUs, type MediaTimeUs } from "../domain/time.ts";
import type { Identified } from "./mot-metrics.ts";

/** What makes a scene hard. */
export interface SceneOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly fps: number;
  /** How many people and cyclists come in a minute. */
  readonly perMinute: number;
  /** Share of detections that are missed for no reason. */
  readonly missed: number;
  /** False detections per frame. */
  readonly invented: number;
  /** Standard deviation of boxes' edges, in heights. */
  readonly noise: number;
  /** How far the camera shakes, in pixels. */
  readonly shakePx: number;
}

/** One frame of a scene: exact truth, and what a detector of the usual quality would report. */
export interface SceneFrame {
  readonly ptsUs: MediaTimeUs;
  readonly truth: readonly Identified[];
  readonly detections: readonly Detection[];
}

/** Size of the scene's picture in pixels. */
export const SCENE_SIZE = { width: 1280, height: 720 } as const;

/** Scenes of rising difficulty. */
export const SCENES = {
  calm: { perMinute: 20, missed: 0.01, invented: 0.01, noise: 0.01, shakePx: 0 },
  street: { perMinute: 45, missed: 0.05, invented: 0.1, noise: 0.02, shakePx: 2 },
  crowd: { perMinute: 110, missed: 0.1, invented: 0.2, noise: 0.03, shakePx: 4 },
} as const satisfies Record<string, Omit<SceneOptions, "seed" | "seconds" | "fps">>;

interface Walker {
  readonly id: number;
  readonly label: "person" | "bicycle";
  readonly startS: number;
  readonly fromLeft: boolean;
  /** Feet of its path, as shares of the height, at the start and at the end. */
  readonly lanes: readonly [number, number];
  /** Heights per second. */
  readonly pace: number;
  readonly pauseAt: number;
  readonly pauseS: number;
  readonly phase: number;
  /** What an `embed` model would make of it, without noise. */
  readonly look: readonly number[];
}

/** Directions of the space that looks lie in, and how much everybody has in common: strangers are about 0.7 alike. */
const LOOK_LENGTH = 32;
const LOOK_IN_COMMON = 1.5;

/** A pillar that hides whoever walks behind it. */
const PILLAR = { box: [700, 180, 745, 560] as Box, feet: 560 };
/** Less of a box than this to be seen: nobody could find it. */
const HIDDEN = 0.3;
const HALF_HIDDEN = 0.65;

/**
 * A generated street: people and cyclists who cross in front of one another, stop, pass behind a pillar and one another,
 * seen by a detector that misses, invents and shivers, on a camera that shakes. Pure: one seed, one scene. The
 * same seed at another frame rate is the same street, watched less often.
 */
export function generateScene(options: SceneOptions): readonly SceneFrame[] {
  const random = createRandom(options.seed);
  const walkers = createWalkers(options, random);
  const noise = createRandom(options.seed * 31 + options.fps);
  const frames = Math.round(options.seconds * options.fps);
  return Array.from({ length: frames }, (_, i): SceneFrame => {
    const seconds = i / options.fps;
    const [dx, dy] = shakeAt(seconds, options);
    const present = walkers.flatMap((walker) => {
      const box = boxOf(walker, seconds);
      return box === undefined ? [] : [{ walker, box: moved(box, dx, dy) }];
    });
    const pillar = moved(PILLAR.box, dx, dy);
    const seen = present.map(({ walker, box }) => {
      const inFront = present.filter((other) => other.box[3] > box[3]).map((other) => other.box);
      return { walker, box, visible: visibleShare(box, PILLAR.feet + dy > box[3] ? [...inFront, pillar] : inFront) };
    });
    return {
      ptsUs: mediaTimeUs(Math.round(seconds * 1e6)),
      truth: seen.map(({ walker, box, visible }) => ({ id: walker.id, label: walker.label, box, isIgnored: visible < HIDDEN })),
      detections: [...seen.flatMap((each) => detect(each, options, noise)), ...invent(options, noise)],
    };
  });
}

function createWalkers(options: SceneOptions, random: () => number): readonly Walker[] {
  const count = Math.round((options.perMinute * options.seconds) / 60);
  return Array.from({ length: count }, (_, i): Walker => {
    const isCyclist = random() < 0.15;
    return {
      id: i + 1,
      label: isCyclist ? "bicycle" : "person",
      // Some are there from the beginning.
      startS: random() * options.seconds - 6,
      fromLeft: random() < 0.5,
      lanes: [0.5 + random() * 0.45, 0.5 + random() * 0.45],
      pace: isCyclist ? 1.8 + random() : 0.6 + random() * 0.4,
      pauseAt: 0.2 + random() * 0.6,
      pauseS: !isCyclist && random() < 0.3 ? 1 + random() * 4 : 0,
      phase: random() * 6.28,
      look: Array.from({ length: LOOK_LENGTH }, (_, k) => (k === 0 ? LOOK_IN_COMMON * Math.sqrt(LOOK_LENGTH) : gauss(random))),
    };
  });
}

/** Where somebody is; undefined before and after. */
function boxOf(walker: Walker, seconds: number): Box | undefined {
  const { width, height } = SCENE_SIZE;
  const heightAt = (lane: number): number => height * (0.12 + (lane - 0.5) * 0.75);
  const [from, to] = walker.lanes;
  // At a steady pace on the ground, speed on the picture goes with height: crossing takes this long.
  const crossingS = width / (walker.pace * heightAt((from + to) / 2));
  const beforePause = walker.pauseAt * crossingS;
  const since = seconds - walker.startS;
  const walked = since < beforePause ? since : Math.max(beforePause, since - walker.pauseS);
  const share = walked / crossingS;
  if (share < 0 || share > 1) {
    return undefined;
  }
  const isWalking = walked === since || walked > beforePause;
  const lane = from + (to - from) * share;
  const tall = heightAt(lane) * (walker.label === "bicycle" ? 0.9 : 1);
  const wide = tall * (walker.label === "bicycle" ? 0.9 : 0.36 + (isWalking ? 0.06 * Math.sin(walked * 11 + walker.phase) : 0));
  const x = (walker.fromLeft ? share : 1 - share) * width;
  const y = lane * height + 0.01 * tall * Math.sin(walked * 11 + walker.phase);
  return [x - wide / 2, y - tall, x + wide / 2, y];
}

function detect({ walker, box, visible }: { walker: Walker; box: Box; visible: number }, options: SceneOptions, noise: () => number): readonly Detection[] {
  const isMissed = noise() < options.missed;
  const tall = box[3] - box[1];
  const shiver = (): number => gauss(noise) * options.noise * tall;
  const seenBox: Box = [box[0] + shiver(), box[1] + shiver(), box[2] + shiver(), box[3] + shiver()];
  const sureness = noise();
  if (isMissed || visible < HIDDEN) {
    return [];
  }
  const score = visible < HALF_HIDDEN ? 0.1 + 0.4 * sureness : 0.45 + 0.5 * sureness;
  // Whoever is partly covered looks less like himself.
  const blur = 0.25 + (1 - visible);
  const embedding = Float32Array.from(walker.look, (value) => value + blur * gauss(noise));
  return [{ label: walker.label, classId: walker.label === "person" ? 0 : 1, score, box: seenBox, embedding }];
}

function invent(options: SceneOptions, noise: () => number): readonly Detection[] {
  if (noise() >= options.invented) {
    return [];
  }
  const x = noise() * SCENE_SIZE.width;
  const y = (0.4 + noise() * 0.6) * SCENE_SIZE.height;
  const tall = 40 + noise() * 200;
  return [{ label: "person", classId: 0, score: 0.1 + noise() * 0.6, box: [x - tall / 5, y - tall, x + tall / 5, y] }];
}

/** How much of a box is not covered, by a grid of points. */
function visibleShare(box: Box, covers: readonly Box[]): number {
  const near = covers.filter((cover) => cover[0] < box[2] && cover[2] > box[0] && cover[1] < box[3] && cover[3] > box[1]);
  let seen = 0;
  for (let column = 0; column < 8; column++) {
    for (let row = 0; row < 16; row++) {
      const x = box[0] + ((column + 0.5) / 8) * (box[2] - box[0]);
      const y = box[1] + ((row + 0.5) / 16) * (box[3] - box[1]);
      const isCovered = near.some((cover) => x > cover[0] && x < cover[2] && y > cover[1] && y < cover[3]);
      const isOutside = x < 0 || x > SCENE_SIZE.width || y < 0 || y > SCENE_SIZE.height;
      seen += isCovered || isOutside ? 0 : 1;
    }
  }
  return seen / 128;
}

/** A mast in the wind, and a lorry that passes every seven seconds. */
function shakeAt(seconds: number, { shakePx, seed }: SceneOptions): readonly [number, number] {
  const sway = Math.sin(seconds * 5 + seed) + 0.5 * Math.sin(seconds * 17 + 2 * seed);
  const lorry = seconds % 7 < 0.5 ? 2 * Math.sin(seconds * 60) : 0;
  return [shakePx * (sway + lorry), shakePx * 0.7 * (Math.cos(seconds * 6 + seed) + lorry)];
}

function moved([x1, y1, x2, y2]: Box, dx: number, dy: number): Box {
  return [x1 + dx, y1 + dy, x2 + dx, y2 + dy];
}

/** Normal deviate (Box and Muller 1958). */
function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Numbers in 0…1 that follow from the seed (Mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
