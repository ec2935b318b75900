import type { AppearConfig } from "./config.ts";
import type { RuleContext } from "../../contracts/kinds.ts";
import type { OverlayShape, Rule } from "../../contracts/rule.ts";
import type { RuleEvent } from "../../domain/event.ts";
import type { Detection, Result } from "../../domain/result.ts";
import type { MediaTimeUs } from "../../domain/time.ts";
import { EventMaker } from "../event-maker.ts";
import { bySureness, createSubject, needTracks } from "../subject.ts";

/** What is known of one class or object. */
interface Sightings {
  /** When it was seen lately, oldest first; kept until it was told of. */
  seenUs: MediaTimeUs[];
  lastUs: MediaTimeUs;
  isTold: boolean;
}

/** Objects unseen for this long are forgotten: their identities do not come again. */
const FORGET_OBJECT_US = 600e6;

/** Notices what is seen for the first time. */
export class AppearRule implements Rule {
  readonly name: string;
  readonly #config: AppearConfig;
  readonly #isSubject: (detection: Detection) => boolean;
  readonly #events: EventMaker;
  readonly #known = new Map<string, Sightings>();

  constructor(config: AppearConfig, context: RuleContext) {
    if (config.each === "object") {
      needTracks(config.name, "rule about every object", context);
    }
    this.name = config.name;
    this.#config = config;
    this.#isSubject = createSubject(config, context);
    this.#events = new EventMaker(context.stream, config.name);
  }

  update(result: Result): readonly RuleEvent[] {
    this.#forget(result.ptsUs);
    const best = new Map<string, Detection>();
    for (const detection of result.detections ?? []) {
      const key = this.#config.each === "class" ? detection.label : detection.trackId?.toString().padStart(16);
      const known = key === undefined ? undefined : best.get(key);
      if (key !== undefined && this.#isSubject(detection) && (known === undefined || bySureness(detection, known) < 0)) {
        best.set(key, detection);
      }
    }
    const ordered = [...best].sort(([a], [b]) => (a < b ? -1 : 1));
    return ordered.flatMap(([key, detection]) => this.#see(key, detection, result));
  }

  overlay(): readonly OverlayShape[] {
    return [];
  }

  #see(key: string, detection: Detection, result: Result): readonly RuleEvent[] {
    const { ptsUs } = result;
    const sightings = this.#known.get(key) ?? { seenUs: [], lastUs: ptsUs, isTold: false };
    this.#known.set(key, sightings);
    sightings.lastUs = ptsUs;
    if (sightings.isTold) {
      return [];
    }
    sightings.seenUs = [...sightings.seenUs.filter((seenUs) => ptsUs - seenUs <= this.#config.withinS * 1e6), ptsUs];
    if (sightings.seenUs.length < this.#config.minFrames) {
      return [];
    }
    sightings.isTold = true;
    sightings.seenUs = [];
    return [this.#events.make(result, { type: "appear.seen", detection, data: { label: detection.label } })];
  }

  #forget(ptsUs: MediaTimeUs): void {
    const againUs = this.#config.againAfterS === undefined ? Infinity : this.#config.againAfterS * 1e6;
    const keepUs = this.#config.each === "class" ? againUs : FORGET_OBJECT_US;
    for (const [key, { lastUs }] of this.#known) {
      if (ptsUs - lastUs > keepUs) {
        this.#known.delete(key);
      }
    }
  }
}
