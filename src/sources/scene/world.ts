import { createPersonLook, type PersonLook } from "./person.ts";
import type { Rgb } from "./painter.ts";
import { createRandom, type Random } from "./random.ts";
import { createVehicleLook, type VehicleLook } from "./vehicle.ts";
import { COUNTING_X, LANES, WAITING_SPOTS, ZEBRA, type Lane } from "./layout.ts";

/** What the lights at the crossing show. */
export interface Signal {
  readonly cars: "green" | "amber" | "red";
  readonly walkers: "green" | "red";
  /** Seconds until walkers must not start any more; 0 while they may not. */
  readonly walkLeftS: number;
  /** Seconds since walkers may go; 0 while they may not. */
  readonly walkingS: number;
}

interface Moving {
  readonly id: number;
  x: number;
  z: number;
  headingRad: number;
  speedMps: number;
  /** Walking cycle, pedals or wheels, in radians. */
  phase: number;
}

/** Somebody on foot. */
export interface Walker extends Moving {
  readonly kind: "person";
  readonly look: PersonLook;
  readonly paceMps: number;
  /** How long it takes to notice that the light is green. */
  readonly reactionS: number;
  /** 0 standing … 1 walking. */
  stride: number;
  /** What is left of the way: next point first. */
  route: Waypoint[];
  /** Index of the waiting spot that is held, -1 for none. */
  spot: number;
  waiting: boolean;
}

/** Somebody on a bicycle. */
export interface Cyclist extends Moving {
  readonly kind: "bicycle";
  readonly look: PersonLook;
  readonly color: Rgb;
  readonly lane: Lane;
  readonly paceMps: number;
  wheelRad: number;
}

/** A car, van or bus. */
export interface Driver extends Moving {
  readonly kind: "vehicle";
  readonly look: VehicleLook;
  readonly lane: Lane;
  readonly paceMps: number;
  braking: boolean;
}

/** Somebody or something that moves. */
export type Actor = Walker | Cyclist | Driver;

interface Waypoint {
  readonly x: number;
  readonly z: number;
  /** Held here until the light is green; the spot belongs to this side. */
  readonly waitSide?: 0 | 1;
}

/** One passage over the counting line, in the street's own terms. */
export interface Crossing {
  readonly id: number;
  readonly kind: Actor["kind"];
  readonly timeS: number;
  /** True from the near to the far pavement. */
  readonly away: boolean;
}

/** Length of one step of the simulation. */
export const STEP_S = 0.02;
/** The street is already busy when the picture starts. */
const WARM_UP_S = 45;
const CYCLE_S = 34;
/** Least time between two people who step onto the crossing from one side. */
const HEADWAY_S = 1.3;

/** The lights at a time. A pure function: everything in the street can look ahead. */
export function signalAt(timeS: number): Signal {
  const t = ((timeS % CYCLE_S) + CYCLE_S) % CYCLE_S;
  if (t < 15) {
    return { cars: "green", walkers: "red", walkLeftS: 0, walkingS: 0 };
  }
  if (t < 17) {
    return { cars: "amber", walkers: "red", walkLeftS: 0, walkingS: 0 };
  }
  const walk = t >= 19 && t < 27;
  return { cars: "red", walkers: walk ? "green" : "red", walkLeftS: walk ? 27 - t : 0, walkingS: walk ? t - 19 : 0 };
}

/** The street's life: repeatable from its seed, step by step. Knows nothing of pictures. */
export class World {
  readonly actors: Actor[] = [];
  readonly crossings: Crossing[] = [];
  #steps = Math.round(-WARM_UP_S / STEP_S);
  #nextId = 1;
  readonly #random: Random;
  readonly #arrivals: { readonly meanS: number; nextS: number; readonly arrive: () => boolean }[];
  readonly #spots = [new Set<number>(), new Set<number>()] as const;
  /** When somebody last stepped onto the crossing, by side. */
  readonly #lastStartS: [number, number] = [-Infinity, -Infinity];

