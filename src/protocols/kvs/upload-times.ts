/** Times of one frame as they are uploaded. */
export interface UploadTime {
  /** Milliseconds since 1970, whole; later than every one before it. */
  readonly timeMs: number;
  /** True when the source repeated a timestamp, or went back, and the frame was moved forward. */
  readonly isNudged: boolean;
}

/** What is needed of a frame to place it. */
export interface FrameTiming {
  /** On the source's timeline. */
  readonly mediaUs: number;
  /** When it was captured. */
  readonly capturedAtMs: number;
  readonly isKeyframe: boolean;
}

/** A source whose clock is further away than this from ours is set right. */
const DRIFT_MS = 2000;

/**
 * Places a source's frames on the wall clock: the first where it was captured, the others as far after it as the source
 * says, so that neither jitter of the network nor a jump of the clock shows. Always at least a millisecond forward.
 * A source whose clock runs slow or stood still jumps forward at a keyframe; one that runs fast is slowed to half its
 * pace until it fits.
 */
export class UploadTimes {
  readonly #isLive: boolean;
  #originMs: number | undefined;
  #lastMs: number;
  #lastMediaUs: number | undefined;
  #isFast = false;

  /** `afterMs`: the last time uploaded by an earlier run; all that follow are later. */
  constructor(options: { readonly isLive: boolean; readonly afterMs?: number | undefined }) {
    this.#isLive = options.isLive;
    this.#lastMs = options.afterMs ?? 0;
  }

  /** The time of the next frame. */
  place(frame: FrameTiming): UploadTime {
    const mediaMs = frame.mediaUs / 1000;
    this.#originMs ??= Math.max(frame.capturedAtMs, this.#lastMs + 1) - mediaMs;
    const stepMs = this.#lastMediaUs === undefined ? 0 : (frame.mediaUs - this.#lastMediaUs) / 1000;
    this.#lastMediaUs = frame.mediaUs;
    this.#follow(frame, mediaMs);
    const wishedMs = Math.round(this.#originMs + mediaMs);
    const earliestMs = this.#isFast && stepMs > 0 ? this.#lastMs + Math.max(1, Math.floor(stepMs / 2)) : this.#lastMs + 1;
    const timeMs = Math.max(wishedMs, earliestMs);
    if (timeMs === wishedMs) {
      this.#isFast = false;
    }
    this.#lastMs = timeMs;
    return { timeMs, isNudged: timeMs > wishedMs && !this.#isFast };
  }

  #follow(frame: FrameTiming, mediaMs: number): void {
    if (!this.#isLive || !frame.isKeyframe || this.#originMs === undefined) {
      return;
    }
    const behindMs = frame.capturedAtMs - (this.#originMs + mediaMs);
    if (Math.abs(behindMs) > DRIFT_MS) {
      this.#originMs += behindMs;
      this.#isFast = behindMs < 0;
    }
  }
}
