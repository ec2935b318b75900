import { ball, type Brush } from "./brush.ts";
import { CAMERA, type Point3 } from "./camera.ts";
import { placeAt } from "./person.ts";
import type { Rgb } from "./painter.ts";
import type { Random } from "./random.ts";

/** How a vehicle looks. */
export interface VehicleLook {
  readonly body: "car" | "estate" | "van" | "bus";
  readonly paint: Rgb;
  readonly accent: Rgb;
  readonly lengthM: number;
  readonly widthM: number;
}

/** Where a vehicle is. */
export interface VehiclePose {
  readonly x: number;
  readonly z: number;
  readonly headingRad: number;
  /** How far the wheels have turned. */
  readonly wheelRad: number;
  readonly braking: boolean;
}

const PAINTS: readonly Rgb[] = [
  [196, 200, 204], [232, 232, 228], [40, 42, 48], [92, 98, 106], [150, 30, 34], [34, 66, 122], [58, 92, 84], [206, 170, 60], [116, 132, 150], [168, 92, 46],
];
const GLASS: Rgb = [74, 92, 108];
const TYRE: Rgb = [26, 26, 28];
const RIM: Rgb = [158, 160, 164];

/** A solid with a convex outline seen from the side, as wide as given at each of its corners. */
interface Prism {
  /** Corners from the rear bottom over the top to the front bottom: metres forward, up, half width. */
  readonly outline: readonly (readonly [forward: number, up: number, half: number])[];
  /** Windows and doors on the sides: polygons of metres forward and up. */
  readonly sides: readonly { readonly points: readonly (readonly [number, number])[]; readonly material: Material }[];
  /** What each strip between two corners is made of. */
  readonly strips: readonly Material[];
  readonly side: Material;
}
type Material = "paint" | "accent" | "glass" | "dark";

interface Shape {
  readonly length: number;
  readonly width: number;
  readonly height: number;
  readonly wheels: readonly number[];
  readonly wheelRadius: number;
  /** Height of the lights. */
  readonly lights: number;
  readonly prisms: readonly Prism[];
}

