import { BoxFilter } from "./box-filter.ts";
import { Appearance } from "./appearance.ts";
import type { Detection } from "../domain/result.ts";
import type { MediaTimeUs } from "../domain/time.ts";

/** One object being followed: its motion, its look, and whether it is known well enough to have an identity. */
export class Tracklet {
  /** Undefined until it is known who it is: chance detections never use up a number. */
  id: number | undefined;
  /** When it was first seen. */
  readonly sinceUs: MediaTimeUs;
  readonly filter: BoxFilter;
  #classId: number;
  #hits = 1;
  #seenUs: MediaTimeUs;
  #isSeen = true;
  #appearance: Appearance | undefined;

  constructor(detection: Detection, ptsUs: MediaTimeUs) {
    this.filter = new BoxFilter(detection.box);
    this.#classId = detection.classId;
    this.sinceUs = ptsUs;
    this.#seenUs = ptsUs;
    this.#look(detection, ptsUs);
  }

  get classId(): number {
    return this.#classId;
  }

  /** In how many frames it was seen. */
  get hits(): number {
    return this.#hits;
  }

  get seenUs(): MediaTimeUs {
    return this.#seenUs;
  }

  /** Whether it was seen in the frame that ended last. */
  get isSeen(): boolean {
    return this.#isSeen;
  }

  get appearance(): Appearance | undefined {
    return this.#appearance;
  }

  /** Begins a frame: moves on by `dtS` seconds. */
  predict(dtS: number): void {
    this.filter.predict(dtS);
  }

  /** Takes in where it is in this frame. */
  see(detection: Detection, ptsUs: MediaTimeUs): void {
    this.filter.update(detection.box);
    this.#classId = detection.classId;
    this.#hits += 1;
    this.#seenUs = ptsUs;
    this.#isSeen = true;
    this.#look(detection, ptsUs);
  }

  /** Notes that it was not found in this frame. */
  miss(): void {
    this.#isSeen = false;
  }

  #look(detection: Detection, ptsUs: MediaTimeUs): void {
    if (detection.embedding === undefined) {
      return;
    }
    if (this.#appearance === undefined) {
      this.#appearance = new Appearance(detection.embedding, ptsUs);
    } else {
      this.#appearance.update(detection.embedding, ptsUs);
    }
  }
}
