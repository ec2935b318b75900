import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { mediaTimeUs } from "../../domain/time.ts";
import { asset, needsAssets } from "../../../test/support/assets.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import { createMotionState, detectMotion } from "./detect-motion.ts";
import type { MotionState } from "./detect-motion.ts";
import type { MotionRegion } from "./regions.ts";

const WIDTH = 320;
const HEIGHT = 180;

/** Repeatable Gaussian noise (mulberry32, Box–Muller). */
function noiseSource(seed: number): () => number {
  let a = seed;
  const uniform = (): number => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
}

interface Scene {
  readonly light?: (frame: number) => number;
  readonly sigma?: number;
  readonly objects?: (frame: number) => readonly { readonly x: number; readonly y: number; readonly size: number; readonly level: number }[];
}

const wall = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => 90 + 40 * Math.sin((i % WIDTH) / 17) + 25 * Math.cos(Math.floor(i / WIDTH) / 11));
/** Drawn from at a new place each row, which is cheaper than making noise anew. */
const normal = noiseSource(1);
const noiseTable = Float32Array.from({ length: 1 << 17 }, () => normal());

/** A textured wall under some light, with noise and moving squares. */
function* frames(count: number, { light = () => 1, sigma = 3, objects = () => [] }: Scene): Generator<Uint8Array> {
  for (let frame = 0; frame < count; frame++) {
    const levels = Float32Array.from(wall);
    for (const { x, y, size, level } of objects(frame)) {
      for (let row = y; row < y + size; row++) {
        levels.fill(level, row * WIDTH + x, row * WIDTH + x + size);
      }
    }
    const brightness = light(frame);
    const offset = (frame * 48_271) & 0xffff;
    const pixels = new Uint8ClampedArray(WIDTH * HEIGHT);
    for (let i = 0; i < pixels.length; i++) {
      pixels[i] = levels[i]! * brightness + sigma * noiseTable[(i + offset) & 0x1ffff]!;
    }
    yield new Uint8Array(pixels.buffer);
  }
}

function run(scene: Scene, count: number, stepUs = 40_000): MotionRegion[][] {
  const state = createMotionState(WIDTH, HEIGHT);
  return Array.from(frames(count, scene), (pixels, frame) => [...detectMotion(state, pixels, mediaTimeUs(frame * stepUs))]);
}

test("a moving square is found within two pixels once the background has settled", () => {
  const at = (frame: number) => ({ x: 20 + frame * 3, y: 60 + Math.round(frame / 2), size: 24, level: 200 });
  const found = run({ objects: (frame) => (frame < 25 ? [] : [at(frame)]) }, 80);
  for (let frame = 26; frame < 80; frame++) {
    const { x, y, size } = at(frame);
    const [region, ...others] = found[frame]!;
    assert.ok(region !== undefined && others.length === 0, `${found[frame]!.length} regions in frame ${frame}`);
    const off = [region.left - x, region.top - y, region.right - x - size, region.bottom - y - size].map(Math.abs);
    assert.ok(Math.max(...off) <= 2, `frame ${frame} is off by ${String(off)}`);
  }
});

test("two squares are two regions, the larger first", () => {
  const found = run({ objects: (frame) => (frame < 25 ? [] : [{ x: frame * 3, y: 30, size: 16, level: 230 }, { x: 280 - frame * 2, y: 110, size: 40, level: 20 }]) }, 60);
  const last = found.at(-1)!;
  assert.equal(last.length, 2);
  assert.ok(last[0]!.top >= 108 && last[1]!.bottom <= 48);
});

test("noise alone is nothing, weak or strong", () => {
  for (const sigma of [0, 2, 6, 12]) {
    assert.equal(run({ sigma }, 80).flat().length, 0, `noise of ${sigma}`);
  }
});

test("light that changes slowly is nothing", () => {
  // Dusk in ten seconds: far faster than the real one.
  assert.equal(run({ light: (frame) => 1 - frame / 500 }, 250).flat().length, 0);
});

test("a light switched on or off shows in one frame at most", () => {
  for (const factor of [0.5, 0.75, 1.3, 1.6]) {
    const found = run({ light: (frame) => (frame < 40 ? 1 : factor) }, 80);
    const noisy = found.filter((regions) => regions.length > 0).length;
    assert.ok(noisy <= 1, `${noisy} frames at ${factor} times the light`);
  }
});

test("a square is still found right after the light has changed", () => {
  const found = run({ light: (frame) => (frame < 40 ? 1 : 0.7), objects: (frame) => (frame < 45 ? [] : [{ x: frame * 3, y: 60, size: 24, level: 240 }]) }, 60);
  assert.equal(found[50]!.length, 1);
});

test("a cut to another scene is not motion", () => {
  const state = createMotionState(WIDTH, HEIGHT);
  const found: number[] = [];
  for (let frame = 0; frame < 80; frame++) {
    const pixels = new Uint8ClampedArray(WIDTH * HEIGHT);
    for (let i = 0; i < pixels.length; i++) {
      const x = i % WIDTH;
      pixels[i] = (frame < 40 ? x % 200 : 255 - ((x * 7) % 250)) + 2 * noiseTable[(i + frame * 997) & 0x1ffff]!;
    }
    found.push(detectMotion(state, new Uint8Array(pixels.buffer), mediaTimeUs(frame * 40_000)).length);
  }
  assert.ok(found.filter((count) => count > 0).length <= 1, String(found));
});

test("what has come to rest fades into the background", () => {
  const found = run({ objects: (frame) => (frame < 25 ? [] : [{ x: Math.min(200, frame * 3), y: 60, size: 24, level: 200 }]) }, 300, 200_000);
  assert.equal(found[70]!.length, 1);
  assert.equal(found.at(-1)!.length, 0);
});

test("a picture of another kind of size, time that jumps and repeats: nothing breaks", () => {
  const state = createMotionState(7, 3);
  for (const us of [0, 0, -5, 1e15, 3, 3, 40_000]) {
    assert.deepEqual(detectMotion(state, new Uint8Array(21).fill(us % 200), mediaTimeUs(us)), []);
  }
});

test("the car clip: cars are found while there are some, hardly anything else", { skip: needsAssets.skip || needsPrograms("ffmpeg").skip }, () => {
  const file = asset("media/intel-sample-videos/car-detection.mp4");
  const raw = execFileSync("ffmpeg", ["-v", "error", "-i", file, "-vf", `scale=${WIDTH}:${HEIGHT}`, "-f", "rawvideo", "-pix_fmt", "gray", "-"], { maxBuffer: 1 << 28 });
  const state: MotionState = createMotionState(WIDTH, HEIGHT);
  const size = WIDTH * HEIGHT;
  const found: number[] = [];
  let largest = 0;
  for (let frame = 0; frame * size < raw.length; frame++) {
    const regions = detectMotion(state, raw.subarray(frame * size, (frame + 1) * size), mediaTimeUs(frame * 80_000));
    found.push(regions.length);
    largest = Math.max(largest, ...regions.map(({ left, right, top, bottom }) => ((right - left) * (bottom - top)) / size));
  }
  const share = found.filter((count) => count > 0).length / found.length;
  assert.ok(share > 0.3 && share < 1, `something moves in ${Math.round(share * 100)} % of the frames`);
  assert.ok(Math.max(...found) <= 8, `${Math.max(...found)} regions at once`);
  assert.ok(largest < 0.65, `a region of ${Math.round(largest * 100)} % of the picture`);
});
