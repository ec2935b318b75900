import type { Tracklet } from "./tracklet.ts";
import type { MediaTimeUs } from "../domain/time.ts";

/** When somebody is known again. */
export interface ReidRules {
  /** Cosine similarity from which two looks are of one object. */
  readonly minSimilarity: number;
  /** For how long somebody who has gone is remembered. */
  readonly maxAgeS: number;
  /** How long a newcomer is looked at before it is decided who it is. */
  readonly afterS: number;
}

/** How many are remembered at most; then the one gone longest is forgotten. */
const MAX_KNOWN = 500;

/** Those who have gone, to be known again by their looks when they come back. */
export class Acquaintances {
  readonly #rules: ReidRules;
  /** Oldest first. */
  #gone: Tracklet[] = [];

  constructor(rules: ReidRules) {
    this.#rules = rules;
  }

  /** Remembers somebody who has gone. */
  remember(gone: Tracklet): void {
    if (gone.appearance !== undefined && this.#rules.maxAgeS > 0) {
      this.#gone = [...this.#gone, gone].slice(-MAX_KNOWN);
    }
  }

  /**
   * The identity of a newcomer who was here before; undefined when it is nobody known, `later` while it was not looked
   * at for long enough. Whoever is known again is here, and not remembered any more.
   */
  recognise(newcomer: Tracklet, ptsUs: MediaTimeUs): number | undefined | "later" {
    const { minSimilarity, maxAgeS, afterS } = this.#rules;
    this.#gone = this.#gone.filter(({ seenUs }) => ptsUs >= seenUs && ptsUs - seenUs <= maxAgeS * 1e6);
    const { appearance } = newcomer;
    const candidates = this.#gone.filter(({ classId }) => classId === newcomer.classId);
    if (appearance === undefined || candidates.length === 0) {
      return undefined;
    }
    if (ptsUs - newcomer.sinceUs < afterS * 1e6) {
      return "later";
    }
    const [best] = candidates
      .map((known) => ({ known, likeness: known.appearance === undefined ? 0 : appearance.likenessToKnown(known.appearance) }))
      .sort((a, b) => b.likeness - a.likeness);
    if (best?.known.appearance === undefined || best.likeness < minSimilarity) {
      return undefined;
    }
    this.#gone = this.#gone.filter((known) => known !== best.known);
    appearance.absorb(best.known.appearance);
    return best.known.id;
  }
}