  constructor(seed: number) {
    this.#random = createRandom(seed, 1);
    const every = (meanS: number, arrive: () => boolean): { meanS: number; nextS: number; arrive: () => boolean } => ({
      meanS, nextS: this.timeS + this.#random.between(0, meanS), arrive,
    });
    this.#arrivals = [
      ...LANES.map((lane) => every(lane.meanArrivalS, () => this.#enterLane(lane))),
      every(6.5, () => this.#enterOnFoot(true)),
      every(5, () => this.#enterOnFoot(false)),
    ];
  }

  /** Now, in seconds since the picture started. */
  get timeS(): number {
    return this.#steps * STEP_S;
  }

  /** Runs up to the last whole step before a time. Time never goes back: make a new world for that. */
  advanceTo(timeS: number): void {
    const target = Math.floor(timeS / STEP_S + 1e-6);
    if (target < this.#steps) {
      throw new RangeError(`the world is at ${this.timeS} s already, asked for ${timeS} s`);
    }
    while (this.#steps < target) {
      this.#steps++;
      this.#step();
    }
  }

  #step(): void {
    const now = this.timeS;
    for (const arrival of this.#arrivals) {
      if (now >= arrival.nextS) {
        // Exponential gaps; a lane that is full up to its entrance is tried again soon.
        arrival.nextS = now + (arrival.arrive() ? Math.max(0.8, -arrival.meanS * Math.log(1 - this.#random.next())) : 0.5);
      }
    }
    const signal = signalAt(now);
    for (const actor of this.actors) {
      if (actor.kind === "person") {
        this.#walk(actor, signal);
      } else {
        this.#drive(actor, signal);
      }
    }
    for (let i = this.actors.length - 1; i >= 0; i--) {
      if (hasLeft(this.actors[i] as Actor)) {
        this.actors.splice(i, 1);
      }
    }
  }

  #enterLane(lane: Lane): boolean {
    const entry = lane.direction > 0 ? lane.fromZ : -lane.fromZ;
    for (const other of this.actors) {
      if (other.kind !== "person" && other.lane === lane && other.z * lane.direction - lengthOf(other) / 2 < entry + 9) {
        return false;
      }
    }
    const random = this.#random;
    const common = { id: this.#nextId++, x: lane.x + random.between(-0.18, 0.18), z: lane.fromZ, headingRad: lane.direction > 0 ? 0 : Math.PI, phase: random.between(0, 6), lane };
    if (lane.for === "bicycle") {
      const paceMps = random.between(3.6, 5.4);
      const look = createPersonLook(random);
      this.actors.push({
        ...common, kind: "bicycle", paceMps, speedMps: paceMps, wheelRad: 0,
        look: { ...look, heightM: Math.max(1.55, look.heightM), wears: look.wears === "shorts" ? "shorts" : "trousers", carries: random.pick(["nothing", "nothing", "backpack"]) },
        color: random.pick<Rgb>([[190, 40, 40], [40, 90, 160], [230, 230, 230], [36, 36, 40], [60, 140, 90], [226, 160, 40]]),
      });
    } else {
      const look = createVehicleLook(random);
      const paceMps = random.between(7.5, 10.5) * (look.body === "bus" ? 0.8 : 1);
      this.actors.push({ ...common, kind: "vehicle", paceMps, speedMps: paceMps, look, braking: false });
    }
    return true;
  }

  #enterOnFoot(crosses: boolean): boolean {
    const random = this.#random;
    const side = random.chance(0.5) ? 0 : 1;
    const fromFar = random.chance(side === 0 ? 0.62 : 0.5);
    const laneOf = (where: 0 | 1): number => random.between(7.1, 8.7) * (where === 0 ? 1 : -1);
    const start = { x: laneOf(side), z: fromFar ? 62 : -8 };
    const look = createPersonLook(random);
    const route: Waypoint[] = [];
    if (crosses) {
      const other = side === 0 ? 1 : 0;
      const out = { x: laneOf(other), z: random.chance(0.55) ? 64 : -10 };
      // People keep to the right, here too.
      const middle = (ZEBRA.fromZ + ZEBRA.toZ) / 2;
      const over = side === 0 ? random.between(middle + 0.2, ZEBRA.toZ - 0.2) : random.between(ZEBRA.fromZ + 0.2, middle - 0.2);
      const sign = side === 0 ? 1 : -1;
      route.push({ x: sign * 6, z: over, waitSide: side }, { x: sign * 4.6, z: over }, { x: -sign * 5.2, z: over + random.between(-0.3, 0.3) }, { x: -sign * 6.2, z: over }, out);
    } else {
      route.push({ x: laneOf(side), z: fromFar ? -10 : 64 });
    }
    const paceMps = random.between(1.05, 1.65) * (look.heightM < 1.4 ? 0.85 : 1);
    this.actors.push({
      id: this.#nextId++, kind: "person", look, ...start, headingRad: fromFar ? Math.PI : 0, paceMps, speedMps: paceMps, reactionS: random.between(0.3, 3.4),
      phase: random.between(0, 6), stride: 1, route, spot: -1, waiting: false,
    });
    return true;
  }

  #walk(walker: Walker, signal: Signal): void {
    let next = walker.route[0];
    if (next?.waitSide !== undefined) {
      next = this.#approachKerb(walker, next, next.waitSide, signal);
    }
    if (next === undefined) {
      return;
    }
    const dx = next.x - walker.x;
    const dz = next.z - walker.z;
    const distance = Math.hypot(dx, dz);
    const isSpot = next.waitSide !== undefined;
    const wanted = isSpot ? Math.min(walker.paceMps, Math.max(0, distance - 0.05) * 1.6) : walker.paceMps;
    walker.waiting = isSpot && distance < 0.2;
    walker.speedMps += Math.max(-2.5 * STEP_S, Math.min(1.6 * STEP_S, wanted - walker.speedMps));
    // Who waits looks across the street.
    const towards = walker.waiting ? (next.waitSide === 0 ? -Math.PI / 2 : Math.PI / 2) : Math.atan2(dx, dz);
    walker.headingRad = turnTowards(walker.headingRad, towards, 3.4 * STEP_S);
    const beforeX = walker.x;
    this.#keepApart(walker);
    if (walker.waiting) {
      walker.speedMps = 0;
    } else {
      walker.x += Math.sin(walker.headingRad) * walker.speedMps * STEP_S;
      walker.z += Math.cos(walker.headingRad) * walker.speedMps * STEP_S;
    }
    walker.stride += Math.max(-0.05, Math.min(0.05, Math.min(1, walker.speedMps / 1.3) - walker.stride));
    // One cycle is two steps: stride length grows with height and swing.
    walker.phase += (walker.speedMps * STEP_S * 2 * Math.PI) / (0.84 * walker.look.heightM * Math.max(0.35, walker.stride));
    if (beforeX < COUNTING_X !== walker.x < COUNTING_X) {
      this.crossings.push({ id: walker.id, kind: "person", timeS: this.timeS, away: walker.x < COUNTING_X });
    }
    if (!isSpot && distance < 0.5) {
      walker.route.shift();
    }
  }

  /** Steps aside for whoever is near: nobody walks through anybody. Those who meet head-on both go to their right. */
  #keepApart(walker: Walker): void {
    if (walker.waiting) {
      return;
    }
    const forwardX = Math.sin(walker.headingRad);
    const forwardZ = Math.cos(walker.headingRad);
    for (const other of this.actors) {
      if (other.kind !== "person" || other === walker) {
        continue;
      }
      const dx = other.x - walker.x;
      const dz = other.z - walker.z;
      const distance = Math.hypot(dx, dz);
      const room = roomOf(walker) + roomOf(other);
      if (distance < room) {
        const push = (0.9 * STEP_S * (1 - distance / room)) / Math.max(0.05, distance);
        walker.x -= dx * push;
        walker.z -= dz * push;
      }
      const ahead = dx * forwardX + dz * forwardZ;
      const aside = dx * forwardZ - dz * forwardX;
      const isHeadOn = other.waiting || Math.cos(walker.headingRad - other.headingRad) < -0.3;
      if (isHeadOn && ahead > 0 && ahead < 2.6 && Math.abs(aside) < room) {
        walker.x += forwardZ * 0.4 * STEP_S;
        walker.z -= forwardX * 0.4 * STEP_S;
      }
    }
  }

  /** The way to the kerb: over at once on green, else to a free waiting spot until it turns green. */
  #approachKerb(walker: Walker, kerb: Waypoint, side: 0 | 1, signal: Signal): Waypoint | undefined {
    const toKerb = Math.hypot(kerb.x - walker.x, kerb.z - walker.z);
    const needsS = (10.4 + toKerb) / walker.paceMps;
    // Cars get green 7 s after walkers get red: the last to start must be over by then.
    const mayGo = signal.walkers === "green" && signal.walkingS > (walker.waiting ? walker.reactionS : 0) && needsS < signal.walkLeftS + 7.4;
    // One after the other, as a kerb lets people through: nobody steps out on somebody's heels.
    const isFree = this.timeS - this.#lastStartS[side] > HEADWAY_S;
    if (mayGo && isFree && toKerb < 4) {
      this.#lastStartS[side] = this.timeS;
      this.#leaveSpot(walker, side);
      walker.route.shift();
      return walker.route[0];
    }
    if (toKerb > 5.5) {
      return { x: kerb.x, z: kerb.z };
    }
    if (walker.spot < 0) {
      const taken = this.#spots[side];
      const free = WAITING_SPOTS.findIndex((_, index) => !taken.has(index));
      if (free >= 0) {
        taken.add(free);
        walker.spot = free;
      }
    }
    const spot = WAITING_SPOTS[walker.spot] ?? { x: 7.3, z: kerb.z };
    return { x: side === 0 ? spot.x : -spot.x, z: spot.z, waitSide: side };
  }

  #leaveSpot(walker: Walker, side: 0 | 1): void {
    this.#spots[side].delete(walker.spot);
    walker.spot = -1;
    walker.waiting = false;
  }

