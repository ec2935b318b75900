import type { ThresholdConfig } from "./config.ts";
import type { RuleContext } from "../../contracts/kinds.ts";
import type { OverlayShape, Rule } from "../../contracts/rule.ts";
import type { RuleEvent } from "../../domain/event.ts";
import type { Result } from "../../domain/result.ts";
import type { MediaTimeUs } from "../../domain/time.ts";
import { configError } from "../config-error.ts";
import { EventMaker } from "../event-maker.ts";
import { checkLabel, toTenThousandths } from "../subject.ts";

/** How far below `above` a mean must fall before it has ended, where nothing is said. */
const USUAL_GAP = 0.1;

/** Watches the score of one class of the whole picture. A class that is not among those reported counts as 0. */
export class ThresholdRule implements Rule {
  readonly name: string;
  readonly #config: ThresholdConfig;
  readonly #below: number;
  readonly #events: EventMaker;
  #window: { readonly ptsUs: MediaTimeUs; readonly score: number }[] = [];
  #sinceUs: MediaTimeUs | undefined;

  constructor(config: ThresholdConfig, context: RuleContext) {
    this.name = config.name;
    this.#config = config;
    this.#below = config.below ?? Math.max(0, rounded(config.above - USUAL_GAP));
    if (this.#below > config.above) {
      throw configError(config.name, "below", `expected at most ${config.above} (above), got ${this.#below}`);
    }
    checkLabel(config.label, config.name, "label", context);
    this.#events = new EventMaker(context.stream, config.name);
  }

  update(result: Result): readonly RuleEvent[] {
    const mean = this.#mean(result);
    if (mean === undefined) {
      return [];
    }
    const { label, above } = this.#config;
    if (this.#sinceUs === undefined && mean >= above) {
      this.#sinceUs = result.ptsUs;
      return [this.#events.make(result, { type: "threshold.exceeded", data: { label, mean: rounded(mean), above } })];
    }
    if (this.#sinceUs !== undefined && mean < this.#below) {
      const seconds = (result.ptsUs - this.#sinceUs) / 1e6;
      this.#sinceUs = undefined;
      return [this.#events.make(result, { type: "threshold.ended", data: { label, mean: rounded(mean), below: this.#below, seconds } })];
    }
    return [];
  }

  overlay(width: number, height: number): readonly OverlayShape[] {
    const isOn = this.#sinceUs !== undefined;
    return isOn ? [{ shape: "text", x: width * 0.02, y: height * 0.06, text: `${this.name}: ${this.#config.label}`, color: 0xffffff, background: 0xd50000 }] : [];
  }

  /** Mean over the window; undefined while the window is not full yet. */
  #mean({ classes, ptsUs }: Result): number | undefined {
    const windowUs = this.#config.windowS * 1e6;
    const newest = this.#window.at(-1);
    if (newest !== undefined && ptsUs < newest.ptsUs) {
      this.#window = [];
    }
    const score = toTenThousandths(classes?.find(({ label }) => label === this.#config.label)?.score ?? 0);
    this.#window.push({ ptsUs, score });
    // The newest result that is a whole window old stays: it is what says that the window is full.
    while (this.#window[1] !== undefined && ptsUs - this.#window[1].ptsUs >= windowUs) {
      this.#window.shift();
    }
    const oldest = this.#window[0];
    if (oldest === undefined || ptsUs - oldest.ptsUs < windowUs) {
      return undefined;
    }
    return this.#window.reduce((sum, sample) => sum + sample.score, 0) / this.#window.length;
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
