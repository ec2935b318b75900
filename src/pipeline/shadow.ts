import { createFrameReader } from "../media/index.ts";
import { Histogram } from "../runtime/histogram.ts";
import { Agreement } from "./agreement.ts";
import type { AgreementSnapshot } from "./agreement.ts";
import type { ModelRunner, ShadowPlan } from "./plan.ts";
import type { Clock } from "../contracts/clock.ts";
import type { FrameReader, VideoFrame } from "../contracts/frame.ts";
import type { Logger } from "../contracts/log.ts";
import type { Finding } from "../domain/result.ts";
import { VedetteError, toVedetteError } from "../errors.ts";

/** Milliseconds that one engine took, waiting included. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
}

/** How a second engine compares so far. Plain data. */
export interface ShadowSnapshot extends AgreementSnapshot {
  readonly engine: string;
  /** Frames that both engines have answered. */
  readonly compared: number;
  /** Frames it was too busy for, or not reachable. */
  readonly dropped: number;
  /** Frames it failed. */
  readonly failed: number;
  readonly latencyMs: { readonly primary: Latency; readonly shadow: Latency };
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const TELL_EVERY_MS = 10_000;

interface Lane {
  readonly reader: FrameReader;
  buffer: Uint8Array;
}

/**
 * A second engine that sees what the first has answered (`--shadow`), and how the two differ. Nothing waits for it: a
 * frame that it has no room for is dropped, a failure is counted, and it may come later or never.
 */
export class Shadow implements AsyncDisposable {
  readonly #plan: ShadowPlan;
  readonly #minScore: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #agreement = new Agreement();
  readonly #latency = { primary: new Histogram(), shadow: new Histogram() };
  readonly #lanes: Lane[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #opening: Promise<void>;
  #runner: ModelRunner | undefined;
  #compared = 0;
  #dropped = 0;
  #failed = 0;
  #toldMs: number;
  #lastFailure = "";

  /** Owns the readers it makes; the engine belongs to whoever opens it. */
  constructor(plan: ShadowPlan, { clock, log, minScore }: { readonly clock: Clock; readonly log: Logger; readonly minScore: number }) {
    this.#plan = plan;
    this.#minScore = minScore;
    this.#clock = clock;
    this.#log = log;
    this.#toldMs = clock.monotonicMs();
    this.#opening = this.#open();
  }

  /** Shows it a frame that the first engine has answered. Never waits, never throws; takes no ownership. */
  offer(frame: VideoFrame, finding: Finding, latencyMs: number): void {
    const runner = this.#runner;
    if (this.#closing.signal.aborted) {
      return;
    }
    if (runner === undefined || this.#underWay.size >= runner.parallelism) {
      this.#dropped += 1;
      return;
    }
    const work: Promise<void> = this.#compare(runner, frame.retain(), finding, latencyMs).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  snapshot(): ShadowSnapshot {
    const latency = (histogram: Histogram): Latency => ({ p50: histogram.percentile(0.5), p95: histogram.percentile(0.95) });
    return {
      engine: this.#runner?.description ?? this.#plan.description,
      compared: this.#compared,
      dropped: this.#dropped,
      failed: this.#failed,
      ...this.#agreement.snapshot(),
      latencyMs: { primary: latency(this.#latency.primary), shadow: latency(this.#latency.shadow) },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new VedetteError("E_STOPPED", { what: "the shadow engine" }));
    await this.#opening;
    await Promise.all(this.#underWay);
    await Promise.all(this.#lanes.splice(0).map(({ reader }) => reader[Symbol.asyncDispose]()));
    this.#log.info(shadowText(this.snapshot()));
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing;
    for (let pauseMs = FIRST_PAUSE_MS; this.#runner === undefined && !signal.aborted; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        this.#runner = await this.#plan.open(signal);
      } catch (error) {
        this.#tellFailure(error);
        await this.#clock.sleep(pauseMs, signal).catch(() => undefined);
      }
    }
  }

  async #compare(runner: ModelRunner, frame: VideoFrame, finding: Finding, latencyMs: number): Promise<void> {
    const lane = this.#lanes.pop() ?? { reader: createFrameReader(), buffer: new Uint8Array() };
    try {
      const { wantsJpeg, input } = runner;
      const size = input.fit === "none" ? frame : input;
      const bytes = size.width * size.height * 3;
      if (lane.buffer.length < bytes) {
        lane.buffer = new Uint8Array(new SharedArrayBuffer(bytes));
      }
      const pixels = await lane.reader.toInput(frame, input, lane.buffer);
      const jpeg = wantsJpeg && (await lane.reader.toJpeg(frame, wantsJpeg));
      const startMs = this.#clock.monotonicMs();
      const reply = await runner.run({ pixels, ptsUs: frame.ptsUs, ...(jpeg === undefined ? {} : { jpeg }) }, { ageMs: 0, signal: this.#closing.signal });
      this.#latency.primary.add(latencyMs);
      this.#latency.shadow.add(this.#clock.monotonicMs() - startMs);
      this.#agreement.add(this.#reported(finding), this.#reported(reply.finding));
      this.#compared += 1;
      this.#tellNowAndThen();
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        this.#failed += 1;
        this.#tellFailure(error);
      }
    } finally {
      frame[Symbol.dispose]();
      this.#lanes.push(lane);
    }
  }

  /** What would be reported: a tracker asks engines for weaker boxes as well. */
  #reported(finding: Finding): Finding {
    return finding.detections === undefined ? finding : { ...finding, detections: finding.detections.filter(({ score }) => score >= this.#minScore) };
  }

  #tellNowAndThen(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#toldMs >= TELL_EVERY_MS) {
      this.#toldMs = nowMs;
      this.#log.info(shadowText(this.snapshot()));
    }
  }

  /** Each new reason once: a second engine that is away must not fill the log. */
  #tellFailure(error: unknown): void {
    const { message, code } = toVedetteError(error);
    if (code !== this.#lastFailure && !this.#closing.signal.aborted) {
      this.#lastFailure = code;
      this.#log.warn(`shadow engine: ${message}`);
    }
  }
}

/** `shadow 240 compared, dropped 3: boxes 96 % matched, IoU 0.94, score ±0.02, p95 12 → 31 ms` */
export function shadowText({ compared, dropped, failed, boxes, classes, latencyMs }: ShadowSnapshot): string {
  const counts = [`${compared} compared`, ...(dropped > 0 ? [`${dropped} dropped`] : []), ...(failed > 0 ? [`${failed} failed`] : [])].join(", ");
  const found = [
    ...(boxes === undefined ? [] : [`boxes ${(boxes.matchedShare * 100).toFixed(0)} % matched`, `IoU ${boxes.meanIou.toFixed(2)}`, `score ±${boxes.meanScoreDifference.toFixed(2)}`]),
    ...(classes === undefined ? [] : [`top-1 ${(classes.top1Agreement * 100).toFixed(0)} %`, `score ±${classes.meanScoreDifference.toFixed(2)}`]),
    ...(compared === 0 ? [] : [`p50 ${latencyMs.primary.p50.toFixed(0)} → ${latencyMs.shadow.p50.toFixed(0)} ms`, `p95 ${latencyMs.primary.p95.toFixed(0)} → ${latencyMs.shadow.p95.toFixed(0)} ms`]),
  ].join(", ");
  return `shadow ${counts}${found === "" ? "" : `: ${found}`}`;
}
