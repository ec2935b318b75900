import type { MediaTimeUs, WallTimeMs } from "./time.ts";
import type { Detection } from "./result.ts";

/** A fact worth telling someone, found by a rule. */
export interface RuleEvent {
  /** Stable: the same results give the same ids. `stream/rule/track/sequence`. */
  readonly id: string;
  readonly stream: string;
  readonly rule: string;
  /** What happened, as `<rule kind>.<what>`: `line.crossed`, `zone.entered`, `zone.dwell`, … */
  readonly type: string;
  readonly ptsUs: MediaTimeUs;
  readonly capturedAtMs: WallTimeMs;
  /** The frame whose result caused it. */
  readonly seq: number;
  /** The object concerned, when there is one. */
  readonly detection?: Detection;
  /** What else is known: direction, counts, seconds, speed. JSON. */
  readonly data: Readonly<Record<string, unknown>>;
}
