import { DroppedFrame } from "./dropped-frame.ts";
import { createFrameReader, fitInput, geometryOf } from "../media/index.ts";
import { toVedetteError } from "../errors.ts";
import type { VedetteError } from "../errors.ts";
import type { AnalysisPlan, UseCaseHooks } from "./plan.ts";
import type { Shadow } from "./shadow.ts";
import type { Clock } from "../contracts/clock.ts";
import type { FrameReader, InputPixels, VideoFrame } from "../contracts/frame.ts";
import type { InputSpec } from "../domain/model.ts";
import type { Finding, Timings } from "../domain/result.ts";

/** A decoded frame on its way to the analysis. */
export interface DecodedFrame {
  readonly frame: VideoFrame;
  readonly seq: number;
  readonly decodeMs: number;
  /** Monotonic time at which it left the decoder. */
  readonly decodedAtMs: number;
}

/** What came of it: a finding, or none when the frame was passed by (rate limit, gate, failure). */
export interface AnalysedFrame extends DecodedFrame {
  readonly finding: Finding | undefined;
  readonly timingsMs: Timings;
}

/** What an analysis needs from the stream around it. */
export interface AnalysisContext {
  readonly isLive: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told of failures that cost a frame but not the stream, once a second; `untold`: how many more there were since. */
  readonly onError: (error: VedetteError, untold: number) => void;
  /** Sees the same frames, for comparison. */
  readonly shadow: Shadow | undefined;
}

/** Between two lines about lost frames. */
const TELL_EVERY_MS = 1000;

/** A reader with its own pixel buffer: one frame at a time. */
interface Lane {
  readonly reader: FrameReader;
  buffer: Uint8Array;
}

/**
 * Takes frames to findings: passes by what the plan does not want analysed, scales into shared memory, runs the model,
 * lets the use case have its say. `analyse` must be called in frame order; calls may overlap up to `parallelism`.
 */
export class Analysis implements AsyncDisposable {
  readonly parallelism: number;
  readonly #plan: AnalysisPlan;
  readonly #useCase: UseCaseHooks | undefined;
  readonly #context: AnalysisContext;
  readonly #lanes: Lane[] = [];
  readonly #drop: (reason: DroppedFrame["reason"]) => void;
  #nextDueUs: number | undefined;
  #toldMs = -Infinity;
  #untold = 0;
  #gateTail: Promise<unknown> = Promise.resolve();
  #gateLane: Lane | undefined;

  constructor(
    plan: AnalysisPlan,
    useCase: UseCaseHooks | undefined,
    context: AnalysisContext,
    drop: (reason: DroppedFrame["reason"]) => void,
  ) {
    this.#plan = plan;
    this.#useCase = useCase;
    this.#context = context;
    this.#drop = drop;
    // A file may have work waiting beside every executor; a live frame that waits only grows old.
    this.parallelism = plan.runner.parallelism + (context.isLive ? 0 : 2);
  }

