import { ball, type Brush } from "./brush.ts";
import type { Point3 } from "./camera.ts";
import type { Rgb } from "./painter.ts";
import { paintPerson, placeAt, castPerson, type PersonLook, type Skeleton } from "./person.ts";

/** Where a bicycle is. */
export interface BicyclePose {
  readonly x: number;
  readonly z: number;
  readonly headingRad: number;
  /** How far the pedals have turned. */
  readonly pedalRad: number;
  readonly wheelRad: number;
  /** True while waiting: a foot on the ground. */
  readonly standing: boolean;
}

const WHEEL_M = 0.34;
const HUBS = [-0.5, 0.54] as const;
const CRANK = { forward: -0.05, up: 0.29, length: 0.165 } as const;

/** The rider's joints: hands on the bar, feet on the pedals, knees where thigh and shin meet. */
function riderSkeleton(look: PersonLook, pose: BicyclePose): Skeleton {
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  const h = Math.max(1.5, look.heightM);
  const seat: [number, number] = [-0.27, 0.98];
  const leg = (index: 0 | 1): { knee: [number, number]; foot: [number, number] } => {
    const angle = pose.pedalRad + index * Math.PI;
    const foot: [number, number] =
      pose.standing && index === 1 ? [0.02, 0.06] : [CRANK.forward + CRANK.length * Math.sin(angle), CRANK.up + 0.05 + CRANK.length * Math.cos(angle)];
    const thigh = 0.255 * h;
    const shin = 0.25 * h;
    const dx = foot[0] - seat[0];
    const dy = foot[1] - seat[1];
    const reach = Math.min(thigh + shin - 0.01, Math.hypot(dx, dy));
    // Law of cosines; the knee points forward.
    const bend = Math.acos((thigh * thigh + reach * reach - shin * shin) / (2 * thigh * reach));
    const along = Math.atan2(dy, dx) + bend;
    return { knee: [seat[0] + thigh * Math.cos(along), seat[1] + thigh * Math.sin(along)], foot };
  };
  const legs = [leg(0), leg(1)] as const;
  const side = (index: 0 | 1): number => (index === 0 ? -1 : 1);
  const both = (make: (index: 0 | 1) => Point3): readonly [Point3, Point3] => [make(0), make(1)];
  const shoulder: [number, number] = [seat[0] + 0.16 * h, seat[1] + 0.25 * h];
  return {
    head: place(shoulder[0] + 0.05 * h, 0, shoulder[1] + 0.115 * h),
    neck: place(shoulder[0] + 0.015 * h, 0, shoulder[1] + 0.02 * h),
    hip: place(seat[0], 0, seat[1]),
    shoulders: both((i) => place(shoulder[0], 0.1 * h * side(i), shoulder[1])),
    hips: both((i) => place(seat[0], 0.06 * h * side(i), seat[1])),
    elbows: both((i) => place(0.2, 0.24 * side(i), 1.16)),
    hands: both((i) => place(0.42, 0.25 * side(i), 1.03)),
    knees: both((i) => place(legs[i].knee[0], 0.1 * side(i), legs[i].knee[1])),
    feet: both((i) => place(legs[i].foot[0] - 0.03, (pose.standing && i === 1 ? 0.24 : 0.11) * side(i), legs[i].foot[1])),
    toes: both((i) => place(legs[i].foot[0] + 0.1, (pose.standing && i === 1 ? 0.24 : 0.11) * side(i), legs[i].foot[1] - 0.02)),
  };
}

/** The shadow of bicycle and rider. */
export function castBicycle(brush: Brush, look: PersonLook, pose: BicyclePose): void {
  castPerson(brush, look, riderSkeleton(look, pose));
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  for (const hub of HUBS) {
    brush.castHull(circle(place, hub, WHEEL_M));
  }
}

/** Paints bicycle and rider. `color` is the frame's. */
export function paintBicycle(brush: Brush, look: PersonLook, color: Rgb, pose: BicyclePose): void {
  const place = placeAt(pose.x, pose.z, pose.headingRad);
  const body = riderSkeleton(look, pose);
  const bar = (a: Point3, b: Point3, radius: number, paint: Rgb, factor = 1): void => brush.limb(ball(a, radius), ball(b, radius), paint, factor);
  for (const hub of HUBS) {
    paintWheel(brush, place, hub, pose.wheelRad);
  }
  const [rear, front] = HUBS;
  const crank = place(CRANK.forward, 0, CRANK.up);
  const seat = place(-0.24, 0, 0.86);
  const head = place(0.4, 0, 0.88);
  bar(place(rear, 0, WHEEL_M), crank, 0.018, color);
  bar(place(rear, 0, WHEEL_M), place(-0.2, 0, 0.78), 0.015, color);
  bar(crank, seat, 0.022, color);
  bar(crank, place(0.42, 0, 0.72), 0.024, color);
  bar(place(-0.2, 0, 0.78), head, 0.022, color);
  bar(head, place(front, 0, WHEEL_M), 0.02, color, 0.85);
  bar(head, place(0.38, 0, 1.0), 0.018, [44, 44, 48]);
  bar(place(0.4, -0.26, 1.02), place(0.4, 0.26, 1.02), 0.018, [44, 44, 48]);
  bar(place(-0.36, 0, 0.92), place(-0.12, 0, 0.9), 0.045, [34, 30, 28]);
  for (const i of [0, 1]) {
    const angle = pose.pedalRad + i * Math.PI;
    bar(crank, place(CRANK.forward + CRANK.length * Math.sin(angle), i === 0 ? -0.09 : 0.09, CRANK.up + CRANK.length * Math.cos(angle)), 0.016, [120, 122, 126]);
  }
  paintPerson(brush, look, { x: pose.x, z: pose.z, headingRad: pose.headingRad, phase: 0 }, body);
  const { lamps } = brush.light;
  if (lamps > 0.1) {
    brush.halo(place(0.6, 0, 0.86), 0.4, [255, 250, 230], 0.6 * lamps);
    brush.halo(place(-0.6, 0, 0.7), 0.25, [255, 40, 30], 0.4 * lamps);
  }
}

function circle(place: ReturnType<typeof placeAt>, hub: number, radius: number, from = 0): Point3[] {
  return Array.from({ length: 16 }, (_, i) => {
    const angle = from + (2 * Math.PI * i) / 16;
    return place(hub + radius * Math.cos(angle), 0, WHEEL_M + radius * Math.sin(angle));
  });
}

function paintWheel(brush: Brush, place: ReturnType<typeof placeAt>, hub: number, turned: number): void {
  const outer = circle(place, hub, WHEEL_M);
  const inner = circle(place, hub, WHEEL_M - 0.045);
  // The space between the spokes: a veil, so that the street shows through.
  brush.face(inner, [150, 150, 150], 0.8, 0.16);
  for (let i = 0; i < outer.length; i++) {
    const j = (i + 1) % outer.length;
    brush.face([outer[i], outer[j], inner[j], inner[i]] as Point3[], [28, 28, 30]);
  }
  for (let i = 0; i < 4; i++) {
    const angle = turned + (Math.PI * i) / 4;
    const reach = WHEEL_M - 0.05;
    const at = (r: number): Point3 => place(hub + r * Math.cos(angle), 0, WHEEL_M + r * Math.sin(angle));
    brush.limb(ball(at(reach), 0.006), ball(at(-reach), 0.006), [150, 152, 156]);
  }
}
