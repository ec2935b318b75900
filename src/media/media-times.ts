import { AV_NOPTS_VALUE } from "node-av/constants";
import { Rational } from "node-av/lib";
import type { MediaTimeUs } from "../domain/time.ts";
import { mediaTimeUs } from "../domain/time.ts";

/**
 * The time base that everything behind the demuxer is counted in. Finer than any camera's clock, so that a variable
 * frame rate survives: two pictures never fall onto one tick, and nothing drifts.
 */
export const MICROSECONDS = new Rational(1, 1_000_000);

/** A fraction as node-av's `Rational` holds it. */
export interface TimeBase {
  readonly num: number;
  readonly den: number;
}

/** Converts ticks to microseconds; undefined when FFmpeg does not know the time. */
export function ticksToUs(ticks: bigint, timeBase: TimeBase): MediaTimeUs | undefined {
  if (ticks === AV_NOPTS_VALUE) {
    return undefined;
  }
  // Doubles are exact enough: a day in microseconds is 2^37, so the product errs by far less than half a microsecond.
  return mediaTimeUs(Math.round((Number(ticks) * 1_000_000 * timeBase.num) / timeBase.den));
}

/** Microseconds as the integer that FFmpeg takes in the time base {@link MICROSECONDS}. */
export function usToTicks(us: number): bigint {
  return BigInt(Math.round(us));
}
