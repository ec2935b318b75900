import { assign } from "../trackers/assignment.ts";
import { overlap } from "../trackers/overlap.ts";
import type { Box } from "../domain/result.ts";

/** One object in one frame, true or tracked. */
export interface Identified {
  readonly id: number | string;
  readonly box: Box;
  /** Pairs are of one label; leave it out where there is only one. */
  readonly label?: string;
  /** Truth that need not be found (hidden behind something): finding it is no mistake, missing it neither. */
  readonly isIgnored?: boolean;
}

/** What was there and what the tracker said, in one frame. */
export interface MotFrame {
  readonly truth: readonly Identified[];
  readonly tracked: readonly Identified[];
}

/** How well identities were kept. */
export interface MotMetrics {
  /** 1 − (misses + false positives + switches) / truth. */
  readonly mota: number;
  /** Share of boxes that carry the right identity, over the whole run. */
  readonly idf1: number;
  /** How often an object's identity changed. */
  readonly switches: number;
  readonly misses: number;
  readonly falsePositives: number;
  /** Boxes of truth. */
  readonly truth: number;
}

/**
 * CLEAR MOT (Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance", 2008) and IDF1 (Ristani et
 * al., "Performance measures and a data set for multi-target, multi-camera tracking", 2016): boxes pair from
 * `minIou` on; in CLEAR MOT a pair of the frame before is kept as long as it fits.
 */
export function motMetrics(frames: readonly MotFrame[], minIou = 0.5): MotMetrics {
  const counted = frames.map((frame) => withoutIgnored(frame, minIou));
  return { ...clearMot(counted, minIou), idf1: idf1(counted, minIou) };
}

function clearMot(frames: readonly MotFrame[], minIou: number): Omit<MotMetrics, "idf1"> {
  /** The tracker's identity that each true one was last paired with. */
  const last = new Map<number | string, number | string>();
  /** The true identity that each of the tracker's was last paired with: it can be kept by one only. */
  const holders = new Map<number | string, number | string>();
  const counts = { truth: 0, misses: 0, falsePositives: 0, switches: 0 };
  for (const { truth, tracked } of frames) {
    const kept = truth.flatMap((object): (readonly [Identified, Identified])[] => {
      const same = tracked.find((each) => each.id === last.get(object.id));
      return same !== undefined && holders.get(same.id) === object.id && canPair(object, same, minIou) ? [[object, same]] : [];
    });
    const restTruth = truth.filter((object) => !kept.some(([known]) => known === object));
    const restTracked = tracked.filter((object) => !kept.some(([, known]) => known === object));
    const fresh = pairs(restTruth, restTracked, minIou);
    for (const [object, found] of fresh) {
      const before = last.get(object.id);
      counts.switches += before !== undefined && before !== found.id ? 1 : 0;
      last.set(object.id, found.id);
      holders.set(found.id, object.id);
    }
    const matched = kept.length + fresh.length;
    counts.truth += truth.length;
    counts.misses += truth.length - matched;
    counts.falsePositives += tracked.length - matched;
  }
  return { ...counts, mota: 1 - (counts.misses + counts.falsePositives + counts.switches) / counts.truth };
}

function idf1(frames: readonly MotFrame[], minIou: number): number {
  const trueIds = [...new Set(frames.flatMap(({ truth }) => truth.map(({ id }) => id)))];
  const foundIds = [...new Set(frames.flatMap(({ tracked }) => tracked.map(({ id }) => id)))];
  const together = new Map<string, number>();
  let boxes = 0;
  for (const { truth, tracked } of frames) {
    boxes += truth.length + tracked.length;
    for (const object of truth) {
      for (const found of tracked.filter((each) => canPair(object, each, minIou))) {
        const key = `${trueIds.indexOf(object.id)} ${foundIds.indexOf(found.id)}`;
        together.set(key, (together.get(key) ?? 0) + 1);
      }
    }
  }
  // The identities are paired one to one so that as many frames as possible agree.
  const most = Math.max(0, ...together.values());
  const candidates = [...together].map(([key, count]) => {
    const [row = 0, column = 0] = key.split(" ").map(Number);
    return { row, column, cost: most - count, count };
  });
  const right = assign(candidates, most).reduce((sum, { row, column }) => sum + (together.get(`${row} ${column}`) ?? 0), 0);
  return boxes === 0 ? 1 : (2 * right) / boxes;
}

/** Takes ignored truth away, and what was tracked there. */
function withoutIgnored({ truth, tracked }: MotFrame, minIou: number): MotFrame {
  const ignored = new Set(truth.filter(({ isIgnored }) => isIgnored === true));
  if (ignored.size === 0) {
    return { truth, tracked };
  }
  const onIgnored = new Set(pairs(truth, tracked, minIou).flatMap(([object, found]) => (ignored.has(object) ? [found] : [])));
  return { truth: truth.filter((object) => !ignored.has(object)), tracked: tracked.filter((object) => !onIgnored.has(object)) };
}

/** As many pairs as fit, at the greatest overlap. */
function pairs(truth: readonly Identified[], tracked: readonly Identified[], minIou: number): readonly (readonly [Identified, Identified])[] {
  const candidates = truth.flatMap((object, row) =>
    tracked.flatMap((found, column) => (canPair(object, found, minIou) ? [{ row, column, cost: 1 - overlap(object.box, found.box) }] : [])),
  );
  return assign(candidates, 100).flatMap(({ row, column }) => {
    const object = truth[row];
    const found = tracked[column];
    return object === undefined || found === undefined ? [] : [[object, found] as const];
  });
}

function canPair(a: Identified, b: Identified, minIou: number): boolean {
  return a.label === b.label && overlap(a.box, b.box) >= minIou;
}