const SHAPES: Record<VehicleLook["body"], Shape> = {
  car: {
    length: 4.2, width: 1.78, height: 1.46, wheels: [-1.3, 1.32], wheelRadius: 0.32, lights: 0.7,
    prisms: [
      {
        outline: [[-2.05, 0.28, 0.85], [-2.1, 0.62, 0.88], [-2.0, 0.96, 0.86], [0.9, 0.98, 0.86], [1.95, 0.82, 0.82], [2.1, 0.6, 0.82], [2.08, 0.28, 0.82]],
        strips: ["paint", "paint", "paint", "paint", "paint", "dark"], side: "paint", sides: [{ points: [[-1.9, 0.3], [2.0, 0.3], [2.0, 0.36], [-1.9, 0.36]], material: "dark" }],
      },
      {
        outline: [[-1.95, 0.94, 0.83], [-1.55, 1.38, 0.64], [-1.3, 1.45, 0.62], [0.05, 1.46, 0.62], [0.25, 1.4, 0.63], [1.05, 0.95, 0.82]],
        strips: ["glass", "paint", "paint", "paint", "glass"], side: "paint",
        sides: [
          { points: [[-1.6, 1.0], [-1.38, 1.36], [-0.62, 1.38], [-0.62, 1.0]], material: "glass" },
          { points: [[-0.52, 1.0], [-0.52, 1.38], [0.1, 1.37], [0.78, 1.0]], material: "glass" },
        ],
      },
    ],
  },
  estate: {
    length: 4.7, width: 1.86, height: 1.62, wheels: [-1.42, 1.46], wheelRadius: 0.35, lights: 0.8,
    prisms: [
      {
        outline: [[-2.3, 0.34, 0.9], [-2.35, 0.7, 0.92], [-2.3, 1.06, 0.9], [1.1, 1.06, 0.9], [2.2, 0.94, 0.86], [2.35, 0.7, 0.86], [2.32, 0.34, 0.86]],
        strips: ["paint", "paint", "paint", "paint", "paint", "dark"], side: "paint", sides: [{ points: [[-2.1, 0.34], [2.2, 0.34], [2.2, 0.44], [-2.1, 0.44]], material: "dark" }],
      },
      {
        outline: [[-2.28, 1.04, 0.87], [-2.05, 1.5, 0.72], [-1.9, 1.6, 0.7], [0.1, 1.62, 0.7], [0.35, 1.54, 0.71], [1.2, 1.04, 0.86]],
        strips: ["glass", "paint", "paint", "paint", "glass"], side: "paint",
        sides: [
          { points: [[-2.02, 1.1], [-1.86, 1.5], [-1.15, 1.52], [-1.15, 1.1]], material: "glass" },
          { points: [[-1.05, 1.1], [-1.05, 1.52], [-0.3, 1.53], [-0.3, 1.1]], material: "glass" },
          { points: [[-0.2, 1.1], [-0.2, 1.53], [0.2, 1.5], [0.92, 1.1]], material: "glass" },
        ],
      },
    ],
  },
  van: {
    length: 5.3, width: 2.02, height: 2.3, wheels: [-1.7, 1.65], wheelRadius: 0.36, lights: 0.85,
    prisms: [
      {
        outline: [[-2.62, 0.36, 0.98], [-2.65, 2.1, 0.96], [-2.5, 2.28, 0.9], [1.0, 2.3, 0.9], [1.35, 2.2, 0.9], [2.1, 1.28, 0.97], [2.55, 1.02, 0.97], [2.62, 0.36, 0.97]],
        strips: ["paint", "paint", "paint", "paint", "glass", "paint", "paint"], side: "paint",
        sides: [
          { points: [[0.75, 1.3], [0.75, 2.02], [1.25, 2.02], [1.85, 1.3]], material: "glass" },
          { points: [[-2.4, 0.95], [0.45, 0.95], [0.45, 1.5], [-2.4, 1.5]], material: "accent" },
          { points: [[-2.5, 0.36], [2.5, 0.36], [2.5, 0.5], [-2.5, 0.5]], material: "dark" },
        ],
      },
    ],
  },
  bus: {
    length: 10.8, width: 2.5, height: 3.0, wheels: [-3.3, 3.3], wheelRadius: 0.48, lights: 0.75,
    prisms: [
      {
        outline: [[-5.35, 0.35, 1.22], [-5.4, 2.85, 1.22], [-5.3, 3.0, 1.16], [5.2, 3.0, 1.16], [5.35, 2.8, 1.2], [5.4, 1.15, 1.22], [5.4, 0.35, 1.22]],
        strips: ["paint", "paint", "paint", "accent", "glass", "paint"], side: "paint",
        sides: [
          { points: [[-5.3, 0.42], [5.3, 0.42], [5.3, 0.85], [-5.3, 0.85]], material: "accent" },
          ...[-4.4, -2.85, -1.3, 0.25, 1.8].map((at) => ({ points: [[at - 0.68, 1.35], [at + 0.68, 1.35], [at + 0.68, 2.45], [at - 0.68, 2.45]] as const, material: "glass" as const })),
          { points: [[2.75, 0.5], [3.75, 0.5], [3.75, 2.45], [2.75, 2.45]], material: "glass" },
          { points: [[4.1, 0.5], [5.1, 0.5], [5.1, 2.45], [4.1, 2.45]], material: "glass" },
        ],
      },
    ],
  },
};

/** A new vehicle. Buses are rare, vans now and then. */
export function createVehicleLook(random: Random): VehicleLook {
  const body = random.pick(["car", "car", "car", "car", "estate", "estate", "estate", "van", "van", "bus"] as const);
  const paint = random.pick(PAINTS);
  const { length, width } = SHAPES[body];
  const bus = random.pick<Rgb>([[206, 52, 46], [232, 186, 48], [42, 112, 168]]);
  return {
    body,
    paint: body === "bus" ? bus : paint,
    accent: body === "bus" ? [238, 236, 228] : random.pick<Rgb>([[230, 230, 226], [224, 140, 40], [60, 120, 180], paint]),
    lengthM: length,
    widthM: width,
  };
}

