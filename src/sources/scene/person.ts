import { ball, type Ball, type Brush } from "./brush.ts";
import type { Point3 } from "./camera.ts";
import type { Rgb } from "./painter.ts";
import type { Random } from "./random.ts";

/** How somebody looks: chosen once, kept for life. */
export interface PersonLook {
  readonly heightM: number;
  /** 1 is average. */
  readonly build: number;
  readonly skin: Rgb;
  readonly hair: Rgb;
  readonly top: Rgb;
  readonly bottom: Rgb;
  readonly shoes: Rgb;
  readonly longHair: boolean;
  readonly hat: boolean;
  readonly wears: "trousers" | "skirt" | "coat" | "shorts";
  readonly carries: "nothing" | "bag" | "backpack" | "stroller" | "shopping";
}

/** Where somebody is and what the legs are doing. */
export interface PersonPose {
  readonly x: number;
  readonly z: number;
  /** Direction of walking: 0 is along +z, positive turns towards +x. */
  readonly headingRad: number;
  /** Position in the walking cycle, in radians. */
  readonly phase: number;
  /** 0 standing … 1 walking briskly. */
  readonly stride: number;
}

const SKIN: readonly Rgb[] = [[236, 196, 168], [222, 172, 138], [198, 142, 104], [150, 101, 70], [110, 72, 50], [86, 57, 42]];
const HAIR: readonly Rgb[] = [[38, 28, 22], [66, 44, 30], [108, 72, 42], [158, 116, 66], [196, 190, 184], [24, 22, 24], [132, 58, 34]];
const TOPS: readonly Rgb[] = [
  [178, 44, 48], [36, 74, 138], [232, 228, 218], [48, 52, 58], [222, 168, 52], [64, 122, 84], [130, 70, 128], [212, 112, 62],
  [96, 148, 186], [150, 152, 156], [104, 84, 66], [206, 120, 140], [30, 96, 104], [238, 206, 120],
];
const BOTTOMS: readonly Rgb[] = [[40, 52, 84], [34, 36, 42], [92, 84, 76], [62, 76, 108], [136, 118, 92], [70, 70, 74], [58, 66, 52]];
const SHOES: readonly Rgb[] = [[30, 26, 24], [222, 222, 222], [96, 62, 40], [150, 40, 40]];

/** Somebody new. */
export function createPersonLook(random: Random): PersonLook {
  const child = random.chance(0.1);
  return {
    heightM: child ? random.between(1.1, 1.38) : random.between(1.56, 1.92),
    build: random.between(0.88, 1.22),
    skin: random.pick(SKIN),
    hair: random.pick(HAIR),
    top: random.pick(TOPS),
    bottom: random.pick(BOTTOMS),
    shoes: random.pick(SHOES),
    longHair: random.chance(0.4),
    hat: random.chance(0.12),
    wears: random.pick(["trousers", "trousers", "trousers", "skirt", "coat", "shorts"]),
    carries: child ? random.pick(["nothing", "backpack"]) : random.pick(["nothing", "nothing", "nothing", "bag", "backpack", "shopping", "stroller"]),
  };
}

/** The joints of a body in metres. */
export interface Skeleton {
  readonly head: Point3;
  readonly neck: Point3;
  readonly hip: Point3;
  /** Left, right. */
  readonly shoulders: readonly [Point3, Point3];
  readonly hips: readonly [Point3, Point3];
  readonly elbows: readonly [Point3, Point3];
  readonly hands: readonly [Point3, Point3];
  readonly knees: readonly [Point3, Point3];
  readonly feet: readonly [Point3, Point3];
  readonly toes: readonly [Point3, Point3];
}

/** A place beside somebody: metres forward, to the right and up. */
export function placeAt(x: number, z: number, headingRad: number): (forward: number, right: number, up: number) => Point3 {
  const sin = Math.sin(headingRad);
  const cos = Math.cos(headingRad);
  return (forward, right, up) => [x + forward * sin + right * cos, up, z + forward * cos - right * sin];
}

