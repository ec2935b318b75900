import { wallTimeMs } from "../domain/time.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { WallTimeMs } from "../domain/time.ts";

/** Steps of the wall clock larger than this are jumps; smaller ones are a clock being trimmed. */
const JUMP_MS = 60_000;
/** 2020-01-01: a clock that says less has not been set yet (machines without a battery boot in 1970). */
const UNSET_BEFORE_MS = Date.UTC(2020, 0, 1);

/**
 * Wall-clock time that goes on evenly when the clock jumps: what is kept for a while must not be thrown away because
 * somebody set the clock. A clock that only now shows a believable time is believed.
 */
export class SteadyTime {
  readonly #clock: Clock;
  readonly #log: Logger;
  #startWallMs: number;
  #startMonotonicMs: number;
  #toldOffsetMs = 0;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#startWallMs = clock.now();
    this.#startMonotonicMs = clock.monotonicMs();
  }

  /** For ages only. What people read is stamped with the clock itself. */
  now(): WallTimeMs {
    const wallMs = this.#clock.now();
    const evenMs = this.#startWallMs + this.#clock.monotonicMs() - this.#startMonotonicMs;
    const offsetMs = wallMs - evenMs;
    if (Math.abs(offsetMs - this.#toldOffsetMs) > JUMP_MS) {
      this.#log.warn(`the clock jumped by ${Math.round((offsetMs - this.#toldOffsetMs) / 1000)} s; ages of kept events go on evenly`);
      this.#toldOffsetMs = offsetMs;
      if (evenMs < UNSET_BEFORE_MS && wallMs >= UNSET_BEFORE_MS) {
        this.#startWallMs = wallMs;
        this.#startMonotonicMs = this.#clock.monotonicMs();
        this.#toldOffsetMs = 0;
        return wallTimeMs(wallMs);
      }
    }
    return wallTimeMs(evenMs);
  }
}