/** The shadow of a vehicle on the ground. */
export function castVehicle(brush: Brush, look: VehicleLook, pose: VehiclePose): void {
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  for (const { outline } of SHAPES[look.body].prisms) {
    brush.castHull(outline.flatMap(([forward, up, half]) => [place(forward, half, up), place(forward, -half, up)]));
  }
  const { length, width } = SHAPES[look.body];
  brush.shadows.add(
    brush.camera.polygon([place(-length / 2, -width / 2, 0), place(length / 2, -width / 2, 0), place(length / 2, width / 2, 0), place(-length / 2, width / 2, 0)]), 1,
  );
}

/** The light that head lamps throw on the road. Painted before anything that stands on it. */
export function paintBeams(brush: Brush, look: VehicleLook, pose: VehiclePose): void {
  const { lamps } = brush.light;
  if (lamps < 0.05) {
    return;
  }
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  const front = SHAPES[look.body].length / 2;
  for (const [reach, spread] of [[9, 2], [6.5, 1.5], [4.2, 1.05]] as const) {
    brush.shine([place(front, -0.6, 0), place(front + reach, -spread, 0), place(front + reach, spread, 0), place(front, 0.6, 0)], [255, 236, 190], 0.075 * lamps);
  }
}

/** Paints a vehicle: far wheels, solids from below upwards, near wheels, lights. */
export function paintVehicle(brush: Brush, look: VehicleLook, pose: VehiclePose): void {
  const shape = SHAPES[look.body];
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  // The flank that faces the camera: on whose side of the vehicle's axis the camera hangs.
  const near = Math.cos(pose.headingRad) * (CAMERA.x - pose.x) - Math.sin(pose.headingRad) * (CAMERA.z - pose.z) > 0 ? 1 : -1;
  const half = shape.width / 2;
  brush.face([place(-shape.length / 2 + 0.15, -half + 0.1, 0.3), place(shape.length / 2 - 0.15, -half + 0.1, 0.3), place(shape.length / 2 - 0.15, half - 0.1, 0.12), place(-shape.length / 2 + 0.15, half - 0.1, 0.12)], [16, 16, 18]);
  for (const forward of shape.wheels) {
    paintWheel(brush, place, forward, -near * (half - 0.14), shape.wheelRadius, pose.wheelRad, false);
  }
  for (const prism of shape.prisms) {
    paintPrism(brush, look, prism, place);
  }
  for (const forward of shape.wheels) {
    paintWheel(brush, place, forward, near * (half - 0.02), shape.wheelRadius, pose.wheelRad, true);
  }
  paintLights(brush, shape, place, pose.braking);
}

type Place = ReturnType<typeof placeAt>;

function paintWheel(brush: Brush, place: Place, forward: number, right: number, radius: number, turned: number, detailed: boolean): void {
  const ring = (r: number, corners = 14): Point3[] =>
    Array.from({ length: corners }, (_, i) => {
      const angle = turned + (2 * Math.PI * i) / corners;
      return place(forward + r * Math.cos(angle), right, radius + r * Math.sin(angle));
    });
  brush.face(ring(radius), TYRE);
  if (detailed) {
    brush.face(ring(radius * 0.64), RIM, 0.8);
    // Five openings: what shows that it turns.
    for (let i = 0; i < 5; i++) {
      const angle = turned + (2 * Math.PI * i) / 5;
      const at = (r: number, by: number): Point3 => place(forward + r * Math.cos(angle + by), right, radius + r * Math.sin(angle + by));
      brush.face([at(radius * 0.2, 0), at(radius * 0.56, -0.38), at(radius * 0.56, 0.38)], TYRE, 1.6);
    }
  }
}

function colorOf(look: VehicleLook, material: Material): Rgb {
  return material === "paint" ? look.paint : material === "accent" ? look.accent : material === "glass" ? GLASS : [30, 30, 33];
}