/** The joints in a walking cycle. */
export function walkingSkeleton(look: PersonLook, pose: PersonPose): Skeleton {
  const h = look.heightM;
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  const swing = 0.46 * pose.stride;
  const leg = (side: number): { knee: [number, number]; foot: [number, number]; tilt: number } => {
    const phase = pose.phase + (side > 0 ? Math.PI : 0);
    const thigh = swing * Math.sin(phase) + 0.06 * pose.stride;
    // The knee bends while the leg comes forward, and gives a little under weight.
    const bend = 0.06 + (1.15 * Math.max(0, Math.cos(phase + 0.25)) + 0.12) * pose.stride * 0.85;
    const knee: [number, number] = [0.245 * h * Math.sin(thigh), -0.245 * h * Math.cos(thigh)];
    const shin = thigh - bend;
    return { knee, foot: [knee[0] + 0.235 * h * Math.sin(shin), knee[1] - 0.235 * h * Math.cos(shin)], tilt: shin };
  };
  const legs = [leg(-1), leg(1)] as const;
  // The lower foot stands on the ground: the body's rise and fall follows from it.
  const hipUp = 0.045 * h - Math.min(legs[0].foot[1], legs[1].foot[1]);
  const lean = 0.03 * h * pose.stride;
  const side = (index: 0 | 1): number => (index === 0 ? -1 : 1);
  const both = (make: (index: 0 | 1) => Point3): readonly [Point3, Point3] => [make(0), make(1)];
  const halfHip = 0.052 * h * look.build;
  const halfShoulder = 0.105 * h * Math.sqrt(look.build);
  const twist = 0.025 * h * pose.stride * Math.sin(pose.phase);
  const pushes = look.carries === "stroller";
  const arm = (index: 0 | 1): { elbow: [number, number]; hand: [number, number] } => {
    const angle = pushes ? 0.35 : 0.05 - 0.8 * swing * Math.sin(pose.phase + (index === 1 ? Math.PI : 0));
    const bend = pushes ? 1.05 : 0.2 + 0.35 * pose.stride;
    const elbow: [number, number] = [0.165 * h * Math.sin(angle), -0.165 * h * Math.cos(angle)];
    return { elbow, hand: [elbow[0] + 0.155 * h * Math.sin(angle + bend), elbow[1] - 0.155 * h * Math.cos(angle + bend)] };
  };
  const arms = [arm(0), arm(1)] as const;
  const shoulderUp = hipUp + 0.285 * h;
  return {
    head: place(lean * 1.5 + 0.012 * h, 0, hipUp + 0.405 * h),
    neck: place(lean * 1.3, 0, hipUp + 0.31 * h),
    hip: place(0, 0, hipUp),
    shoulders: both((i) => place(lean + twist * side(i), halfShoulder * side(i), shoulderUp)),
    hips: both((i) => place(-twist * side(i), halfHip * side(i), hipUp)),
    elbows: both((i) => place(lean + arms[i].elbow[0] + twist * side(i), (halfShoulder + 0.022 * h) * side(i), shoulderUp + arms[i].elbow[1])),
    hands: both((i) => place(lean + arms[i].hand[0] + twist * side(i), (halfShoulder + 0.016 * h) * side(i), shoulderUp + arms[i].hand[1])),
    knees: both((i) => place(legs[i].knee[0], halfHip * side(i), hipUp + legs[i].knee[1])),
    feet: both((i) => place(legs[i].foot[0], halfHip * side(i), hipUp + legs[i].foot[1])),
    toes: both((i) => place(legs[i].foot[0] + 0.085 * h * Math.cos(legs[i].tilt * 0.6), halfHip * side(i) * 1.25, hipUp + legs[i].foot[1] - 0.02 * h + 0.06 * h * Math.sin(legs[i].tilt * 0.6))),
  };
}

/** The shadow of a body on the ground. */
export function castPerson(brush: Brush, look: PersonLook, body: Skeleton): void {
  const h = look.heightM;
  for (const i of [0, 1] as const) {
    brush.castLimb(ball(body.hips[i], 0.05 * h), ball(body.knees[i], 0.04 * h));
    brush.castLimb(ball(body.knees[i], 0.04 * h), ball(body.toes[i], 0.035 * h));
    brush.castLimb(ball(body.shoulders[i], 0.035 * h), ball(body.elbows[i], 0.03 * h));
  }
  brush.castLimb(ball(body.neck, 0.085 * h * look.build), ball(body.hip, 0.075 * h * look.build));
  brush.castLimb(ball(body.head, 0.062 * h), ball(body.neck, 0.04 * h));
}