  /** Drives on by the acceleration that leader and lights allow. */
  #drive(actor: Driver | Cyclist, signal: Signal): void {
    const acceleration = accelerationOf(actor, this.#roomAhead(actor, signal));
    actor.speedMps = Math.max(0, actor.speedMps + acceleration * STEP_S);
    if (actor.speedMps < 0.03 && acceleration < 0.2) {
      actor.speedMps = 0;
    }
    const wayM = actor.speedMps * STEP_S;
    actor.z += wayM * actor.lane.direction;
    if (actor.kind === "vehicle") {
      actor.braking = acceleration < -0.6 || (actor.speedMps === 0 && acceleration <= 0.1);
      actor.phase -= wayM / 0.34;
    } else {
      actor.phase += wayM / 0.72;
      actor.wheelRad -= wayM / 0.34;
    }
  }

  /** The gap to whoever drives ahead, or to the stop line where that is nearer and must be kept. */
  #roomAhead(actor: Driver | Cyclist, signal: Signal): Room {
    const { lane } = actor;
    const at = actor.z * lane.direction;
    const front = at + lengthOf(actor) / 2;
    let room: Room = { gapM: Infinity, closingMps: 0 };
    for (const other of this.actors) {
      if (other.kind !== "person" && other !== actor && other.lane === lane && other.z * lane.direction > at) {
        const gapM = other.z * lane.direction - lengthOf(other) / 2 - front;
        room = gapM < room.gapM ? { gapM, closingMps: actor.speedMps - other.speedMps } : room;
      }
    }
    const toLineM = lane.stopZ * lane.direction - front;
    const braking = (actor.speedMps * actor.speedMps) / (2 * Math.max(0.1, toLineM));
    // On amber only those stop who still can; on red everyone who has not passed the line.
    const mustStop = signal.cars === "red" || (signal.cars === "amber" && braking < 4);
    return toLineM > -0.3 && toLineM < room.gapM && mustStop ? { gapM: toLineM + 1.2, closingMps: actor.speedMps } : room;
  }
}

