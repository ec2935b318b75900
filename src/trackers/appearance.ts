import type { MediaTimeUs } from "../domain/time.ts";

/** How fast the recent look follows: the newest views make up 63 % of it after this time. */
const RECENT_S = 1;
/** How many looks the lasting look is a mean of, at most; then old ones fade. */
const LASTING_LOOKS = 300;

/** Cosine similarity of two unit vectors, −1…1; 0 when their lengths differ (the model was changed). */
export function similarity(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) {
    return 0;
  }
  let dot = 0;
  for (let i = 0; i < a.length; i++) {
    dot += (a[i] ?? 0) * (b[i] ?? 0);
  }
  return dot;
}

/** The vector at length 1; a vector of zeros stays one, and is like nothing. */
export function unit(vector: Float32Array): Float32Array {
  const copy = vector.slice();
  normalise(copy);
  return copy;
}

/**
 * What one object looks like: its recent look, for finding it in the next frame, and its lasting look, for knowing it
 * again. They differ: who comes into the picture or leaves it is seen in part only, and parts of people look alike.
 */
export class Appearance {
  // Changed in place, twice a frame and object: they are never handed out.
  #recent: Float32Array;
  #lasting: Float32Array;
  #looks = 1;
  #seenUs: MediaTimeUs;

  constructor(embedding: Float32Array, ptsUs: MediaTimeUs) {
    this.#recent = unit(embedding);
    this.#lasting = unit(embedding);
    this.#seenUs = ptsUs;
  }

  /** Takes in one more look. A vector of another length (the model was changed) starts afresh. */
  update(embedding: Float32Array, ptsUs: MediaTimeUs): void {
    const seen = unit(embedding);
    if (seen.length !== this.#recent.length) {
      this.#recent = seen;
      this.#lasting = seen.slice();
      this.#looks = 1;
    } else {
      this.#looks = Math.min(this.#looks + 1, LASTING_LOOKS);
      // A plain mean at first, then one that fades with time, not with frames.
      const faded = 1 - Math.exp(-Math.max(0, ptsUs - this.#seenUs) / 1e6 / RECENT_S);
      blend(this.#recent, seen, Math.max(faded, 1 / this.#looks));
      blend(this.#lasting, seen, 1 / this.#looks);
    }
    this.#seenUs = ptsUs;
  }

  /** How much one look (a unit vector) is like the recent ones. */
  likeness(embedding: Float32Array): number {
    return similarity(this.#recent, embedding);
  }

  /** How much this, as it looks lately, is like somebody known. */
  likenessToKnown(known: Appearance): number {
    return similarity(this.#recent, known.#lasting);
  }

  /** Adds what was known before, once it has turned out to be the same. */
  absorb(known: Appearance): void {
    if (known.#lasting.length === this.#lasting.length) {
      blend(this.#lasting, known.#lasting, known.#looks / (known.#looks + this.#looks));
      this.#looks = Math.min(this.#looks + known.#looks, LASTING_LOOKS);
    }
  }
}

/** Moves `a` the given share of the way to `b`, at length 1. */
function blend(a: Float32Array, b: Float32Array, share: number): void {
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0;
    a[i] = x + share * ((b[i] ?? 0) - x);
  }
  normalise(a);
}

function normalise(vector: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) {
    sum += (vector[i] ?? 0) ** 2;
  }
  const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
  for (let i = 0; i < vector.length; i++) {
    vector[i] = (vector[i] ?? 0) * scale;
  }
}