/** Paints a body, far parts first. */
export function paintPerson(brush: Brush, look: PersonLook, pose: Pick<PersonPose, "x" | "z" | "headingRad" | "phase">, body: Skeleton): void {
  const depthOf = (point: Point3): number => brush.camera.depthOf(...point);
  const parts: { depth: number; paint: () => void }[] = [];
  const part = (at: Point3, paint: () => void, bias = 0): void => {
    parts.push({ depth: depthOf(at) + bias, paint });
  };
  const far = depthOf(body.hips[0]) > depthOf(body.hips[1]) ? 0 : 1;
  for (const i of [0, 1] as const) {
    part(body.knees[i], () => paintLeg(brush, look, body, i, i === far ? 0.8 : 1), i === far ? 0.05 : 0);
    part(body.elbows[i], () => paintArm(brush, look, body, i, i === far ? 0.82 : 1), i === far ? 0.06 : -0.06);
  }
  part(body.hip, () => paintTrunk(brush, look, body), 0);
  part(body.head, () => paintHead(brush, look, pose, body), -0.1);
  paintLoad(brush, look, pose, body, part);
  parts.sort((a, b) => b.depth - a.depth);
  for (const { paint } of parts) {
    paint();
  }
}

function paintLeg(brush: Brush, look: PersonLook, body: Skeleton, i: 0 | 1, factor: number): void {
  const h = look.heightM;
  const wide = h * Math.sqrt(look.build);
  const bare = look.wears === "skirt" || look.wears === "shorts";
  brush.limb(ball(body.feet[i], 0.026 * h), ball(body.toes[i], 0.02 * h), look.shoes, factor);
  brush.limb(ball(body.knees[i], 0.034 * wide), ball(body.feet[i], (bare ? 0.019 : 0.026) * wide), bare ? look.skin : look.bottom, factor * 0.96);
  brush.limb(ball(body.hips[i], 0.052 * wide), ball(body.knees[i], 0.036 * wide), look.bottom, factor);
}

function paintArm(brush: Brush, look: PersonLook, body: Skeleton, i: 0 | 1, factor: number): void {
  const h = look.heightM;
  const sleeve = look.wears === "shorts" ? look.skin : look.top;
  brush.dot(ball(body.hands[i], 0.024 * h), look.skin, factor);
  brush.limb(ball(body.elbows[i], 0.025 * h), ball(body.hands[i], 0.02 * h), sleeve, factor * 0.95);
  brush.limb(ball(body.shoulders[i], 0.034 * h), ball(body.elbows[i], 0.027 * h), look.top, factor);
}

function paintTrunk(brush: Brush, look: PersonLook, body: Skeleton): void {
  const h = look.heightM;
  const wide = h * look.build;
  const chest = body.shoulders.map((at) => ball(at, 0.042 * wide));
  const waist = body.hips.map((at) => ball(at, 0.05 * wide));
  if (look.wears === "skirt" || look.wears === "coat") {
    const drop = look.wears === "skirt" ? 0.17 * h : 0.2 * h;
    const hem = body.hips.map(([x, y, z]) => ball([x, y - drop, z] as const, (look.wears === "skirt" ? 0.078 : 0.066) * wide));
    brush.wrap([...waist, ...hem], look.wears === "skirt" ? look.bottom : look.top, 0.92);
  } else {
    brush.wrap(waist, look.bottom);
  }
  brush.wrap([...chest, ...waist.map(({ at: [x, y, z], radius }) => ball([x, y + 0.03 * h, z] as const, radius * 0.92))], look.top);
  // The side towards the sun catches more light.
  const [sx, , sz] = brush.light.sun;
  const shifted = (balls: readonly Ball[]): Ball[] => balls.map(({ at: [x, y, z], radius }) => ball([x + sx * 0.05 * h, y + 0.02, z + sz * 0.05 * h] as const, radius * 0.6));
  brush.wrap([...shifted(chest), ...shifted(waist)], look.top, 1.28, 0.4 * brush.light.day);
  brush.limb(ball(body.neck, 0.028 * h), ball(body.head, 0.03 * h), look.skin, 0.85);
}

