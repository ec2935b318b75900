import type { YuvPicture } from "../../domain/picture.ts";
import { Backgrounds } from "./backgrounds.ts";
import { castBicycle, paintBicycle } from "./bicycle.ts";
import { Brush } from "./brush.ts";
import { CAMERA, Camera } from "./camera.ts";
import { LAMP_POSTS, SIGNAL_POSTS, TREES } from "./layout.ts";
import { lightAt, type Light } from "./light.ts";
import { Noise } from "./noise.ts";
import { Painter } from "./painter.ts";
import { castPerson, paintPerson, walkingSkeleton } from "./person.ts";
import { Shadows } from "./shadows.ts";
import { paintSignal } from "./signals.ts";
import { castTree, paintLampPost, Street } from "./street.ts";
import { truthOf, type Truth } from "./truth.ts";
import { castVehicle, paintBeams, paintVehicle } from "./vehicle.ts";
import { lengthOf, signalAt, STEP_S, World, type Actor } from "./world.ts";

/** What makes one scene differ from another. */
export interface SceneOptions {
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** Length of the scene's own day in seconds. */
  readonly dayS: number;
  /** Time of day at the start: 0 noon, 0.5 midnight. */
  readonly startPhase: number;
}

/** One frame of the scene. Both are valid until the next one is drawn; the truth is worked out when it is first asked for. */
export interface SceneFrame {
  readonly picture: YuvPicture;
  readonly truth: Truth;
}

/** A thing to paint, and the ground it stands on: what is in front of what follows from that. */
interface Item {
  readonly fromX: number;
  readonly toX: number;
  readonly fromZ: number;
  readonly toZ: number;
  readonly owner: number;
  readonly paint: () => void;
}

/** Seconds between two painted backgrounds; in between they are blended. */
const BACKGROUND_S = 8;
/** Most actors that can own pixels: an owner is one byte. */
const MOST_ACTORS = 250;

/**
 * The demo's street: the same seed and time give the same bytes, always. Forward in time it goes on from where it is;
 * backwards it starts over.
 */
export class Scene {
  readonly options: SceneOptions;
  readonly #camera: Camera;
  readonly #painter: Painter;
  readonly #shadows: Shadows;
  readonly #street: Street;
  readonly #noise: Noise;
  readonly #backgrounds: Backgrounds;
  #world: World;

  constructor(options: SceneOptions) {
    this.options = options;
    this.#camera = new Camera(options.width, options.height);
    this.#painter = new Painter(options.width, options.height);
    this.#shadows = new Shadows(options.width, options.height);
    this.#street = new Street(options.seed);
    this.#noise = new Noise(options.seed);
    this.#world = new World(options.seed);
    this.#backgrounds = new Backgrounds((slot) => this.#paintBackground(slot), TREES.length);
  }

