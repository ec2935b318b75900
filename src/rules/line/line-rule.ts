import type { LineConfig } from "./config.ts";
import type { RuleContext } from "../../contracts/kinds.ts";
import type { OverlayShape, Rule } from "../../contracts/rule.ts";
import type { RuleEvent } from "../../domain/event.ts";
import type { Detection, Point, Result } from "../../domain/result.ts";
import { EventMaker } from "../event-maker.ts";
import { FramePoints } from "../frame-points.ts";
import { along, between, signedDistance } from "../geometry.ts";
import { createSubject, heightOf, needTracks, pointOf, trackedOf, type Tracked } from "../subject.ts";
import { TrackMemory } from "../track-memory.ts";

/** What is known of one object. */
interface Walker {
  /** The side it was last surely on, beyond the hysteresis: 1 right, −1 left, 0 not known yet. */
  side: -1 | 0 | 1;
  /** Its last place off the line. */
  place: Point;
  distance: number;
  /** Where on the line its path last changed sides: 0…1 is between the ends. */
  crossedAt: number;
}

const COLOR = 0xffc400;

/** Counts objects that cross from one side of a segment to the other, each way. */
export class LineRule implements Rule {
  readonly name: string;
  readonly #config: LineConfig;
  readonly #points: FramePoints;
  readonly #isSubject: (detection: Detection) => boolean;
  readonly #events: EventMaker;
  readonly #walkers: TrackMemory<Walker>;
  readonly #counts = { in: 0, out: 0 };

  constructor(config: LineConfig, context: RuleContext) {
    needTracks(config.name, config.kind, context);
    this.name = config.name;
    this.#config = config;
    this.#points = new FramePoints(config, context);
    this.#isSubject = createSubject(config, context);
    this.#events = new EventMaker(context.stream, config.name);
    this.#walkers = new TrackMemory(config.maxGapS);
  }

  update(result: Result): readonly RuleEvent[] {
    const [a, b] = this.#points.on(result.width, result.height);
    this.#walkers.begin(result.ptsUs);
    if (a === undefined || b === undefined) {
      return [];
    }
    return trackedOf(result.detections, this.#isSubject).flatMap((detection) => this.#see(detection, result, a, b));
  }

  overlay(width: number, height: number): readonly OverlayShape[] {
    const label = `${this.name}  in ${this.#counts.in}  out ${this.#counts.out}`;
    return [{ shape: "line", points: this.#points.on(width, height), color: COLOR, label }];
  }

  #see(detection: Tracked, result: Result, a: Point, b: Point): readonly RuleEvent[] {
    const place = pointOf(detection.box, this.#config.point);
    const distance = signedDistance(place, a, b);
    const walker = this.#walkers.see(detection.trackId, result.ptsUs, () => ({ side: 0, place, distance, crossedAt: -1 }));
    if (distance !== 0) {
      if (walker.distance * distance < 0) {
        const share = walker.distance / (walker.distance - distance);
        walker.crossedAt = along(between(walker.place, place, share), a, b);
      }
      walker.place = place;
      walker.distance = distance;
    }
    const isSure = distance !== 0 && Math.abs(distance) >= this.#config.hysteresis * heightOf(detection.box);
    const side = distance > 0 ? 1 : -1;
    if (!isSure || side === walker.side) {
      return [];
    }
    const hasCrossed = walker.side !== 0 && walker.crossedAt >= 0 && walker.crossedAt <= 1;
    walker.side = side;
    return hasCrossed ? this.#count(side === 1 ? "in" : "out", detection, result) : [];
  }

  #count(direction: "in" | "out", detection: Tracked, result: Result): readonly RuleEvent[] {
    this.#counts[direction] += 1;
    const isWanted = this.#config.directions === "both" || this.#config.directions === direction;
    return isWanted ? [this.#events.make(result, { type: "line.crossed", detection, data: { direction, ...this.#counts } })] : [];
  }
}