function paintHead(brush: Brush, look: PersonLook, pose: Pick<PersonPose, "headingRad">, body: Skeleton): void {
  const h = 0.62 * look.heightM + 0.66;
  const [x, y, z] = body.head;
  const fx = Math.sin(pose.headingRad);
  const fz = Math.cos(pose.headingRad);
  const skull = ball([x, y, z], 0.062 * h);
  const hair = ball([x - fx * 0.016 * h, y + 0.018 * h, z - fz * 0.016 * h], 0.066 * h);
  const face = ball([x + fx * 0.026 * h, y - 0.008 * h, z + fz * 0.026 * h], 0.052 * h);
  const facing = brush.camera.depthOf(...face.at) < brush.camera.depthOf(...skull.at);
  const locks = (): void => {
    if (look.longHair) {
      brush.wrap([hair, ball([x - fx * 0.035 * h, y - 0.09 * h, z - fz * 0.035 * h], 0.05 * h)], look.hair, 0.95);
    }
  };
  const cap = (): void => {
    brush.dot(hair, look.hat ? look.top : look.hair, 0.95);
  };
  if (facing) {
    locks();
    cap();
    brush.dot(skull, look.skin, 0.92);
    brush.dot(face, look.skin);
    brush.wrap([ball([x - fx * 0.01 * h, y + 0.045 * h, z - fz * 0.01 * h], 0.042 * h), ball([x + fx * 0.02 * h, y + 0.05 * h, z + fz * 0.02 * h], 0.025 * h)], look.hat ? look.top : look.hair);
  } else {
    brush.dot(face, look.skin);
    brush.dot(skull, look.skin, 0.9);
    cap();
    locks();
  }
}

function paintLoad(
  brush: Brush, look: PersonLook, pose: Pick<PersonPose, "x" | "z" | "headingRad" | "phase">, body: Skeleton,
  part: (at: Point3, paint: () => void, bias?: number) => void,
): void {
  const h = look.heightM;
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  if (look.carries === "backpack") {
    const up = body.neck[1];
    const at = place(-0.1 * h, 0, up - 0.12 * h);
    part(at, () => brush.wrap([ball(place(-0.085 * h, 0, up - 0.06 * h), 0.065 * h), ball(place(-0.095 * h, 0, up - 0.2 * h), 0.075 * h)], look.shoes, 0.9), -0.02);
  } else if (look.carries === "bag" || look.carries === "shopping") {
    const [x, y, z] = body.hands[1];
    const size = look.carries === "bag" ? 0.05 : 0.062;
    const color: Rgb = look.carries === "bag" ? [92, 54, 36] : [226, 214, 186];
    part(body.hands[1], () => brush.wrap([ball([x, y - 0.1 * h, z], size * h), ball([x, y - 0.2 * h, z], (size + 0.012) * h)], color), -0.12);
  } else if (look.carries === "stroller") {
    part(place(0.75, 0, 0.5), () => paintStroller(brush, look, place, pose.phase), 0);
  }
}

function paintStroller(brush: Brush, look: PersonLook, place: (forward: number, right: number, up: number) => Point3, phase: number): void {
  const dark: Rgb = [38, 38, 42];
  for (const right of [-0.22, 0.22]) {
    brush.limb(ball(place(0.36, right, 0.98), 0.02), ball(place(0.85, right, 0.3), 0.02), dark);
    for (const forward of [0.58, 1.02]) {
      const hub = place(forward, right, 0.13);
      brush.dot(ball(hub, 0.13), dark);
      brush.dot(ball(hub, 0.075), [150, 152, 156], 0.8 + 0.05 * Math.sin(phase * 3));
    }
  }
  brush.wrap([ball(place(0.62, 0, 0.55), 0.19), ball(place(0.98, 0, 0.5), 0.17), ball(place(0.6, 0, 0.42), 0.16)], look.top, 0.9);
  brush.wrap([ball(place(0.62, 0, 0.78), 0.2), ball(place(0.55, 0, 0.6), 0.18), ball(place(0.8, 0, 0.8), 0.1)], look.bottom);
}
