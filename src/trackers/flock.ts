import type { Acquaintances } from "./acquaintances.ts";
import { Tracklet } from "./tracklet.ts";
import type { Match } from "./matching.ts";
import type { Detection } from "../domain/result.ts";
import type { MediaTimeUs } from "../domain/time.ts";

/** How identities begin and end. */
export interface FlockRules {
  /** Frames an object must be seen in before it gets an identity. */
  readonly minHits: number;
  /** Seconds after which an object that is not seen any more is given up. */
  readonly maxLostS: number;
  /** Knows those again who were here before. */
  readonly acquaintances?: Acquaintances | undefined;
}

/**
 * The objects followed in one stream, and their numbers: rising from 1 as objects are confirmed, never used again.
 * Trackers differ in how they pair objects with detections; the rest is here.
 */
export class Flock {
  readonly #rules: FlockRules;
  #tracklets: Tracklet[] = [];
  #lastId = 0;
  #ptsUs: MediaTimeUs | undefined;

  constructor(rules: FlockRules) {
    this.#rules = rules;
  }

  /** Those seen often enough to be there. */
  get confirmed(): readonly Tracklet[] {
    return this.#tracklets.filter((tracklet) => this.#isConfirmed(tracklet));
  }

  /** Those seen too seldom so far. */
  get tentative(): readonly Tracklet[] {
    return this.#tracklets.filter((tracklet) => !this.#isConfirmed(tracklet));
  }

  /**
   * Begins a frame: gives up who was unseen for too long, and moves everybody else on to this frame's time. Time that
   * stands still moves nothing; time that jumped back belongs to another timeline, where nobody is known.
   */
  begin(ptsUs: MediaTimeUs): void {
    const dtS = (ptsUs - (this.#ptsUs ?? ptsUs)) / 1e6;
    this.#ptsUs = ptsUs;
    const isHere = (tracklet: Tracklet): boolean => dtS >= 0 && ptsUs - tracklet.seenUs <= this.#rules.maxLostS * 1e6;
    this.#giveUp(this.#tracklets.filter((tracklet) => !isHere(tracklet)));
    this.#tracklets = this.#tracklets.filter(isHere);
    for (const tracklet of this.#tracklets) {
      tracklet.predict(dtS);
    }
  }

  /** Ends a frame: takes in the pairs, takes on newcomers. Returns the identities of detections. */
  end(matches: readonly Match[], newcomers: readonly Detection[], ptsUs: MediaTimeUs): ReadonlyMap<Detection, number> {
    const found = new Map(matches.map(({ tracklet, detection }) => [tracklet, detection]));
    const ids = new Map<Detection, number>();
    const staying: Tracklet[] = [];
    for (const tracklet of this.#tracklets) {
      const detection = found.get(tracklet);
      if (detection !== undefined) {
        tracklet.see(detection, ptsUs);
        this.#identify(tracklet, ptsUs);
        if (tracklet.id !== undefined) {
          ids.set(detection, tracklet.id);
        }
      } else {
        tracklet.miss();
      }
      // Who was seen too seldom to be sure of gets no second chance.
      if (tracklet.isSeen || this.#isConfirmed(tracklet)) {
        staying.push(tracklet);
      }
    }
    for (const detection of newcomers) {
      const tracklet = new Tracklet(detection, ptsUs);
      this.#identify(tracklet, ptsUs);
      if (tracklet.id !== undefined) {
        ids.set(detection, tracklet.id);
      }
      staying.push(tracklet);
    }
    this.#tracklets = staying;
    return ids;
  }

  #giveUp(gone: readonly Tracklet[]): void {
    for (const tracklet of gone) {
      if (tracklet.id !== undefined) {
        this.#rules.acquaintances?.remember(tracklet);
      }
    }
  }

  #isConfirmed(tracklet: Tracklet): boolean {
    return tracklet.hits >= this.#rules.minHits;
  }

  #identify(tracklet: Tracklet, ptsUs: MediaTimeUs): void {
    if (tracklet.id === undefined && this.#isConfirmed(tracklet)) {
      const known = this.#rules.acquaintances?.recognise(tracklet, ptsUs);
      if (known !== "later") {
        tracklet.id = known ?? (this.#lastId += 1);
      }
    }
  }
}

/**
 * Detections in an order of their own (score, then place), so that a tracker gives the same identities whatever order
 * a model reports its boxes in.
 */
export function inFixedOrder(detections: readonly Detection[]): readonly Detection[] {
  return detections.toSorted(
    (a, b) => b.score - a.score || a.classId - b.classId || a.box[0] - b.box[0] || a.box[1] - b.box[1] || a.box[2] - b.box[2] || a.box[3] - b.box[3],
  );
}

/** The detections as given, with the identities found. */
export function withIds(detections: readonly Detection[], ids: ReadonlyMap<Detection, number>): readonly Detection[] {
  return detections.map((detection) => {
    const trackId = ids.get(detection);
    return trackId === undefined ? detection : { ...detection, trackId };
  });
}
