import { at, indexOfLargest } from "./tensors.ts";
import type { Candidates, Thresholds } from "./candidates.ts";

/** Where proposals go, what lets them in, and what turns their numbers into pixels of the input. */
export interface Sink {
  readonly candidates: Candidates;
  readonly thresholds: Thresholds;
  readonly scaleX: number;
  readonly scaleY: number;
}

/** Grid cells of a picture at strides 8, 16 and 32: how many boxes a network without anchors has, a third of one with. */
export function cellsOf(width: number, height: number): number {
  return [8, 16, 32].reduce((sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride), 0);
}

/** Boxes one after the other: centre, size, objectness when `first` is 5, then class scores. */
export function proposeRows(data: Float32Array, rows: number, columns: number, first: 4 | 5, sink: Sink): void {
  const { lowest } = sink.thresholds;
  for (let row = 0, from = 0; row < rows; row++, from += columns) {
    const objectness = first === 5 ? at(data, from + 4) : 1;
    if (!(objectness >= lowest)) {
      continue;
    }
    const classId = indexOfLargest(data, from + first, from + columns);
    const score = objectness * at(data, from + first + classId);
    if (score >= sink.thresholds.of(classId)) {
      pushCentred(at(data, from), at(data, from + 1), at(data, from + 2), at(data, from + 3), score, classId, row, sink);
    }
  }
}

let best = new Float32Array(0);
let bestClass = new Uint16Array(0);

/** Boxes side by side: a row each for centre, size and every class. Read along the rows, as the memory lies. */
export function proposeColumns(data: Float32Array, classes: number, boxes: number, sink: Sink): void {
  if (best.length < boxes) {
    best = new Float32Array(boxes);
    bestClass = new Uint16Array(boxes);
  }
  best.fill(0, 0, boxes);
  for (let c = 0; c < classes; c++) {
    const row = (4 + c) * boxes;
    for (let i = 0; i < boxes; i++) {
      const score = at(data, row + i);
      if (score > at(best, i)) {
        best[i] = score;
        bestClass[i] = c;
      }
    }
  }
  for (let i = 0; i < boxes; i++) {
    const score = at(best, i);
    const classId = at(bestClass, i);
    if (score > 0 && score >= sink.thresholds.of(classId)) {
      pushCentred(at(data, i), at(data, boxes + i), at(data, 2 * boxes + i), at(data, 3 * boxes + i), score, classId, i, sink);
    }
  }
}

/** Boxes that the network has suppressed already: corners, score, class number, and whatever follows. */
export function proposeFinished(data: Float32Array, rows: number, columns: number, sink: Sink): void {
  for (let row = 0, from = 0; row < rows; row++, from += columns) {
    const score = at(data, from + 4);
    const classId = Math.round(at(data, from + 5));
    if (score > 0 && score >= sink.thresholds.of(classId)) {
      const { scaleX, scaleY } = sink;
      sink.candidates.push(at(data, from) * scaleX, at(data, from + 1) * scaleY, at(data, from + 2) * scaleX, at(data, from + 3) * scaleY, score, classId, row);
    }
  }
}

function pushCentred(x: number, y: number, width: number, height: number, score: number, classId: number, row: number, sink: Sink): void {
  const { scaleX, scaleY } = sink;
  const halfWidth = width / 2;
  const halfHeight = height / 2;
  sink.candidates.push((x - halfWidth) * scaleX, (y - halfHeight) * scaleY, (x + halfWidth) * scaleX, (y + halfHeight) * scaleY, score, classId, row);
}
