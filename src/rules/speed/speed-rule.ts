import type { SpeedConfig } from "./config.ts";
import { createHomography, type Homography } from "./homography.ts";
import type { RuleContext } from "../../contracts/kinds.ts";
import type { OverlayShape, Rule } from "../../contracts/rule.ts";
import type { RuleEvent } from "../../domain/event.ts";
import type { Detection, Point, Result } from "../../domain/result.ts";
import type { MediaTimeUs } from "../../domain/time.ts";
import { configError } from "../config-error.ts";
import { EventMaker } from "../event-maker.ts";
import { isConvex } from "../geometry.ts";
import { createSubject, needTracks, pointOf, trackedOf, type Tracked } from "../subject.ts";
import { TrackMemory } from "../track-memory.ts";
import { ZoneArea } from "../zone-area.ts";

/** What is known of one object. */
interface Mover {
  /** Its path on the ground over the window, oldest first. */
  path: { readonly ptsUs: MediaTimeUs; readonly ground: Point }[];
  /** Newest and highest speed, in the configured unit. */
  speed: number | undefined;
  highest: number;
  sum: number;
  measures: number;
  isTooFast: boolean;
  last: Tracked;
  /** Whether it is in the newest result. */
  seenUs: MediaTimeUs;
}

const PER_METRE_PER_SECOND = { "km/h": 3.6, "m/s": 1, mph: 3.6 / 1.609344 } as const;
/** A path must fill this share of the window before a speed is taken from it. */
const ENOUGH_OF_WINDOW = 0.5;
/** Too fast has ended when the speed is this share of the limit. */
const CALM_SHARE = 0.9;
/** Seconds after which an object that is not seen any more has gone. */
const LOST_S = 2;

/** Measures speeds over the ground. */
export class SpeedRule implements Rule {
  readonly name: string;
  readonly #config: SpeedConfig;
  readonly #area: ZoneArea;
  readonly #isSubject: (detection: Detection) => boolean;
  readonly #events: EventMaker;
  readonly #movers = new TrackMemory<Mover>(LOST_S);
  #size = "";
  #homography: Homography | undefined;
  #newestUs: MediaTimeUs | undefined;

  constructor(config: SpeedConfig, context: RuleContext) {
    needTracks(config.name, config.kind, context);
    this.name = config.name;
    this.#config = config;
    this.#area = new ZoneArea(config, context);
    for (const [field, points] of [["points", config.points], ["metres", config.metres]] as const) {
      if (!isConvex(points)) {
        throw configError(config.name, field, "expected four corners in order around, no three of them on one line and none inside the others");
      }
    }
    this.#isSubject = createSubject(config, context);
    this.#events = new EventMaker(context.stream, config.name);
  }

  update(result: Result): readonly RuleEvent[] {
    this.#newestUs = result.ptsUs;
    const homography = this.#ground(result.width, result.height);
    const gone = this.#movers.begin(result.ptsUs).flatMap(([, mover]) => (mover.measures === 0 ? [] : [this.#events.make(result, this.#summary(mover))]));
    if (homography === undefined) {
      return gone;
    }
    const seen = trackedOf(result.detections, this.#isSubject).flatMap((detection) => this.#see(detection, result, homography));
    return [...gone, ...seen];
  }

  overlay(width: number, height: number): readonly OverlayShape[] {
    const texts = this.#movers.states().flatMap((mover): readonly OverlayShape[] => {
      if (mover.speed === undefined || mover.seenUs !== this.#newestUs) {
        return [];
      }
      const [x, y] = pointOf(mover.last.box, this.#config.point);
      const text = `${mover.speed.toFixed(this.#config.unit === "m/s" ? 1 : 0)} ${this.#config.unit}`;
      return [{ shape: "text", x, y, text, color: 0xffffff, background: mover.isTooFast ? 0xd50000 : 0x000000 }];
    });
    return [{ shape: "polygon", points: this.#area.corners(width, height), color: 0xaa00ff, label: this.name }, ...texts];
  }

  #ground(width: number, height: number): Homography | undefined {
    const size = `${width}x${height}`;
    if (size !== this.#size) {
      this.#size = size;
      this.#homography = createHomography(this.#area.corners(width, height), this.#config.metres);
    }
    return this.#homography;
  }

  #see(detection: Tracked, result: Result, homography: Homography): readonly RuleEvent[] {
    const { ptsUs, width, height } = result;
    const mover = this.#movers.see(detection.trackId, ptsUs, () => newMover(detection, ptsUs));
    mover.last = detection;
    mover.seenUs = ptsUs;
    const place = pointOf(detection.box, this.#config.point);
    const isMeasured = !this.#config.onlyInside || this.#area.holds(place, width, height);
    const ground = isMeasured ? homography.toGround(place) : undefined;
    if (ground === undefined) {
      mover.path = [];
      mover.speed = undefined;
      return [];
    }
    const windowUs = this.#config.windowS * 1e6;
    mover.path = [...mover.path.filter((step) => ptsUs - step.ptsUs <= windowUs), { ptsUs, ground }];
    const metresPerS = speedOf(mover.path, windowUs * ENOUGH_OF_WINDOW);
    if (metresPerS === undefined) {
      return [];
    }
    const speed = metresPerS * PER_METRE_PER_SECOND[this.#config.unit];
    mover.speed = speed;
    mover.highest = Math.max(mover.highest, speed);
    mover.sum += speed;
    mover.measures += 1;
    return this.#judge(mover, speed, result);
  }

  #judge(mover: Mover, speed: number, result: Result): readonly RuleEvent[] {
    const { above, unit } = this.#config;
    if (above === undefined) {
      return [];
    }
    if (mover.isTooFast) {
      mover.isTooFast = speed > above * CALM_SHARE;
      return [];
    }
    mover.isTooFast = speed > above;
    return mover.isTooFast ? [this.#events.make(result, { type: "speed.exceeded", detection: mover.last, data: { speed: rounded(speed), above, unit } })] : [];
  }

  #summary(mover: Mover): { type: string; detection: Tracked; data: Record<string, unknown> } {
    const data = { mean: rounded(mover.sum / mover.measures), highest: rounded(mover.highest), unit: this.#config.unit };
    return { type: "speed.measured", detection: mover.last, data };
  }
}

function newMover(last: Tracked, seenUs: MediaTimeUs): Mover {
  return { path: [], speed: undefined, highest: 0, sum: 0, measures: 0, isTooFast: false, last, seenUs };
}

/** Metres per second by the straight line that fits the path best (least squares): jitter of single boxes averages out. */
function speedOf(path: readonly { readonly ptsUs: MediaTimeUs; readonly ground: Point }[], leastUs: number): number | undefined {
  const first = path[0];
  const last = path.at(-1);
  if (first === undefined || last === undefined || path.length < 2 || last.ptsUs - first.ptsUs < leastUs) {
    return undefined;
  }
  const steps = path.map(({ ptsUs, ground: [x, y] }) => ({ t: (ptsUs - first.ptsUs) / 1e6, x, y }));
  const mean = (of: (step: { t: number; x: number; y: number }) => number): number => steps.reduce((sum, step) => sum + of(step), 0) / steps.length;
  const t = mean((step) => step.t);
  const spread = mean((step) => (step.t - t) ** 2);
  const vx = mean((step) => (step.t - t) * step.x) / spread;
  const vy = mean((step) => (step.t - t) * step.y) / spread;
  return Math.hypot(vx, vy);
}

function rounded(speed: number): number {
  return Math.round(speed * 10) / 10;
}
