import type { Box, Classification, Detection, Finding } from "../domain/result.ts";

/** How far two engines agree. What neither has found is left out. */
export interface AgreementSnapshot {
  readonly boxes?: {
    readonly matched: number;
    readonly onlyPrimary: number;
    readonly onlyShadow: number;
    /** Of all boxes of both, those that have a partner: 0…1. */
    readonly matchedShare: number;
    /** Overlap of partners. */
    readonly meanIou: number;
    readonly meanScoreDifference: number;
  };
  readonly classes?: {
    readonly frames: number;
    /** Share of frames whose best class is the same. */
    readonly top1Agreement: number;
    /** Difference of the scores of the first engine's best class. */
    readonly meanScoreDifference: number;
  };
}

/** Boxes of one label that overlap at least this much are taken for the same object, as COCO and VOC count. */
const SAME_OBJECT_IOU = 0.5;

/** Sums up how two engines' findings for the same frames differ. */
export class Agreement {
  #matched = 0;
  #onlyPrimary = 0;
  #onlyShadow = 0;
  #iou = 0;
  #scoreDifference = 0;
  #classified = 0;
  #sameTop = 0;
  #classDifference = 0;

  add(primary: Finding, shadow: Finding): void {
    if (primary.detections !== undefined || shadow.detections !== undefined) {
      this.#addBoxes(primary.detections ?? [], shadow.detections ?? []);
    }
    if (primary.classes !== undefined || shadow.classes !== undefined) {
      this.#addClasses(primary.classes ?? [], shadow.classes ?? []);
    }
  }

  snapshot(): AgreementSnapshot {
    const boxes = 2 * this.#matched + this.#onlyPrimary + this.#onlyShadow;
    return {
      ...(boxes === 0
        ? {}
        : {
            boxes: {
              matched: this.#matched,
              onlyPrimary: this.#onlyPrimary,
              onlyShadow: this.#onlyShadow,
              matchedShare: (2 * this.#matched) / boxes,
              meanIou: this.#iou / Math.max(1, this.#matched),
              meanScoreDifference: this.#scoreDifference / Math.max(1, this.#matched),
            },
          }),
      ...(this.#classified === 0
        ? {}
        : { classes: { frames: this.#classified, top1Agreement: this.#sameTop / this.#classified, meanScoreDifference: this.#classDifference / this.#classified } }),
    };
  }

  /** Best overlaps first, each box once. */
  #addBoxes(primary: readonly Detection[], shadow: readonly Detection[]): void {
    const pairs = primary
      .flatMap((one, i) => shadow.map((other, j) => ({ i, j, iou: one.label === other.label ? overlap(one.box, other.box) : 0, difference: Math.abs(one.score - other.score) })))
      .filter(({ iou }) => iou >= SAME_OBJECT_IOU)
      .sort((a, b) => b.iou - a.iou);
    const taken = { primary: new Set<number>(), shadow: new Set<number>() };
    for (const { i, j, iou, difference } of pairs) {
      if (taken.primary.has(i) || taken.shadow.has(j)) {
        continue;
      }
      taken.primary.add(i);
      taken.shadow.add(j);
      this.#iou += iou;
      this.#scoreDifference += difference;
    }
    this.#matched += taken.primary.size;
    this.#onlyPrimary += primary.length - taken.primary.size;
    this.#onlyShadow += shadow.length - taken.shadow.size;
  }

  #addClasses(primary: readonly Classification[], shadow: readonly Classification[]): void {
    const best = top(primary);
    const other = top(shadow);
    this.#classified += 1;
    this.#sameTop += best?.label === other?.label ? 1 : 0;
    const same = shadow.find(({ label }) => label === best?.label);
    this.#classDifference += Math.abs((best?.score ?? 0) - (same?.score ?? 0));
  }
}

function top(classes: readonly Classification[]): Classification | undefined {
  return classes.reduce<Classification | undefined>((best, one) => (best === undefined || one.score > best.score ? one : best), undefined);
}

function overlap([ax1, ay1, ax2, ay2]: Box, [bx1, by1, bx2, by2]: Box): number {
  const shared = Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1)) * Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1));
  const both = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared;
  return both > 0 ? shared / both : 0;
}
