import type { MediaTimeUs } from "../domain/time.ts";

/** How long an older look fades: the newest view counts 63 % after this time. */
const FADE_S = 1;
/** Distinct views kept beside the running mean: front, back, side, near, far. */
const MAX_VIEWS = 12;
/** A view more alike than this to one already kept adds nothing. */
const SAME_VIEW = 0.97;

/** Cosine similarity of two vectors of one length, −1…1; 0 when either has no direction or lengths differ. */
export function similarity(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) {
    return 0;
  }
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (const [i, x] of a.entries()) {
    const y = b[i] ?? 0;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  const norm = Math.sqrt(aa * bb);
  return norm > 0 ? dot / norm : 0;
}

/** What one object looks like: a mean that follows it (in seconds, not frames), and a few distinct views. */
export class Appearance {
  #mean: Float32Array;
  #seenUs: MediaTimeUs;
  readonly #views: Float32Array[];

  constructor(embedding: Float32Array, ptsUs: MediaTimeUs) {
    this.#mean = unit(embedding);
    this.#views = [this.#mean];
    this.#seenUs = ptsUs;
  }

  /** Takes in one more look. A vector of another length (the model was changed) starts afresh. */
  update(embedding: Float32Array, ptsUs: MediaTimeUs): void {
    const seen = unit(embedding);
    const share = 1 - Math.exp(-Math.max(0.02, (ptsUs - this.#seenUs) / 1e6) / FADE_S);
    this.#seenUs = ptsUs;
    if (seen.length !== this.#mean.length) {
      this.#mean = seen;
      this.#views.splice(0, Infinity, seen);
      return;
    }
    this.#mean = unit(this.#mean.map((x, i) => x + share * ((seen[i] ?? 0) - x)));
    if (this.#views.every((view) => similarity(view, seen) < SAME_VIEW)) {
      if (this.#views.length === MAX_VIEWS) {
        this.#views.splice(1, 1); // The first view stays: it is what a visit begins with.
      }
      this.#views.push(seen);
    }
  }

  /** How much one look is like the present mean. */
  likeness(embedding: Float32Array): number {
    return similarity(this.#mean, embedding);
  }

  /** How much two objects look alike: their means, or the best pair of views where that is better known. */
  likenessOf(other: Appearance): number {
    return similarity(this.#mean, other.#mean);
  }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((x) => x / length) : vector.slice();
}
