import type { AbsenceConfig } from "./config.ts";
import type { RuleContext } from "../../contracts/kinds.ts";
import type { OverlayShape, Rule } from "../../contracts/rule.ts";
import type { RuleEvent } from "../../domain/event.ts";
import type { Detection, Result } from "../../domain/result.ts";
import type { MediaTimeUs } from "../../domain/time.ts";
import { EventMaker } from "../event-maker.ts";
import { bySureness, createSubject, pointOf } from "../subject.ts";
import { ZoneArea } from "../zone-area.ts";

const PRESENT = 0x00c853;
const ABSENT = 0xff3d00;

/** Notices that nothing is there. Needs no identities. */
export class AbsenceRule implements Rule {
  readonly name: string;
  readonly #config: AbsenceConfig;
  readonly #area: ZoneArea | undefined;
  readonly #isSubject: (detection: Detection) => boolean;
  readonly #events: EventMaker;
  #ptsUs: MediaTimeUs | undefined;
  #absentUs = 0;
  #isTold = false;

  constructor(config: AbsenceConfig, context: RuleContext) {
    this.name = config.name;
    this.#config = config;
    this.#area = config.points === undefined ? undefined : new ZoneArea({ ...config, points: config.points }, context);
    this.#isSubject = createSubject(config, context);
    this.#events = new EventMaker(context.stream, config.name);
  }

  update(result: Result): readonly RuleEvent[] {
    const passedUs = Math.max(0, result.ptsUs - (this.#ptsUs ?? result.ptsUs));
    this.#ptsUs = result.ptsUs;
    this.#absentUs += Math.min(passedUs, this.#config.maxGapS * 1e6);
    const seconds = this.#absentUs / 1e6;
    const seen = this.#find(result);
    if (seen !== undefined) {
      const wasTold = this.#isTold;
      this.#absentUs = 0;
      this.#isTold = false;
      return wasTold ? [this.#events.make(result, { type: "absence.ended", detection: seen, data: { seconds } })] : [];
    }
    if (this.#isTold || seconds < this.#config.afterS) {
      return [];
    }
    this.#isTold = true;
    return [this.#events.make(result, { type: "absence.started", data: { seconds } })];
  }

  overlay(width: number, height: number): readonly OverlayShape[] {
    if (this.#area === undefined) {
      return [];
    }
    const label = this.#isTold ? `${this.name}  absent` : this.name;
    return [{ shape: "polygon", points: this.#area.corners(width, height), color: this.#isTold ? ABSENT : PRESENT, label }];
  }

  /** The surest of what it looks for, the same one in whatever order they come. */
  #find({ detections, width, height }: Result): Detection | undefined {
    const found = (detections ?? []).filter(
      (detection) => this.#isSubject(detection) && (this.#area?.holds(pointOf(detection.box, this.#config.point), width, height) ?? true),
    );
    return found.sort(bySureness)[0];
  }
}
