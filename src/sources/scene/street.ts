import { ball, type Brush } from "./brush.ts";
import type { Camera, Point3 } from "./camera.ts";
import { FACADE_X, KERB_X, LAMP_POSTS, STREET, TREES, ZEBRA } from "./layout.ts";
import { mix, NOBODY, type Painter, type Rgb } from "./painter.ts";
import { createRandom, hash, type Random } from "./random.ts";
import { ellipse } from "./shapes.ts";

type Tree = (typeof TREES)[number];

interface House {
  readonly fromZ: number;
  readonly toZ: number;
  readonly heightM: number;
  readonly roofM: number;
  readonly wall: Rgb;
  readonly roof: Rgb;
  readonly trim: Rgb;
  readonly shop: boolean;
  readonly awning: Rgb;
  readonly seed: number;
}

const WALLS: readonly Rgb[] = [[206, 178, 142], [188, 112, 88], [226, 214, 190], [164, 172, 170], [214, 190, 120], [150, 88, 72], [196, 204, 210], [222, 176, 150]];
const ROOFS: readonly Rgb[] = [[128, 62, 48], [84, 80, 84], [104, 70, 56], [70, 76, 86]];
const AWNINGS: readonly Rgb[] = [[170, 44, 40], [36, 96, 84], [40, 72, 132], [206, 150, 46], [120, 52, 104]];

/** Owner of the ground's pixels in a background: where shadows fall. */
export const GROUND = 255;
/** Owner of the first tree's pixels in a background; the others follow in the order of the layout, farthest first. */
export const FIRST_TREE = 1;

