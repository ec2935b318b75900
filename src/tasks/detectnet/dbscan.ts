import { Candidates } from "../candidates.ts";

/** Boxes looked at: one class of a whole 960×544 picture has 2040 cells, and every pair is compared. */
const MOST = 4096;

/**
 * One box per cluster of overlapping boxes of one class: density-based clustering with the distance 1 − intersection
 * over union. A box that `minBoxes` boxes (itself included) lie within `eps` of is a core; cores within reach of each
 * other, and what they reach, are one cluster. A cluster's box is the mean of its boxes weighted by score, its score
 * the highest among them. What belongs to no cluster is noise and dropped.
 * Source: Ester et al., "A Density-Based Algorithm for Discovering Clusters", KDD 1996.
 */
export function clustered(candidates: Candidates, eps: number, minBoxes: number): Candidates {
  const members = candidates.strongest(1, MOST);
  const cluster = new Map<number, number>();
  const merged = new Candidates();
  let clusters = 0;
  for (const i of members) {
    if (cluster.has(i)) {
      continue;
    }
    const near = neighbours(candidates, members, i, eps);
    if (near.length < minBoxes) {
      continue;
    }
    const id = clusters++;
    mergeInto(merged, candidates, grow(candidates, members, i, near, cluster, id, eps, minBoxes));
  }
  return merged;
}

/** Everything that density reaches from core `start`; marks it as belonging to cluster `id`. */
function grow(
  candidates: Candidates, members: readonly number[], start: number, near: readonly number[], cluster: Map<number, number>, id: number, eps: number, minBoxes: number,
): number[] {
  const inside: number[] = [start];
  const queue = [...near];
  cluster.set(start, id);
  for (let j = queue.pop(); j !== undefined; j = queue.pop()) {
    if (cluster.has(j)) {
      continue;
    }
    cluster.set(j, id);
    inside.push(j);
    const further = neighbours(candidates, members, j, eps);
    if (further.length >= minBoxes) {
      queue.push(...further.filter((k) => !cluster.has(k)));
    }
  }
  return inside;
}

function neighbours(candidates: Candidates, members: readonly number[], i: number, eps: number): number[] {
  return members.filter((j) => j === i || (candidates.classId(j) === candidates.classId(i) && 1 - candidates.overlap(i, j) <= eps));
}

function mergeInto(merged: Candidates, candidates: Candidates, members: readonly number[]): void {
  let weight = 0;
  const sum = [0, 0, 0, 0];
  for (const i of members) {
    const score = candidates.score(i);
    weight += score;
    candidates.box(i).forEach((value, k) => (sum[k] = (sum[k] ?? 0) + value * score));
  }
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = sum.map((value) => value / weight);
  const [first = 0] = members;
  // Members come strongest first, so the first has the highest score of its cluster.
  merged.push(x1, y1, x2, y2, candidates.score(first), candidates.classId(first), candidates.row(first));
}
