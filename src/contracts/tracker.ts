import type { Detection } from "../domain/result.ts";
import type { MediaTimeUs } from "../domain/time.ts";

/**
 * Gives detections identities over time. A pure function of detections and media time: no clock, no sockets, the same
 * input gives the same ids. Called once per analysed frame, in order; missed frames are simply not called.
 */
export interface Tracker {
  /** The same detections with `trackId` where one is known. Order is kept. */
  update(detections: readonly Detection[], ptsUs: MediaTimeUs): readonly Detection[];
  /** True when it wants `embedding` on the detections (appearance). */
  readonly wantsEmbeddings: boolean;
}