/** Everything that stands still: sky, houses, trees, road. A function of seed and light. */
export class Street {
  readonly #houses: readonly (readonly House[])[];
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#houses = [createHouses(createRandom(seed, 11)), createHouses(createRandom(seed, 12))];
  }

  /** Paints the whole background. */
  paint(brush: Brush): void {
    brush.moveTo(0, 40);
    // First a ground without gaps: seams between strips must not show what was in the planes before.
    brush.painter.fill([0, 0, brush.camera.width, 0, brush.camera.width, brush.camera.height, 0, brush.camera.height], brush.shade([104, 108, 104]));
    this.#paintSky(brush);
    this.#paintSkyline(brush);
    const { painter } = brush;
    painter.owner = GROUND;
    paintGround(brush);
    painter.owner = NOBODY;
    for (const [index, side] of [-1, 1].entries()) {
      // Farther houses first.
      for (const house of [...(this.#houses[index] ?? [])].reverse()) {
        paintHouse(brush, house, side);
      }
    }
    grain(brush.painter, brush.camera, this.#seed);
    painter.owner = GROUND;
    paintMarkings(brush);
    painter.owner = NOBODY;
    for (const { x, z } of LAMP_POSTS) {
      paintPool(brush, x, z);
    }
    TREES.forEach((tree, index) => {
      painter.owner = FIRST_TREE + index;
      paintTree(brush, tree);
    });
    painter.owner = NOBODY;
  }

  #paintSky({ painter, camera, light }: Brush): void {
    const { width } = camera;
    const horizon = camera.horizonY;
    painter.fillGradient([0, 0, width, 0, width, horizon + 4, 0, horizon + 4], light.skyTop, light.skyBottom, 0, horizon);
    const random = createRandom(this.#seed, 13);
    const scale = camera.height / 540;
    for (let i = 0; i < 9; i++) {
      const cx = random.between(0, width);
      const cy = random.between(0, horizon * 0.7);
      const size = random.between(18, 46) * scale;
      for (let k = 0; k < 5; k++) {
        const x = cx + (k - 2) * size * 0.7;
        painter.fill(ellipse(x, cy + random.between(-2, 2), size * random.between(0.7, 1.2), size * 0.16), mix(light.skyBottom, [255, 255, 255], 0.5 * light.day), 0.2);
      }
    }
    if (light.lamps > 0.6) {
      for (let i = 0; i < 60; i++) {
        const x = random.between(0, width);
        const y = random.between(0, horizon);
        painter.fill(ellipse(x, y, 0.8 * scale), [220, 225, 240], (light.lamps - 0.6) * random.between(0.5, 2));
      }
    }
  }

  #paintSkyline({ painter, camera, light }: Brush): void {
    const random = createRandom(this.#seed, 14);
    const horizon = camera.horizonY;
    const scale = camera.height / 540;
    const far = mix(light.skyBottom, [light.ambient[0] * 120, light.ambient[1] * 130, light.ambient[2] * 145], 0.55);
    for (let x = 0; x < camera.width; ) {
      const wide = random.between(24, 70) * scale;
      const high = random.between(10, 46) * scale;
      painter.fill([x, horizon - high, x + wide, horizon - high, x + wide, horizon + 6, x, horizon + 6], far);
      for (let k = 0; k < 4 && light.lamps > 0.3; k++) {
        const wx = x + random.between(3, Math.max(4, wide - 4));
        const wy = horizon - random.between(3, high);
        painter.fill([wx, wy, wx + 2 * scale, wy, wx + 2 * scale, wy + 2.4 * scale, wx, wy + 2.4 * scale], [255, 214, 140], 0.6 * light.lamps);
      }
      x += wide;
    }
  }
}

function createHouses(random: Random): House[] {
  const houses: House[] = [];
  for (let z: number = STREET.fromZ; z < STREET.toZ; ) {
    const width = random.between(7.5, 12);
    houses.push({
      fromZ: z, toZ: z + width, heightM: random.pick([6.1, 6.6, 7.2, 8.8, 9.4]), roofM: random.between(1.6, 2.8), wall: random.pick(WALLS), roof: random.pick(ROOFS),
      trim: random.pick<Rgb>([[236, 232, 222], [70, 62, 58], [210, 206, 196]]), shop: random.chance(0.6), awning: random.pick(AWNINGS), seed: random.between(0, 1e6),
    });
    z += width + (random.chance(0.16) ? 2.4 : 0);
  }
  return houses;
}

/** A rectangle on a facade: from `z0` to `z1` along the street, `y0` to `y1` up. */
function panel(side: number, z0: number, z1: number, y0: number, y1: number, out = 0): Point3[] {
  const x = side * (FACADE_X - out);
  return [[x, y0, z0], [x, y0, z1], [x, y1, z1], [x, y1, z0]];
}

function paintHouse(brush: Brush, house: House, side: number): void {
  const { fromZ, toZ, heightM, wall, roof, trim } = house;
  const x = side * FACADE_X;
  brush.moveTo(x * 0.8, (fromZ + toZ) / 2);
  const [sx] = brush.light.sun;
  // Facades turned away from the sun are in their own shade by day.
  const factor = sx * side > 0 ? 0.8 : 1;
  const back = side * (FACADE_X + 5);
  brush.face([[x, 0, fromZ], [back, 0, fromZ], [back, heightM, fromZ], [x, heightM, fromZ]], wall, factor * 0.72);
  brush.face([[x, heightM, fromZ], [back, heightM, fromZ], [back, heightM + house.roofM, fromZ]], wall, factor * 0.7);
  brush.face(panel(side, fromZ, toZ, 0, heightM), wall, factor);
  brush.face([[x, heightM, fromZ - 0.2], [x, heightM, toZ + 0.2], [back, heightM + house.roofM, toZ], [back, heightM + house.roofM, fromZ]], roof, factor * 1.15);
  brush.face(panel(side, fromZ - 0.1, toZ + 0.1, heightM - 0.25, heightM + 0.05, 0.25), trim, factor * 0.9);
  brush.face(panel(side, fromZ, toZ, 0, 0.5), wall, factor * 0.6);
  paintWindows(brush, house, side, factor);
  if (house.shop) {
    paintShop(brush, house, side, factor);
  } else {
    paintDoor(brush, house, side, factor);
  }
}

function paintWindows(brush: Brush, house: House, side: number, factor: number): void {
  const random = createRandom(house.seed);
  const { light } = brush;
  const count = Math.max(2, Math.floor((house.toZ - house.fromZ) / 2.3));
  const step = (house.toZ - house.fromZ) / count;
  for (let floor = house.shop ? 1 : 0; floor * 2.9 + 2.6 < house.heightM; floor++) {
    const y = floor * 2.9 + (floor === 0 ? 1.1 : 0.95);
    for (let i = 0; i < count; i++) {
      const z = house.fromZ + (i + 0.5) * step;
      const isLit = random.chance(0.45);
      const warm = random.between(0.75, 1);
      const isDoor = !house.shop && floor === 0 && i === count >> 1;
      if (isDoor) {
        continue;
      }
      brush.face(panel(side, z - 0.62, z + 0.62, y - 0.12, y + 1.62, 0.02), house.trim, factor);
      const glass = mix([58, 70, 84], light.skyBottom, 0.25 * light.day);
      brush.face(panel(side, z - 0.5, z + 0.5, y, y + 1.5, 0.03), glass, factor);
      if (isLit && light.lamps > 0.02) {
        brush.shine(panel(side, z - 0.5, z + 0.5, y, y + 1.5, 0.03), [255 * warm, 206 * warm, 130 * warm], light.lamps * 0.9);
      }
      brush.face(panel(side, z - 0.035, z + 0.035, y, y + 1.5, 0.04), house.trim, factor);
      brush.face(panel(side, z - 0.5, z + 0.5, y + 0.95, y + 1.02, 0.04), house.trim, factor);
      brush.face(panel(side, z - 0.7, z + 0.7, y - 0.2, y - 0.1, 0.15), house.trim, factor * 0.85);
    }
  }
}

function paintDoor(brush: Brush, house: House, side: number, factor: number): void {
  const count = Math.max(2, Math.floor((house.toZ - house.fromZ) / 2.3));
  const z = house.fromZ + ((count >> 1) + 0.5) * ((house.toZ - house.fromZ) / count);
  brush.face(panel(side, z - 0.68, z + 0.68, 0, 2.5, 0.02), house.trim, factor);
  brush.face(panel(side, z - 0.55, z + 0.55, 0.05, 2.35, 0.03), house.awning, factor * 0.7);
  brush.face(panel(side, z - 0.4, z + 0.4, 1.5, 2.2, 0.04), [60, 70, 80], factor);
}

function paintShop(brush: Brush, house: House, side: number, factor: number): void {
  const { light } = brush;
  const from = house.fromZ + 0.5;
  const to = house.toZ - 0.5;
  const door = to - 1.5;
  brush.face(panel(side, from, to, 0.35, 2.35, 0.02), house.awning, factor * 0.55);
  for (const [z0, z1, y0] of [[from + 0.15, (from + door) / 2 - 0.05, 0.6], [(from + door) / 2 + 0.05, door - 0.1, 0.6], [door + 0.1, to - 0.15, 0.1]] as const) {
    brush.face(panel(side, z0, z1, y0, 2.25, 0.03), mix([66, 78, 88], light.skyBottom, 0.2 * light.day), factor);
    brush.shine(panel(side, z0, z1, y0, 2.25, 0.03), [255, 222, 156], 0.1 + 0.72 * light.lamps);
    const random = createRandom(house.seed, Math.round(z0 * 100));
    for (let k = 0; k < 4; k++) {
      const z = random.between(z0, z1 - 0.3);
      brush.face(panel(side, z, z + 0.28, y0, random.between(0.9, 1.5), 0.035), random.pick(AWNINGS), 0.7 + 0.3 * light.lamps);
    }
  }
  brush.face(panel(side, from, to, 2.55, 3.05, 0.06), mix(house.awning, [255, 255, 255], 0.12), factor);
  // Striped awning over the pavement.
  const x0 = side * FACADE_X;
  const x1 = side * (FACADE_X - 0.75);
  const stripes = Math.round((to - from) / 0.55);
  for (let i = 0; i < stripes; i++) {
    const z0 = from + ((to - from) * i) / stripes;
    const z1 = from + ((to - from) * (i + 1)) / stripes;
    brush.face([[x0, 2.6, z0], [x0, 2.6, z1], [x1, 2.28, z1], [x1, 2.28, z0]], i % 2 === 0 ? house.awning : [236, 230, 218], factor * 1.05);
  }
}

function paintGround(brush: Brush): void {
  const { fromZ, toZ } = STREET;
  const strip = (x0: number, x1: number, color: Rgb, y = 0): void => {
    // In pieces, each in the light of its own place.
    for (let z: number = fromZ; z < toZ; ) {
      const next = Math.min(toZ, z + (z < 60 ? 2 : 10));
      brush.moveTo((x0 + x1) / 2, (z + next) / 2);
      brush.face([[x0, y, z], [x1, y, z], [x1, y, next + 0.02], [x0, y, next + 0.02]], color);
      z = next;
    }
  };
  strip(-40, -FACADE_X, [120, 124, 112]);
  strip(FACADE_X, 40, [120, 124, 112]);
  strip(-KERB_X, KERB_X, [88, 90, 95]);
  for (const side of [-1, 1]) {
    strip(side * 3.35, side * KERB_X, [112, 84, 78]);
    strip(side * (KERB_X + 0.22), side * FACADE_X, [168, 160, 148], 0.0);
    strip(side * KERB_X, side * (KERB_X + 0.22), [196, 192, 182]);
  }
  brush.moveTo(7, 15);
  for (const side of [-1, 1]) {
    for (let z = -4; z < 50; z += 1.2) {
      brush.face([[side * (KERB_X + 0.22), 0, z], [side * FACADE_X, 0, z], [side * FACADE_X, 0, z + 0.035], [side * (KERB_X + 0.22), 0, z + 0.035]], [120, 112, 102], 1, 0.55);
    }
    for (const x of [6.4, 7.5, 8.6]) {
      brush.face([[side * x, 0, -4], [side * (x + 0.035), 0, -4], [side * (x + 0.035), 0, 50], [side * x, 0, 50]], [120, 112, 102], 1, 0.5);
    }
    // Lowered kerb with tactile paving at the crossing.
    brush.face([[side * KERB_X, 0, ZEBRA.fromZ], [side * (KERB_X + 0.7), 0, ZEBRA.fromZ], [side * (KERB_X + 0.7), 0, ZEBRA.toZ], [side * KERB_X, 0, ZEBRA.toZ]], [206, 196, 160], 1, 0.7);
  }
}

function paintMarkings(brush: Brush): void {
  const white: Rgb = [226, 226, 222];
  const mark = (x0: number, x1: number, z0: number, z1: number, alpha = 0.85): void => {
    brush.moveTo((x0 + x1) / 2, (z0 + z1) / 2);
    brush.face([[x0, 0, z0], [x1, 0, z0], [x1, 0, z1], [x0, 0, z1]], white, 1, alpha);
  };
  for (let x = -4.6; x < 4.5; x += 1.05) {
    mark(x, x + 0.55, ZEBRA.fromZ, ZEBRA.toZ, 0.9);
  }
  mark(0.1, 3.3, 12.5, 12.85);
  mark(-3.3, -0.1, 20.6, 20.95);
  for (let z = 24; z < 120; z += 5) {
    mark(-0.07, 0.07, z, z + 2.4);
  }
  for (let z = -12; z < 11; z += 5) {
    mark(-0.07, 0.07, z, z + 2.4);
  }
  for (const x of [-3.4, 3.28]) {
    mark(x, x + 0.12, -12, 13.2);
    mark(x, x + 0.12, 20.8, 120);
  }
}

/** The pool of light under a street lamp, on the ground around it. */
function paintPool({ camera, painter, light }: Brush, x: number, z: number): void {
  if (light.lamps < 0.03) {
    return;
  }
  const centre = camera.project(x * 0.72, 0, z);
  const near = camera.project(x * 0.72, 0, z - 5);
  const right = camera.project(x * 0.72 + 6, 0, z);
  const left = camera.project(x * 0.72 - 6, 0, z);
  painter.glow(centre.x, centre.y, Math.max(6, (right.x - left.x) / 2), Math.max(3, near.y - centre.y), [255, 214, 150], 0.2 * light.lamps);
}

/** Fine unevenness of asphalt and plaster, fixed to the picture: keeps large areas from looking painted. */
function grain({ y, width, height }: Painter, camera: Camera, seed: number): void {
  const from = Math.max(0, Math.floor(camera.horizonY * 0.4));
  for (let row = from; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const i = row * width + column;
      const bits = hash(seed, row * 4099 + column);
      const blotch = hash(seed, (row >> 3) * 271 + (column >> 4)) % 5;
      const value = (y[i] as number) * (1 + ((bits % 17) - 8) * 0.0035 + (blotch - 2) * 0.006);
      y[i] = Math.max(16, Math.min(235, value));
    }
  }
}

/** A trunk and a crown of leaves, lighter towards the top and the sun. */
function paintTree(brush: Brush, { x, z, heightM }: Tree): void {
  brush.moveTo(x, z);
  const fork = heightM * 0.56;
  brush.limb(ball([x, 0, z], 0.17), ball([x, fork, z], 0.1), [88, 66, 48]);
  const random = createRandom(Math.round(z * 10), 21);
  for (const turn of [0.4, 2.3, 4.6]) {
    brush.limb(ball([x, fork * 0.94, z], 0.07), ball([x + 0.7 * Math.cos(turn), fork + 0.9, z + 0.7 * Math.sin(turn)], 0.04), [78, 58, 42]);
  }
  const greens: readonly Rgb[] = [[58, 98, 46], [70, 114, 52], [84, 130, 60], [52, 90, 46]];
  const [sx, sy, sz] = brush.light.sun;
  const leaves = Array.from({ length: 110 }, (): { at: Point3; size: number; glow: number; color: Rgb } => {
    const angle = random.between(0, 2 * Math.PI);
    const rise = random.between(-1, 1);
    const out = Math.sqrt(1 - rise * rise) * random.between(0.55, 1);
    const at: Point3 = [x + 1.45 * out * Math.cos(angle), heightM * 0.78 + rise * heightM * 0.21, z + 1.45 * out * Math.sin(angle)];
    return { at, size: random.between(0.2, 0.44), glow: out * (Math.cos(angle) * sx + Math.sin(angle) * sz) + rise * Math.max(0.4, sy), color: random.pick(greens) };
  });
  leaves.sort((a, b) => brush.camera.depthOf(...b.at) - brush.camera.depthOf(...a.at));
  for (const { at, size, glow, color } of leaves) {
    brush.dot(ball(at, size), color, 0.86 + 0.34 * glow);
  }
}

/** The shadow of a tree on the ground. */
export function castTree(brush: Brush, { x, z, heightM }: Tree): void {
  brush.castLimb(ball([x, 0, z], 0.15), ball([x, heightM * 0.6, z], 0.12));
  const random = createRandom(Math.round(z * 10), 22);
  for (let i = 0; i < 8; i++) {
    const at: Point3 = [x + random.between(-0.9, 0.9), heightM * random.between(0.6, 0.95), z + random.between(-0.9, 0.9)];
    brush.castLimb(ball(at, 0.75), ball([at[0] + 0.1, at[1], at[2]], 0.75));
  }
}

/** A street lamp with its arm over the road. */
export function paintLampPost(brush: Brush, { x, z }: (typeof LAMP_POSTS)[number]): void {
  brush.moveTo(x, z);
  const steel: Rgb = [72, 78, 84];
  const head = Math.sign(x) * (Math.abs(x) - 1.5);
  brush.limb(ball([x, 0, z], 0.09), ball([x, 5.6, z], 0.06), steel);
  brush.limb(ball([x, 5.6, z], 0.05), ball([head, 5.85, z], 0.045), steel);
  brush.limb(ball([head, 5.82, z], 0.1), ball([head + Math.sign(x) * 0.45, 5.8, z], 0.1), steel);
  const { lamps } = brush.light;
  if (lamps > 0.02) {
    const glass = brush.disc(ball([head + Math.sign(x) * 0.2, 5.74, z], 0.14));
    brush.painter.fill(ellipse(glass.x, glass.y, glass.r * 1.6, glass.r * 0.7), [255, 238, 196], lamps);
    brush.halo([head, 5.72, z], 1.5, [255, 224, 160], 0.55 * lamps);
  }
}