  async analyse(decoded: DecodedFrame): Promise<AnalysedFrame> {
    const passedBy: AnalysedFrame = { ...decoded, finding: undefined, timingsMs: { decode: decoded.decodeMs } };
    if (!this.#isDue(decoded.frame.ptsUs)) {
      this.#drop("rate_limited");
      return passedBy;
    }
    if (this.#context.isLive && this.#ageMs(decoded.frame) > this.#plan.maxAgeMs) {
      this.#drop("deadline");
      return passedBy;
    }
    const lane = this.#takeLane();
    try {
      if (this.#plan.gate !== undefined && !(await this.#passesGate(decoded.frame))) {
        this.#drop("gated");
        return passedBy;
      }
      return await this.#run(decoded, lane);
    } catch (error) {
      this.#report(error);
      return passedBy;
    } finally {
      this.#lanes.push(lane);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateTail;
    await this.#plan.gate?.[Symbol.asyncDispose]();
    await this.#plan.embedder?.[Symbol.asyncDispose]();
    const lanes = this.#lanes.splice(0).concat(this.#gateLane ?? []);
    await Promise.all(lanes.map((lane) => lane.reader[Symbol.asyncDispose]()));
  }

  async #run(decoded: DecodedFrame, lane: Lane): Promise<AnalysedFrame> {
    const { clock, signal } = this.#context;
    const { runner } = this.#plan;
    const startMs = clock.monotonicMs();
    const { wantsJpeg } = runner;
    const needsPixels = wantsJpeg === undefined || wantsJpeg.withPixels === true || this.#useCase?.prepare !== undefined;
    const pixels = needsPixels ? await scale(lane, decoded.frame, runner.input) : unscaled(decoded.frame, runner.input);
    await this.#useCase?.prepare?.(pixels);
    const jpeg = wantsJpeg && (await lane.reader.toJpeg(decoded.frame, wantsJpeg));
    const preparedMs = clock.monotonicMs();
    const reply = await runner.run({ pixels, ptsUs: decoded.frame.ptsUs, ...(jpeg === undefined ? {} : { jpeg }) }, { ageMs: this.#ageMs(decoded.frame), signal });
    const repliedMs = clock.monotonicMs();
    const finding = await this.#addLooks(decoded.frame, await this.#interpret(reply.finding, pixels));
    this.#context.shadow?.offer(decoded.frame, finding, repliedMs - preparedMs);
    const interpretMs = reply.interpretMs + (clock.monotonicMs() - repliedMs);
    return {
      ...decoded,
      finding,
      timingsMs: {
        decode: decoded.decodeMs,
        prepare: preparedMs - startMs,
        queue: startMs - decoded.decodedAtMs + Math.max(0, repliedMs - preparedMs - reply.inferMs - reply.interpretMs),
        infer: reply.inferMs,
        interpret: interpretMs,
      },
    };
  }

  async #interpret(finding: Finding, pixels: InputPixels): Promise<Finding> {
    return this.#useCase?.interpret === undefined ? finding : this.#useCase.interpret(finding, pixels);
  }

  async #addLooks(frame: VideoFrame, finding: Finding): Promise<Finding> {
    const { embedder } = this.#plan;
    if (embedder === undefined || finding.detections === undefined || finding.detections.length === 0) {
      return finding;
    }
    return { ...finding, detections: await embedder.embed(frame, finding.detections, this.#context.signal) };
  }

  /** At most `fps` frames a second, by media time: the first frame at or after each due time. */
  #isDue(ptsUs: number): boolean {
    if (this.#plan.fps <= 0) {
      return true;
    }
    const intervalUs = 1e6 / this.#plan.fps;
    this.#nextDueUs ??= ptsUs;
    // Half a millisecond of tolerance: 10 of 30 frames a second is every third, whatever the rounding.
    if (ptsUs < this.#nextDueUs - 500) {
      return false;
    }
    // After a pause it starts anew rather than catching up.
    this.#nextDueUs = Math.max(this.#nextDueUs, ptsUs - intervalUs / 2) + intervalUs;
    return true;
  }

  /** The gate sees the frames in order, one at a time: motion needs the one before. */
  async #passesGate(frame: VideoFrame): Promise<boolean> {
    const gate = this.#plan.gate;
    if (gate === undefined) {
      return true;
    }
    const turn = this.#gateTail.then(async () => {
      const lane = (this.#gateLane ??= createLane());
      const pixels = await scale(lane, frame, gate.input);
      const [reply] = await gate.infer([{ pixels, ptsUs: frame.ptsUs }], this.#context.signal);
      return (reply?.finding.detections?.length ?? 0) > 0;
    });
    this.#gateTail = turn.catch(() => undefined);
    return turn;
  }

  #takeLane(): Lane {
    return this.#lanes.pop() ?? createLane();
  }

  #ageMs(frame: VideoFrame): number {
    return this.#context.clock.now() - frame.capturedAtMs;
  }

  /** Counts a lost frame; rethrows what no other frame would survive either. */
  #report(error: unknown): void {
    if (error instanceof DroppedFrame) {
      this.#drop(error.reason);
      return;
    }
    if (this.#context.signal.aborted) {
      this.#drop("stopped");
      return;
    }
    const known = toVedetteError(error);
    // What an engine says while the stream runs concerns its frame: a server may be put right again.
    if (!known.retryable && known.code !== "E_USE_CASE" && !known.code.startsWith("E_ENGINE_")) {
      throw known;
    }
    if (known.code === "E_USE_CASE") {
      // Its host has told the log already.
      this.#drop("use_case_error");
      return;
    }
    this.#drop("engine_error");
    this.#tell(known);
  }

  /** The first failure at once, then one line a second for all of them. */
  #tell(error: VedetteError): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#toldMs < TELL_EVERY_MS) {
      this.#untold += 1;
      return;
    }
    this.#toldMs = nowMs;
    this.#context.onError(error, this.#untold);
    this.#untold = 0;
  }
}

/** Where the picture lies in the input, for engines that send it as a JPEG: the pixels themselves are nobody's business. */
function unscaled(frame: VideoFrame, input: InputSpec): InputPixels {
  const fit = fitInput(input, frame.width, frame.height);
  const geometry = geometryOf(fit, frame.width, frame.height);
  return { data: new Uint8Array(0), width: fit.width, height: fit.height, channels: input.color === "GRAY" ? 1 : 3, geometry };
}

function createLane(): Lane {
  return { reader: createFrameReader(), buffer: new Uint8Array() };
}

/** Scales into the lane's buffer, made on first use: shared memory, so that no worker needs a copy. */
async function scale(lane: Lane, frame: VideoFrame, input: InputSpec): Promise<InputPixels> {
  const size = input.fit === "none" ? frame : input;
  const bytes = size.width * size.height * 3;
  if (lane.buffer.length < bytes) {
    lane.buffer = new Uint8Array(new SharedArrayBuffer(bytes));
  }
  return lane.reader.toInput(frame, input, lane.buffer);
}
