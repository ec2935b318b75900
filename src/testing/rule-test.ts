import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { explainDifference, type ExpectedEvent } from "./expected-events.ts";
import { Recording } from "./recording.ts";
import { TrackScript, type Scripted } from "./script.ts";
import { createRules, type RuleConfig } from "../rules/create-rules.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import type { RuleContext } from "../contracts/kinds.ts";
import type { Rule } from "../contracts/rule.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";

/** The rule under test: settings of a built-in kind, or a function that makes the user's own. */
export type RuleUnderTest = RuleConfig | ((context: RuleContext) => Rule);

/** What happens: scripted objects and pictures, all at once, or a recording of results. */
export type Script = Scripted | readonly Scripted[] | Recording;

/** The stream in which it happens. */
export interface RuleTestOptions {
  /** Results per second of the virtual clock. */
  readonly fps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly stream?: string;
  /** The model's labels, for checking the rule's classes. */
  readonly labels?: readonly string[];
  /** Wall-clock time at which the script starts. */
  readonly startsAt?: Date;
}

/** A rule and what happens to it. Nothing runs before {@link events} or {@link expect}. */
export class RuleTest {
  readonly #rule: RuleUnderTest;
  readonly #script: Script;
  readonly #options: Required<Omit<RuleTestOptions, "labels">> & Pick<RuleTestOptions, "labels">;

  constructor(rule: RuleUnderTest, script: Script, options: RuleTestOptions) {
    this.#rule = rule;
    this.#script = script;
    this.#options = { fps: 10, width: 1280, height: 720, stream: "test", startsAt: new Date("2026-01-01T00:00:00Z"), ...options };
  }

  /** The results that the rule is given, oldest first. */
  async results(): Promise<readonly Result[]> {
    const script = this.#script;
    return script instanceof Recording ? script.results() : this.#play(scriptsOf(script));
  }

  /**
   * The events of the rule, oldest first. The rule is made and run twice: it fails when the same results do not give the
   * same events, or when two events share an id, as either breaks replay and delivery.
   */
  async events(): Promise<readonly RuleEvent[]> {
    const results = await this.results();
    const events = this.#run(results);
    const again = this.#run(results);
    if (!isDeepStrictEqual(events, again)) {
      assert.deepEqual(again, events, "the same results gave other events the second time: a rule must depend on results alone");
    }
    const ids = events.map(({ id }) => id);
    const twice = ids.find((id, i) => ids.indexOf(id) !== i);
    assert.equal(twice, undefined, `two events have the id ${twice ?? ""}`);
    return events;
  }

  /** Fails, showing both lists side by side, unless exactly these events come, in this order. */
  async expect(expected: readonly ExpectedEvent[]): Promise<void> {
    const difference = explainDifference(expected, await this.events(), 1.5 / this.#options.fps);
    if (difference !== undefined) {
      assert.fail(difference);
    }
  }

  #run(results: readonly Result[]): readonly RuleEvent[] {
    const { stream, labels, width, height } = this.#options;
    const context: RuleContext = { stream: results[0]?.stream ?? stream, labels, frame: { width: results[0]?.width ?? width, height: results[0]?.height ?? height } };
    const rules = typeof this.#rule === "function" ? [this.#rule(context)] : createRules([this.#rule], context);
    return results.flatMap((result) => rules.flatMap((rule) => rule.update(result)));
  }

  #play(scripts: readonly Scripted[]): readonly Result[] {
    const { fps, width, height, stream, startsAt } = this.#options;
    const frames = Math.floor(Math.max(0, ...scripts.map(({ endS }) => endS)) * fps + 1e-9) + 1;
    return Array.from({ length: frames }, (_, seq): Result => {
      const seconds = seq / fps;
      const detections = scripts.flatMap((script) => script.detectionsAt(seconds, width, height));
      const classes = scripts.flatMap((script) => script.classesAt(seconds)).sort((a, b) => b.score - a.score);
      return {
        stream,
        seq,
        ptsUs: mediaTimeUs(Math.round(seconds * 1e6)),
        capturedAtMs: wallTimeMs(startsAt.getTime() + Math.round(seconds * 1000)),
        width,
        height,
        ...(detections.length > 0 ? { detections } : {}),
        ...(classes.length > 0 ? { classes } : {}),
        timingsMs: {},
        ageMs: 0,
      };
    });
  }
}

/**
 * Tries a rule on a script or a recording, on a virtual clock: hours pass in milliseconds.
 *
 * ```ts
 * const walksIn = track("person").from(0.5, 0.2).to(0.5, 0.9).overSeconds(4);
 * await ruleTest({ kind: "line", name: "door", points: [[0.1, 0.5], [0.9, 0.5]] }, walksIn).expect([{ type: "line.crossed", data: { direction: "in" } }]);
 * ```
 */
export function ruleTest(rule: RuleUnderTest, script: Script, options: RuleTestOptions = {}): RuleTest {
  return new RuleTest(rule, script, options);
}

/** The scripts, with objects numbered from 1 as they are listed. */
function scriptsOf(script: Scripted | readonly Scripted[]): readonly Scripted[] {
  const list: readonly Scripted[] = "endS" in script ? [script] : script;
  return list.map((each, i) => (each instanceof TrackScript ? each.numbered(i + 1) : each));
}
