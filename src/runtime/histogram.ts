/** A {@link Histogram} in a few numbers, in milliseconds. */
export interface HistogramSummary {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * Distribution of durations in milliseconds in constant memory: logarithmic buckets, each 5 % wider than the one before,
 * from 10 µs to about 28 hours. Percentiles are exact to those 5 %.
 */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  add(ms: number): void {
    const bucket = ms <= FIRST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) / LOG_GROWTH));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += ms;
    this.#max = Math.max(this.#max, ms);
  }

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  get max(): number {
    return this.#max;
  }

  /** The value below which the share `p` (0…1) of all values lies; 0 when there are none. */
  percentile(p: number): number {
    let left = Math.ceil(p * this.#count);
    for (let bucket = 0; bucket < BUCKETS && this.#count > 0; bucket++) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) {
        return Math.min(this.#max, FIRST_MS * GROWTH ** bucket);
      }
    }
    return this.#max;
  }

  summary(): HistogramSummary {
    return {
      count: this.#count,
      sum: this.#sum,
      max: this.#max,
      p50: this.percentile(0.5),
      p95: this.percentile(0.95),
      p99: this.percentile(0.99),
    };
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#max = 0;
  }
}

const FIRST_MS = 0.01;
const GROWTH = 1.05;
const LOG_GROWTH = Math.log(GROWTH);
const BUCKETS = 470;
