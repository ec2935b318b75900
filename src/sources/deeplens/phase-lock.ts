import { mediaTimeUs, wallTimeMs, type MediaTimeUs, type WallTimeMs } from "../../domain/time.ts";

/** When a frame was taken, as near as can be told. */
export interface LockedTime {
  readonly timeUs: MediaTimeUs;
  readonly capturedAtMs: WallTimeMs;
}

/** Frames that come faster than this share of a frame's duration were waiting in the pipe: they are old. */
const STALE = 0.9;

/**
 * Times for frames that come without any. What was waiting in the pipe is passed over; the first fresh keyframe is
 * "now"; from there on each frame lasts what the encoder was set to, moved by half of what the clock says it is off.
 */
export class PhaseLock {
  readonly #frameMs: number;
  #arrivedMs: number | undefined;
  #timeMs: number | undefined;
  #startMs = 0;

  constructor(fps: number) {
    this.#frameMs = 1000 / fps;
  }

  /** The time of the frame that arrived now; undefined for one to pass over. `nowMs`: wall clock. */
  place(nowMs: number, isKeyframe: boolean): LockedTime | undefined {
    const gapMs = this.#arrivedMs === undefined ? 0 : nowMs - this.#arrivedMs;
    this.#arrivedMs = nowMs;
    if (this.#timeMs === undefined) {
      if (!isKeyframe || gapMs < STALE * this.#frameMs) {
        return undefined;
      }
      this.#timeMs = nowMs;
      this.#startMs = nowMs;
    } else {
      const expectedMs = this.#timeMs + this.#frameMs;
      this.#timeMs = Math.max(this.#timeMs + this.#frameMs / 2, expectedMs + (nowMs - expectedMs) / 2);
    }
    return { timeUs: mediaTimeUs(Math.round((this.#timeMs - this.#startMs) * 1000)), capturedAtMs: wallTimeMs(this.#timeMs) };
  }
}
