import type { Box, Detection, Keypoint } from "../domain/result.ts";
import type { InputGeometry, Model } from "../domain/model.ts";

/** Lowest score that counts, per class: the model's threshold with the manifest's exceptions. */
export class Thresholds {
  readonly #byClass: Float32Array;
  readonly #other: number;
  /** The lowest of them all: nothing below it needs a closer look. */
  readonly lowest: number;

  constructor(model: Pick<Model, "threshold" | "classThresholds" | "labels">) {
    this.#other = model.threshold;
    this.#byClass = Float32Array.from(model.labels, (label) => model.classThresholds[label] ?? model.threshold);
    this.lowest = Math.min(model.threshold, ...Object.values(model.classThresholds));
  }

  /** Threshold of one class; the general one beyond the labels. */
  of(classId: number): number {
    return this.#byClass[classId] ?? this.#other;
  }
}

/**
 * Boxes that a detector proposes for one frame, in pixels of the network's input, and what is left of them: the shared
 * end of every detect family. Kept as columns of numbers and reused from frame to frame, so that thousands of
 * proposals allocate nothing.
 */
export class Candidates {
  #capacity = 256;
  #count = 0;
  #boxes = new Float32Array(256 * 4);
  #scores = new Float32Array(256);
  #classes = new Int32Array(256);
  #rows = new Int32Array(256);
  #order = new Uint32Array(256);

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Forgets the last frame's. */
  clear(): void {
    this.#count = 0;
  }

  /** Adds one. `row`: where it came from, for looking up its landmarks. Boxes that are not finite or empty are dropped. */
  push(x1: number, y1: number, x2: number, y2: number, score: number, classId: number, row: number): void {
    // One comparison each catches NaN too; infinite sizes fail the subtraction.
    if (!(x2 - x1 > 0 && y2 - y1 > 0 && x2 - x1 < Infinity && y2 - y1 < Infinity)) {
      return;
    }
    if (this.#count === this.#capacity) {
      this.#grow();
    }
    const i = this.#count++;
    this.#boxes[i * 4] = x1;
    this.#boxes[i * 4 + 1] = y1;
    this.#boxes[i * 4 + 2] = x2;
    this.#boxes[i * 4 + 3] = y2;
    this.#scores[i] = score;
    this.#classes[i] = classId;
    this.#rows[i] = row;
  }

  /** Box of candidate `i`, in pixels of the network's input. */
  box(i: number): Box {
    const at = i * 4;
    return [this.#boxes[at] ?? 0, this.#boxes[at + 1] ?? 0, this.#boxes[at + 2] ?? 0, this.#boxes[at + 3] ?? 0];
  }

  /** Score of candidate `i`. */
  score(i: number): number {
    return this.#scores[i] ?? 0;
  }

  /** Class of candidate `i`. */
  classId(i: number): number {
    return this.#classes[i] ?? 0;
  }

  /** Row that candidate `i` came from. */
  row(i: number): number {
    return this.#rows[i] ?? 0;
  }

  /**
   * The best `topK`, strongest first, after class-aware non-maximum suppression: a box goes when a stronger one of its
   * class overlaps it by more than `iou` (1 keeps all). Greedy, at most candidates × topK comparisons.
   */
  strongest(iou: number, topK: number): number[] {
    const order = this.#order.subarray(0, this.#count);
    for (let i = 0; i < order.length; i++) {
      order[i] = i;
    }
    const scores = this.#scores;
    order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
    const kept: number[] = [];
    for (const i of order) {
      if (kept.length >= topK) {
        break;
      }
      if (iou >= 1 || !this.#isCovered(i, kept, iou)) {
        kept.push(i);
      }
    }
    return kept;
  }

  /** Intersection over union of two candidates. */
  overlap(i: number, j: number): number {
    const boxes = this.#boxes;
    const a = i * 4;
    const b = j * 4;
    const ax1 = boxes[a] ?? 0, ay1 = boxes[a + 1] ?? 0, ax2 = boxes[a + 2] ?? 0, ay2 = boxes[a + 3] ?? 0;
    const bx1 = boxes[b] ?? 0, by1 = boxes[b + 1] ?? 0, bx2 = boxes[b + 2] ?? 0, by2 = boxes[b + 3] ?? 0;
    const width = Math.min(ax2, bx2) - Math.max(ax1, bx1);
    const height = Math.min(ay2, by2) - Math.max(ay1, by1);
    if (width <= 0 || height <= 0) {
      return 0;
    }
    const both = width * height;
    return both / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both);
  }

  #isCovered(i: number, kept: readonly number[], iou: number): boolean {
    const classId = this.#classes[i];
    for (const j of kept) {
      if (this.#classes[j] === classId && this.overlap(i, j) > iou) {
        return true;
      }
    }
    return false;
  }

  #grow(): void {
    this.#capacity *= 2;
    const boxes = new Float32Array(this.#capacity * 4);
    boxes.set(this.#boxes);
    this.#boxes = boxes;
    const scores = new Float32Array(this.#capacity);
    scores.set(this.#scores);
    this.#scores = scores;
    const classes = new Int32Array(this.#capacity);
    classes.set(this.#classes);
    this.#classes = classes;
    const rows = new Int32Array(this.#capacity);
    rows.set(this.#rows);
    this.#rows = rows;
    this.#order = new Uint32Array(this.#capacity);
  }
}

/** Label of a class: its own, or its number beyond the labels. */
export function labelOf(model: Pick<Model, "labels">, classId: number): string {
  return model.labels[classId] ?? `class ${classId}`;
}

/** Landmarks of the candidate that came from `row`, in source pixels. */
export type Landmarks = (row: number) => readonly Keypoint[];

/**
 * The detections that remain of a frame's candidates: suppressed (`iou`, normally the model's), at most `topK`, in
 * source pixels, clipped to the picture. What lies wholly outside the picture is dropped.
 */
export function toDetections(
  candidates: Candidates,
  model: Model,
  geometry: InputGeometry,
  options: { readonly iou?: number; readonly landmarks?: Landmarks } = {},
): Detection[] {
  const found: Detection[] = [];
  for (const i of candidates.strongest(options.iou ?? model.nmsIou, model.topK)) {
    const box = toSource(candidates.box(i), geometry);
    if (box === undefined) {
      continue;
    }
    const classId = candidates.classId(i);
    const detection = { label: labelOf(model, classId), classId, score: Math.min(1, candidates.score(i)), box };
    found.push(options.landmarks === undefined ? detection : { ...detection, keypoints: options.landmarks(candidates.row(i)) });
  }
  return found;
}

/** A box of the network's input in source pixels, clipped to the picture; undefined when nothing of it is inside. */
export function toSource(box: Box, geometry: InputGeometry): Box | undefined {
  const x1 = Math.max(0, box[0] * geometry.scaleX + geometry.offsetX);
  const y1 = Math.max(0, box[1] * geometry.scaleY + geometry.offsetY);
  const x2 = Math.min(geometry.sourceWidth, box[2] * geometry.scaleX + geometry.offsetX);
  const y2 = Math.min(geometry.sourceHeight, box[3] * geometry.scaleY + geometry.offsetY);
  return x2 > x1 && y2 > y1 ? [x1, y1, x2, y2] : undefined;
}

/** Where the network's whole input lies in the source picture; reaches beyond it where the input was padded. */
export function inputRegion(geometry: InputGeometry): Box {
  const { scaleX, scaleY, offsetX, offsetY } = geometry;
  return [offsetX, offsetY, offsetX + geometry.inputWidth * scaleX, offsetY + geometry.inputHeight * scaleY];
}
