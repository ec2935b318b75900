import { unit } from "./appearance.ts";
import { assign, type Candidate } from "./assignment.ts";
import { apartness, areaOf, overlap } from "./overlap.ts";
import type { Tracklet } from "./tracklet.ts";
import type { Box, Detection } from "../domain/result.ts";

/** What makes a tracklet and a detection a possible pair. */
export interface MatchingRules {
  /** Overlap of the predicted and the seen box from which on they may be one object. */
  readonly minIou: number;
  /** How many standard deviations a seen centre may lie from the predicted one (Mahalanobis); Infinity: any. */
  readonly gateSigmas: number;
  /**
   * Also pairs boxes that overlap less, or not at all, within the gate: at few frames a second, or right after a start,
   * motion outruns overlap.
   */
  readonly reachesBeyondOverlap: boolean;
  /** Whether an object may change its class. */
  readonly acrossClasses: boolean;
  /** Likeness below which two looks are taken for different objects; undefined ignores looks. */
  readonly minSimilarity: number | undefined;
}

/** A tracklet found in a frame. */
export interface Match {
  readonly tracklet: Tracklet;
  readonly detection: Detection;
}

/** Outcome of one round. */
export interface Matching {
  readonly matches: readonly Match[];
  readonly tracklets: readonly Tracklet[];
  readonly detections: readonly Detection[];
}

/** More than any pair costs: 1 for no overlap, 1 for the distance, {@link UNSEEN_COST}. */
const UNMATCHED_COST = 2.3;
/** Objects seen in the frame before come first: one that was lost takes only what nobody else claims. */
const UNSEEN_COST = 0.3;
/** Boxes this many times larger or smaller are never the same object from one frame to the next. */
const MAX_AREA_RATIO = 4;

/** Pairs tracklets with detections at the least total cost; what stays single is handed back, in the order given. */
export function match(tracklets: readonly Tracklet[], detections: readonly Detection[], rules: MatchingRules): Matching {
  const candidates: Candidate[] = [];
  const boxes = tracklets.map((tracklet) => tracklet.filter.box);
  const looks = detections.map(({ embedding }) => (embedding === undefined || rules.minSimilarity === undefined ? undefined : unit(embedding)));
  for (const [row, tracklet] of tracklets.entries()) {
    const predicted = boxes[row];
    if (predicted === undefined) {
      continue;
    }
    for (const [column, detection] of detections.entries()) {
      const cost = costOf(tracklet, predicted, detection, looks[column], rules);
      if (cost < UNMATCHED_COST) {
        candidates.push({ row, column, cost });
      }
    }
  }
  const matches: Match[] = [];
  const matchedRows = new Set<number>();
  const matchedColumns = new Set<number>();
  for (const { row, column } of assign(candidates, UNMATCHED_COST)) {
    const tracklet = tracklets[row];
    const detection = detections[column];
    if (tracklet !== undefined && detection !== undefined) {
      matches.push({ tracklet, detection });
      matchedRows.add(row);
      matchedColumns.add(column);
    }
  }
  return {
    matches,
    tracklets: tracklets.filter((_, row) => !matchedRows.has(row)),
    detections: detections.filter((_, column) => !matchedColumns.has(column)),
  };
}

function costOf(tracklet: Tracklet, predicted: Box, detection: Detection, look: Float32Array | undefined, rules: MatchingRules): number {
  if (!rules.acrossClasses && tracklet.classId !== detection.classId) {
    return Infinity;
  }
  const motion = motionCost(tracklet, predicted, detection.box, rules);
  if (motion === Infinity || rules.minSimilarity === undefined || look === undefined || tracklet.appearance === undefined) {
    return motion;
  }
  const likeness = tracklet.appearance.likeness(look);
  const isOverlapping = motion < 1 - rules.minIou + UNSEEN_COST;
  if (!isOverlapping && likeness < rules.minSimilarity) {
    return Infinity;
  }
  // 0 for the same look, 1 for one just alike enough, and no more than that: looks may not outweigh where somebody is.
  const difference = Math.min(1, Math.max(0, 1 - likeness) / (1 - rules.minSimilarity));
  return (motion + difference) / 2;
}

function motionCost(tracklet: Tracklet, predicted: Box, seen: Box, rules: MatchingRules): number {
  if (tracklet.filter.distance2(seen) > rules.gateSigmas ** 2) {
    return Infinity;
  }
  const iou = overlap(predicted, seen);
  const unseen = tracklet.isSeen ? 0 : UNSEEN_COST;
  if (iou >= rules.minIou) {
    return 1 - iou + unseen;
  }
  const ratio = areaOf(seen) / Math.max(1, areaOf(predicted));
  if (!rules.reachesBeyondOverlap || ratio > MAX_AREA_RATIO || ratio < 1 / MAX_AREA_RATIO) {
    return Infinity;
  }
  return 1 - iou + apartness(predicted, seen) + unseen;
}