  /** Draws the frame at a time. */
  draw(timeS: number): SceneFrame {
    if (timeS < this.#world.timeS) {
      this.#world = new World(this.options.seed);
    }
    this.#world.advanceTo(timeS);
    const light = this.#lightAt(timeS);
    const painter = this.#painter;
    painter.reset();
    this.#backgrounds.lay(painter, timeS / BACKGROUND_S);
    const brush = new Brush(this.#camera, painter, this.#shadows, light, LAMPS);
    const actors = this.#world.actors.slice(0, MOST_ACTORS).map((actor) => leadOn(actor, timeS - this.#world.timeS));
    this.#castShadows(brush, actors);
    const { owners } = painter;
    for (const actor of actors) {
      if (actor.kind === "vehicle") {
        paintBeams(brush, actor.look, vehiclePose(actor));
      }
    }
    owners.fill(0);
    for (const item of inOrder([...stillItems(brush, this.#backgrounds, timeS), ...actors.map((actor, index) => actorItem(brush, actor, index + 1))])) {
      painter.owner = item.owner;
      item.paint();
    }
    this.#noise.apply(painter, Math.round(timeS * 1000), 1 - light.day);
    const world = this.#world;
    let truth: Truth | undefined;
    return {
      picture: pictureOf(painter),
      get truth() {
        return (truth ??= truthOf(painter, actors, world, timeS));
      },
    };
  }

  #lightAt(timeS: number): Light {
    return lightAt(this.options.startPhase + timeS / this.options.dayS);
  }

  #paintBackground(slot: number): Painter {
    const painter = new Painter(this.options.width, this.options.height);
    this.#street.paint(new Brush(this.#camera, painter, this.#shadows, this.#lightAt(slot * BACKGROUND_S), LAMPS));
    return painter;
  }

  #castShadows(brush: Brush, actors: readonly Actor[]): void {
    const { light } = brush;
    this.#shadows.reset();
    if (light.shadow < 0.01) {
      return;
    }
    for (const tree of TREES) {
      castTree(brush, tree);
    }
    for (const actor of actors) {
      if (actor.kind === "person") {
        castPerson(brush, actor.look, walkingSkeleton(actor.look, actor));
      } else if (actor.kind === "bicycle") {
        castBicycle(brush, actor.look, bicyclePose(actor));
      } else {
        castVehicle(brush, actor.look, vehiclePose(actor));
      }
    }
    this.#shadows.apply(this.#painter, this.#backgrounds.ground, light.shadow);
  }
}

const LAMPS = LAMP_POSTS.map(({ x, z }) => ({ x: x * 0.72, z, reach: 9 }));

/** The picture on the painter's planes: no copy. */
function pictureOf({ width, height, chromaWidth, y, u, v }: Painter): YuvPicture {
  return {
    format: "yuv420p", width, height, fullRange: false,
    planes: [{ data: y, stride: width }, { data: u, stride: chromaWidth }, { data: v, stride: chromaWidth }],
  };
}

/** An actor moved on by the part of a step that the simulation has not done yet. */
function leadOn(actor: Actor, leftS: number): Actor {
  const by = actor.speedMps * Math.min(STEP_S, Math.max(0, leftS));
  return by === 0 ? actor : { ...actor, x: actor.x + Math.sin(actor.headingRad) * by, z: actor.z + Math.cos(actor.headingRad) * by };
}

type Riding = Extract<Actor, { kind: "bicycle" }>;
type Driving = Extract<Actor, { kind: "vehicle" }>;

function bicyclePose(actor: Riding): Parameters<typeof paintBicycle>[3] {
  const { x, z, headingRad, phase, wheelRad, speedMps } = actor;
  return { x, z, headingRad, pedalRad: phase, wheelRad, standing: speedMps < 0.2 };
}

function vehiclePose(actor: Driving): Parameters<typeof paintVehicle>[2] {
  const { x, z, headingRad, phase, braking } = actor;
  return { x, z, headingRad, wheelRad: phase, braking };
}

function actorItem(brush: Brush, actor: Actor, owner: number): Item {
  const { x, z } = actor;
  const halfZ = actor.kind === "person" ? (actor.look.carries === "stroller" ? 0.6 : 0.25) : lengthOf(actor) / 2;
  const halfX = actor.kind === "person" ? halfZ : actor.kind === "bicycle" ? 0.3 : actor.look.widthM / 2;
  const paint = (): void => {
    // What is behind the camera, or right under it, is not in the picture.
    if (brush.camera.depthOf(x, 1, z) < (actor.kind === "person" ? 1.5 : 2.5)) {
      return;
    }
    brush.moveTo(x, z);
    if (actor.kind === "person") {
      paintPerson(brush, actor.look, actor, walkingSkeleton(actor.look, actor));
    } else if (actor.kind === "bicycle") {
      paintBicycle(brush, actor.look, actor.color, bicyclePose(actor));
    } else {
      paintVehicle(brush, actor.look, vehiclePose(actor));
    }
  };
  return { fromX: x - halfX, toX: x + halfX, fromZ: z - halfZ, toZ: z + halfZ, owner, paint };
}

function stillItems(brush: Brush, backgrounds: Backgrounds, timeS: number): Item[] {
  const post = (x: number, z: number, paint: () => void): Item => ({ fromX: x - 0.1, toX: x + 0.1, fromZ: z - 0.1, toZ: z + 0.1, owner: 0, paint });
  const signal = signalAt(timeS);
  return [
    ...TREES.map((tree, index) => post(tree.x, tree.z, () => backgrounds.layTree(brush.painter, index))),
    ...LAMP_POSTS.map((lamp) => post(lamp.x, lamp.z, () => paintLampPost(brush, lamp))),
    ...SIGNAL_POSTS.map((place) => post(place.x, place.z, () => paintSignal(brush, place, signal))),
  ];
}

/** True when `a` can hide `b`: it lies on the camera's side of a plane between the two. */
function hides(a: Item, b: Item): boolean {
  if (a.fromX >= b.toX || b.fromX >= a.toX) {
    const middle = a.fromX >= b.toX ? (a.fromX + b.toX) / 2 : (b.fromX + a.toX) / 2;
    return CAMERA.x > middle === a.fromX >= b.toX;
  }
  // Everything that shows is farther along the street than the camera.
  return a.fromZ + a.toZ < b.fromZ + b.toZ;
}

/** Farthest first. Separating planes are no total order, so: always next whoever hides nobody that is left. */
function inOrder(items: readonly Item[]): Item[] {
  const left = [...items].sort((a, b) => b.fromZ - a.fromZ);
  const out: Item[] = [];
  while (left.length > 0) {
    const index = left.findIndex((item) => !left.some((other) => other !== item && hides(item, other)));
    out.push(...left.splice(Math.max(0, index), 1));
  }
  return out;
}

