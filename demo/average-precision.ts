// Average precision of detections against exact truth, as PASCAL VOC counts it since 2010: all points of the curve.
import type { Box, Detection } from "../src/domain/result.ts";

/** One frame's detections beside its truth. What is not expected may be found or not: neither counts. */
export interface Judged {
  readonly detections: readonly Detection[];
  readonly objects: readonly { readonly label: string; readonly box: Box; readonly expected: boolean }[];
}

/** Overlap of two boxes: intersection over union. */
export function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) {
    return 0;
  }
  const inter = width * height;
  return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter);
}

/** Area under the precision-recall curve of one class; a detection is right when it overlaps an object by `limit` or more. */
export function averagePrecision(frames: readonly Judged[], label: string, limit: number): { readonly ap: number; readonly expected: number } {
  let expected = 0;
  const hits: { readonly score: number; readonly right: boolean }[] = [];
  for (const { detections, objects } of frames) {
    const mine = objects.filter((object) => object.label === label);
    expected += mine.filter((object) => object.expected).length;
    const taken = new Set<number>();
    for (const detection of detections.filter((one) => one.label === label).toSorted((a, b) => b.score - a.score)) {
      let best = -1;
      let most = limit;
      mine.forEach(({ box }, index) => {
        const overlap = overlapOf(detection.box, box);
        if (overlap >= most && !taken.has(index)) {
          most = overlap;
          best = index;
        }
      });
      if (best < 0) {
        hits.push({ score: detection.score, right: false });
      } else {
        taken.add(best);
        if (mine[best]?.expected === true) {
          hits.push({ score: detection.score, right: true });
        }
      }
    }
  }
  return { ap: areaUnder(hits.toSorted((a, b) => b.score - a.score).map(({ right }) => right), expected), expected };
}

function areaUnder(rights: readonly boolean[], expected: number): number {
  let right = 0;
  const curve = rights.map((isRight, index) => {
    right += isRight ? 1 : 0;
    return { recall: right / Math.max(1, expected), precision: right / (index + 1) };
  });
  let area = 0;
  let best = 0;
  // From the right: precision at a recall is the best at that recall or beyond.
  for (let i = curve.length - 1; i >= 0; i--) {
    const { recall = 0, precision = 0 } = curve[i] ?? {};
    best = Math.max(best, precision);
    area += best * (recall - (curve[i - 1]?.recall ?? 0));
  }
  return area;
}