/** Free road ahead, and how fast it shrinks. */
interface Room {
  readonly gapM: number;
  readonly closingMps: number;
}

/** Intelligent driver model (Treiber, Hennecke, Helbing 2000), in m/s². */
function accelerationOf(actor: Driver | Cyclist, { gapM, closingMps }: Room): number {
  const most = actor.kind === "bicycle" ? 1.1 : 1.7;
  const comfortable = 2.2;
  const wantedM = 1.6 + actor.speedMps * 1.1 + (actor.speedMps * closingMps) / (2 * Math.sqrt(most * comfortable));
  return Math.max(-7, most * (1 - (actor.speedMps / actor.paceMps) ** 4 - (Math.max(0, wantedM) / Math.max(0.3, gapM)) ** 2));
}

/** Radius of the ground somebody claims, in metres. */
function roomOf(walker: Walker): number {
  return walker.look.carries === "stroller" ? 0.55 : 0.36;
}

/** Length along the lane in metres. */
export function lengthOf(actor: Driver | Cyclist): number {
  return actor.kind === "vehicle" ? actor.look.lengthM : 1.8;
}

function hasLeft(actor: Actor): boolean {
  return actor.kind === "person" ? actor.route.length === 0 : actor.z * actor.lane.direction > actor.lane.toZ * actor.lane.direction;
}

function turnTowards(from: number, to: number, most: number): number {
  let by = (to - from) % (2 * Math.PI);
  by = by > Math.PI ? by - 2 * Math.PI : by < -Math.PI ? by + 2 * Math.PI : by;
  return from + Math.max(-most, Math.min(most, by));
}