function paintPrism(brush: Brush, look: VehicleLook, prism: Prism, place: Place): void {
  const { outline } = prism;
  for (let i = 0; i + 1 < outline.length; i++) {
    const [f0, u0, h0] = outline[i] as (typeof outline)[number];
    const [f1, u1, h1] = outline[i + 1] as (typeof outline)[number];
    const quad = [place(f0, -h0, u0), place(f1, -h1, u1), place(f1, h1, u1), place(f0, h0, u0)];
    const light = facing(brush, quad, place(0, 0, 0.9));
    if (light !== undefined) {
      const material = prism.strips[i] ?? "paint";
      brush.face(quad, colorOf(look, material), material === "glass" ? 0.75 + 0.35 * light : light);
    }
  }
  for (const side of [-1, 1]) {
    const flank = outline.map(([f, u, h]) => place(f, side * h, u));
    const light = facing(brush, [flank[0], flank[1], flank[outline.length - 2], flank[outline.length - 1]] as Point3[], place(0, 0, 0.9));
    if (light === undefined) {
      continue;
    }
    brush.face(flank, colorOf(look, prism.side), light);
    for (const { points, material } of prism.sides) {
      const corners = points.map(([f, u]) => place(f, side * halfAt(outline, u), u));
      brush.face(corners, colorOf(look, material), material === "glass" ? 0.7 + 0.25 * light : light);
      if (material === "glass" && brush.light.lamps > 0.3 && look.body === "bus") {
        brush.shine(corners, [255, 226, 160], 0.75 * brush.light.lamps);
      }
    }
  }
}

/** Half width at a height, between the outline's corners: windows lie on a leaning flank. */
function halfAt(outline: Prism["outline"], up: number): number {
  let below = outline[0] as Prism["outline"][number];
  let above = below;
  for (const corner of outline) {
    below = corner[1] <= up && corner[1] >= below[1] ? corner : below;
    above = corner[1] >= up && (above[1] < up || corner[1] < above[1]) ? corner : above;
  }
  const t = above[1] === below[1] ? 0 : (up - below[1]) / (above[1] - below[1]);
  return below[2] + (above[2] - below[2]) * t;
}

/** How light a flat face is, or undefined when it looks away from the camera. `inside` is a point of the solid. */
function facing(brush: Brush, quad: readonly Point3[], inside: Point3): number | undefined {
  const [a, b, , d] = quad as [Point3, Point3, Point3, Point3];
  const e = [b[0] - a[0], b[1] - a[1], b[2] - a[2]] as const;
  const g = [d[0] - a[0], d[1] - a[1], d[2] - a[2]] as const;
  let n = [e[1] * g[2] - e[2] * g[1], e[2] * g[0] - e[0] * g[2], e[0] * g[1] - e[1] * g[0]] as const;
  const dot = (p: readonly [number, number, number], q: readonly [number, number, number]): number => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  if (dot(n, [a[0] - inside[0], a[1] - inside[1], a[2] - inside[2]]) < 0) {
    n = [-n[0], -n[1], -n[2]];
  }
  if (dot(n, [CAMERA.x - a[0], CAMERA.y - a[1], CAMERA.z - a[2]]) <= 0) {
    return undefined;
  }
  const length = Math.hypot(...n);
  const up = n[1] / length;
  const sun = Math.max(0, dot(n, brush.light.sun) / length);
  return 0.62 + 0.2 * up + 0.34 * sun * brush.light.day + 0.1 * (1 - brush.light.day);
}

function paintLights(brush: Brush, shape: Shape, place: Place, braking: boolean): void {
  const { lamps } = brush.light;
  const end = shape.length / 2;
  const across = shape.width / 2 - 0.28;
  for (const side of [-1, 1]) {
    for (const [forward, isFront] of [[end + 0.01, true], [-end - 0.01, false]] as const) {
      const quad = [place(forward, side * across - 0.17, shape.lights - 0.08), place(forward, side * across + 0.17, shape.lights - 0.08), place(forward, side * across + 0.17, shape.lights + 0.1), place(forward, side * across - 0.17, shape.lights + 0.1)];
      if (facing(brush, quad, place(0, 0, shape.lights)) === undefined) {
        continue;
      }
      const color: Rgb = isFront ? [255, 246, 220] : [braking ? 255 : 190, 30, 26];
      brush.face(quad, isFront ? [214, 218, 222] : [150, 24, 24]);
      brush.shine(quad, color, isFront ? lamps : Math.max(lamps * 0.8, braking ? 0.95 : 0));
      const strength = isFront ? 0.55 * lamps : (braking ? 0.35 : 0.22) * lamps;
      if (strength > 0.03) {
        brush.halo(ball(place(forward, side * across, shape.lights), 0).at, isFront ? 0.75 : 0.45, color, strength);
      }
    }
  }
}
