import { Drops } from "../runtime/drops.ts";
import { Histogram } from "../runtime/histogram.ts";
import type { ShadowSnapshot } from "./shadow.ts";
import type { Clock } from "../contracts/clock.ts";
import type { DropReason, Result, Timings } from "../domain/result.ts";

/** A stream's numbers at one moment. Plain data. */
export interface StreamSnapshot {
  readonly stream: string;
  /** Decoded frames. */
  readonly frames: number;
  readonly analysed: number;
  readonly dropped: Partial<Record<DropReason, number>>;
  readonly events: number;
  /** Damaged packets that the decoder could not use. */
  readonly decodeErrors: number;
  /** Frames per second over the last few seconds: decoded, and analysed. */
  readonly fpsIn: number;
  readonly fpsAnalysed: number;
  /** Age of results, in milliseconds. */
  readonly ageMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
  /** Mean milliseconds per stage and analysed frame. */
  readonly meanMs: Timings;
  readonly elapsedS: number;
  /** Seconds from the start of the process to the first result; undefined before it. */
  readonly firstResultS: number | undefined;
  /** Share of the source that has been read, 0…1; undefined when its length is not known. */
  readonly progress: number | undefined;
  /** How a second engine compares (`--shadow`). */
  readonly shadow?: ShadowSnapshot;
}

const RATE_WINDOW_MS = 2000;

/** Counts what happens to one stream. */
export class StreamStats {
  readonly drops = new Drops();
  decodeErrors = 0;
  durationS: number | undefined;
  readonly #stream: string;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #ages = new Histogram();
  readonly #sums: { -readonly [K in keyof Timings]-?: number } = { decode: 0, prepare: 0, queue: 0, infer: 0, interpret: 0, track: 0 };
  readonly #rateIn: Rate;
  readonly #rateAnalysed: Rate;
  #frames = 0;
  #analysed = 0;
  #firstResultS: number | undefined;
  #events = 0;
  #firstPtsUs: number | undefined;
  #lastPtsUs = 0;

  constructor(stream: string, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#rateIn = new Rate(clock);
    this.#rateAnalysed = new Rate(clock);
  }

  decoded(ptsUs: number): void {
    this.#frames += 1;
    this.#firstPtsUs ??= ptsUs;
    this.#lastPtsUs = Math.max(this.#lastPtsUs, ptsUs);
    this.#rateIn.add();
  }

  analysed(result: Result, events: number): void {
    this.#analysed += 1;
    this.#firstResultS ??= process.uptime();
    this.#events += events;
    this.#ages.add(result.ageMs);
    this.#rateAnalysed.add();
    for (const stage of Object.keys(this.#sums) as (keyof Timings)[]) {
      this.#sums[stage] += result.timingsMs[stage] ?? 0;
    }
  }

  snapshot(): StreamSnapshot {
    const mean = Object.entries(this.#sums).map(([stage, sum]) => [stage, this.#analysed === 0 ? 0 : sum / this.#analysed]);
    const readS = (this.#lastPtsUs - (this.#firstPtsUs ?? 0)) / 1e6;
    return {
      stream: this.#stream,
      frames: this.#frames,
      analysed: this.#analysed,
      dropped: this.drops.toJSON(),
      events: this.#events,
      decodeErrors: this.decodeErrors,
      fpsIn: this.#rateIn.perSecond(),
      fpsAnalysed: this.#rateAnalysed.perSecond(),
      ageMs: {
        p50: this.#ages.percentile(0.5),
        p95: this.#ages.percentile(0.95),
        p99: this.#ages.percentile(0.99),
        max: this.#ages.max,
      },
      meanMs: Object.fromEntries(mean) as Timings,
      elapsedS: (this.#clock.monotonicMs() - this.#startedMs) / 1000,
      firstResultS: this.#firstResultS,
      progress: this.durationS === undefined || this.durationS <= 0 ? undefined : Math.min(1, readS / this.durationS),
    };
  }
}

/** Events per second over the last {@link RATE_WINDOW_MS}, counted in slices so that it costs no memory per event. */
class Rate {
  readonly #clock: Clock;
  readonly #slices: { startMs: number; count: number }[] = [];
  readonly #bornMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#bornMs = clock.monotonicMs();
  }

  add(): void {
    const now = this.#clock.monotonicMs();
    const last = this.#slices.at(-1);
    if (last === undefined || now - last.startMs >= RATE_WINDOW_MS / 20) {
      this.#slices.push({ startMs: now, count: 1 });
      this.#forget(now);
    } else {
      last.count += 1;
    }
  }

  perSecond(): number {
    const now = this.#clock.monotonicMs();
    this.#forget(now);
    const windowMs = Math.min(RATE_WINDOW_MS, now - this.#bornMs);
    return windowMs <= 0 ? 0 : (this.#slices.reduce((sum, slice) => sum + slice.count, 0) / windowMs) * 1000;
  }

  #forget(now: number): void {
    while (this.#slices[0] !== undefined && now - this.#slices[0].startMs > RATE_WINDOW_MS) {
      this.#slices.shift();
    }
  }
}
