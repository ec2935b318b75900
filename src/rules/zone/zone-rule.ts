import type { ZoneConfig } from "./config.ts";
import type { RuleContext } from "../../contracts/kinds.ts";
import type { OverlayShape, Rule } from "../../contracts/rule.ts";
import type { RuleEvent } from "../../domain/event.ts";
import type { Detection, Result } from "../../domain/result.ts";
import type { MediaTimeUs } from "../../domain/time.ts";
import { EventMaker, type Happening } from "../event-maker.ts";
import { createSubject, heightOf, needTracks, pointOf, trackedOf, type Tracked } from "../subject.ts";
import { TrackMemory } from "../track-memory.ts";
import { ZoneArea } from "../zone-area.ts";

/** What is known of one object. */
interface Visitor {
  /** Since when it has been inside; undefined outside. */
  sinceUs: MediaTimeUs | undefined;
  hasDwelt: boolean;
  last: Tracked;
  lastUs: MediaTimeUs;
}

const COLOR = 0x00b8d4;
const CROWDED = 0xff3d00;

/** Watches who is inside a polygon. */
export class ZoneRule implements Rule {
  readonly name: string;
  readonly #config: ZoneConfig;
  readonly #area: ZoneArea;
  readonly #isSubject: (detection: Detection) => boolean;
  readonly #events: EventMaker;
  readonly #visitors: TrackMemory<Visitor>;
  #occupancy = 0;
  /** Since when more than the limit are inside. */
  #crowdedUs: MediaTimeUs | undefined;
  #isCrowdTold = false;

  constructor(config: ZoneConfig, context: RuleContext) {
    needTracks(config.name, config.kind, context);
    this.name = config.name;
    this.#config = config;
    this.#area = new ZoneArea(config, context);
    this.#isSubject = createSubject(config, context);
    this.#events = new EventMaker(context.stream, config.name);
    this.#visitors = new TrackMemory(config.lostS);
  }

  update(result: Result): readonly RuleEvent[] {
    const before = this.#occupancy;
    const happenings: Happening[] = [];
    for (const [, visitor] of this.#visitors.begin(result.ptsUs)) {
      if (visitor.sinceUs !== undefined) {
        happenings.push(this.#leave(visitor, visitor.lastUs, "lost"));
      }
    }
    for (const detection of trackedOf(result.detections, this.#isSubject)) {
      happenings.push(...this.#see(detection, result));
    }
    if (this.#occupancy !== before) {
      happenings.push({ type: "zone.occupancy", data: { occupancy: this.#occupancy, before } });
    }
    happenings.push(...this.#crowd(result.ptsUs));
    const told = new Set(this.#config.events.map((event) => `zone.${event}`));
    return happenings.filter(({ type }) => told.has(type.replace("_ended", ""))).map((happening) => this.#events.make(result, happening));
  }

  overlay(width: number, height: number): readonly OverlayShape[] {
    const color = this.#crowdedUs === undefined ? COLOR : CROWDED;
    return [{ shape: "polygon", points: this.#area.corners(width, height), color, label: `${this.name}  ${this.#occupancy}` }];
  }

  #see(detection: Tracked, { ptsUs, width, height }: Result): readonly Happening[] {
    const visitor = this.#visitors.see(detection.trackId, ptsUs, () => ({ sinceUs: undefined, hasDwelt: false, last: detection, lastUs: ptsUs }));
    visitor.last = detection;
    visitor.lastUs = ptsUs;
    const depth = this.#area.depth(pointOf(detection.box, this.#config.point), width, height);
    // A zone shallower than the hysteresis could not be entered: half of its depth will do there.
    const margin = Math.min(this.#config.hysteresis * heightOf(detection.box), this.#area.innerDepth(width, height) / 2);
    if (visitor.sinceUs === undefined) {
      return depth > 0 && depth >= margin ? [this.#enter(visitor, ptsUs)] : [];
    }
    if (depth < 0 && depth <= -margin) {
      return [this.#leave(visitor, ptsUs, "walked")];
    }
    return this.#dwell(visitor, visitor.sinceUs, ptsUs);
  }

  #enter(visitor: Visitor, ptsUs: MediaTimeUs): Happening {
    visitor.sinceUs = ptsUs;
    visitor.hasDwelt = false;
    this.#occupancy += 1;
    return { type: "zone.entered", detection: visitor.last, data: { occupancy: this.#occupancy } };
  }

  #leave(visitor: Visitor, ptsUs: MediaTimeUs, how: "walked" | "lost"): Happening {
    const seconds = (ptsUs - (visitor.sinceUs ?? ptsUs)) / 1e6;
    visitor.sinceUs = undefined;
    this.#occupancy -= 1;
    return { type: "zone.left", detection: visitor.last, data: { occupancy: this.#occupancy, seconds, how } };
  }

  #dwell(visitor: Visitor, sinceUs: MediaTimeUs, ptsUs: MediaTimeUs): readonly Happening[] {
    const seconds = (ptsUs - sinceUs) / 1e6;
    if (this.#config.dwellS === undefined || visitor.hasDwelt || seconds <= this.#config.dwellS) {
      return [];
    }
    visitor.hasDwelt = true;
    return [{ type: "zone.dwell", detection: visitor.last, data: { seconds, occupancy: this.#occupancy } }];
  }

  #crowd(ptsUs: MediaTimeUs): readonly Happening[] {
    const { crowd: limit, crowdForS } = this.#config;
    if (limit === undefined) {
      return [];
    }
    const occupancy = this.#occupancy;
    if (occupancy > limit) {
      this.#crowdedUs ??= ptsUs;
      if (!this.#isCrowdTold && ptsUs - this.#crowdedUs >= crowdForS * 1e6) {
        this.#isCrowdTold = true;
        return [{ type: "zone.crowd", data: { occupancy, limit } }];
      }
      return [];
    }
    const seconds = (ptsUs - (this.#crowdedUs ?? ptsUs)) / 1e6;
    this.#crowdedUs = undefined;
    if (!this.#isCrowdTold) {
      return [];
    }
    this.#isCrowdTold = false;
    return [{ type: "zone.crowd_ended", data: { occupancy, limit, seconds } }];
  }
}
