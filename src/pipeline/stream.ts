import { Analysis } from "./analysis.ts";
import { DroppedFrame } from "./dropped-frame.ts";
import { Shadow } from "./shadow.ts";
import { StreamStats } from "./stats.ts";
import { Views } from "./views.ts";
import { createDecoder } from "../media/index.ts";
import { mapOrdered } from "../runtime/ordered.ts";
import { Mailbox } from "../runtime/mailbox.ts";
import { VedetteError, toVedetteError } from "../errors.ts";
import type { AnalysedFrame, DecodedFrame } from "./analysis.ts";
import type { StreamPlan } from "./plan.ts";
import type { StreamSnapshot } from "./stats.ts";
import type { Clock } from "../contracts/clock.ts";
import type { VideoFrame } from "../contracts/frame.ts";
import type { Logger } from "../contracts/log.ts";
import type { Output } from "../contracts/output.ts";
import type { OverlayShape } from "../contracts/rule.ts";
import type { FrameSession, PacketSession, SourceSession } from "../contracts/source.ts";
import type { MediaTimeUs } from "../domain/time.ts";
import type { Detection, Result } from "../domain/result.ts";

/** What a stream needs of the process around it. */
export interface StreamContext {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * One stream: source → decode → analyse → track → rules → views → outputs. `run` opens the outputs, then the source, and
 * settles when everything has ended: source read to its end, frames in flight delivered, outputs finished.
 */
export class Stream {
  readonly name: string;
  readonly #plan: StreamPlan;
  readonly #context: StreamContext;
  readonly #stats: StreamStats;
  readonly #views: Views;
  readonly #outputErrors: VedetteError[] = [];
  #seq = 0;
  #shadow: Shadow | undefined;

  constructor(plan: StreamPlan, context: StreamContext) {
    this.name = plan.name;
    this.#plan = plan;
    this.#context = { ...context, log: context.log.with({ stream: plan.name }) };
    this.#stats = new StreamStats(plan.name, context.clock);
    this.#views = new Views(plan, this.#stats.drops);
  }

  /** Where further readers attach while it runs. */
  get taps(): Views {
    return this.#views;
  }

  snapshot(): StreamSnapshot {
    const snapshot = this.#stats.snapshot();
    return this.#shadow === undefined ? snapshot : { ...snapshot, shadow: this.#shadow.snapshot() };
  }

  /**
   * Runs to the end. Aborting the signal stops reading the source; what is under way is finished, so that outputs are
   * whole. Throws the error that ended the stream, or the first output's when the stream itself went well.
   */
  async run(signal: AbortSignal): Promise<StreamSnapshot> {
    const stop = new AbortController();
    const stopSignal = AbortSignal.any([signal, stop.signal]);
    await using closing = new AsyncDisposableStack();
    closing.use(this.#views);
    if (this.#plan.useCase !== undefined) {
      closing.use(this.#plan.useCase);
    }
    for (const output of [...this.#plan.outputs, ...this.#plan.keepers]) {
      closing.use(output);
      await output.open(stopSignal);
    }
    const session = closing.use(await this.#plan.source.open(stopSignal));
    this.#stats.durationS = session.durationS;
    this.#views.start(session);
    const outputs = [...this.#plan.outputs.map((output) => this.#serve(output, stop)), ...this.#plan.keepers.map((keeper) => this.#keep(keeper))];
    // Readers that waited for the tracks subscribe before the first packet moves.
    await new Promise(setImmediate);
    try {
      await this.#pump(session, stopSignal);
      await this.#views.end();
    } catch (error) {
      // Readers get what was made before the failure; the failure itself is this stream's to report.
      await this.#views.end();
      throw error;
    } finally {
      await Promise.all(outputs);
    }
    if (this.#outputErrors[0] !== undefined) {
      throw this.#outputErrors[0];
    }
    return this.snapshot();
  }

  /** Runs one output; when the last of them has failed, the stream has nobody to work for and stops. */
  async #serve(output: Output, stop: AbortController): Promise<void> {
    try {
      await output.run(this.#views, new AbortController().signal);
    } catch (error) {
      if (error instanceof DroppedFrame) {
        return;
      }
      const known = toVedetteError(error);
      this.#outputErrors.push(known);
      this.#context.log.error(known.message, { output: output.name, code: known.code });
      if (this.#outputErrors.length === this.#plan.outputs.length) {
        stop.abort();
      }
    }
  }

  /** Runs what keeps events and clips: its failure is told, and nothing else. */
  async #keep(keeper: Output): Promise<void> {
    try {
      await keeper.run(this.#views, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof DroppedFrame)) {
        const { message, code } = toVedetteError(error);
        this.#context.log.error(message, { output: keeper.name, code });
      }
    }
  }

  async #pump(session: SourceSession, signal: AbortSignal): Promise<void> {
    const { analysis, useCase, buffer } = this.#plan;
    const { clock, log } = this.#context;
    const mailbox = new Mailbox<DecodedFrame>({
      capacity: session.isLive ? buffer.capacity : 2,
      whenFull: session.isLive ? buffer.whenFull : "wait",
      onDrop: ({ frame }, reason) => {
        frame[Symbol.dispose]();
        this.#stats.drops.add(reason);
      },
    });
    const failures = new AbortController();
    await using shadow = analysis?.shadow && new Shadow(analysis.shadow, { clock, log, minScore: analysis.minScore });
    this.#shadow = shadow;
    await using analyser =
      analysis === undefined
        ? undefined
        : new Analysis(
            analysis,
            useCase,
            {
              isLive: session.isLive,
              clock,
              signal: failures.signal,
              onError: (error, untold) => log.warn(error.message, untold > 0 ? { andMore: untold } : {}),
              shadow,
            },
            (reason) => this.#stats.drops.add(reason),
          );
    const reading = this.#read(session, mailbox, signal);
    try {
      const work = (decoded: DecodedFrame): Promise<AnalysedFrame> =>
        analyser?.analyse(decoded) ?? Promise.resolve({ ...decoded, finding: {}, timingsMs: { decode: decoded.decodeMs } });
      const discard = ({ frame }: AnalysedFrame): void => frame[Symbol.dispose]();
      for await (const analysed of mapOrdered(mailbox, analyser?.parallelism ?? 1, work, discard)) {
        try {
          await this.#deliver(analysed);
        } finally {
          analysed.frame[Symbol.dispose]();
        }
      }
    } finally {
      failures.abort();
      mailbox[Symbol.dispose]();
      await reading;
    }
  }

  /** Feeds the mailbox; its end or failure is the mailbox's end or failure. */
  async #read(session: SourceSession, mailbox: Mailbox<DecodedFrame>, signal: AbortSignal): Promise<void> {
    try {
      await (session.delivers === "packets" ? this.#decode(session, mailbox, signal) : this.#take(session, mailbox, signal));
      if (this.#seq === 0 && !signal.aborted && this.#needsPictures()) {
        throw new VedetteError("E_MEDIA_DECODE", { source: this.#plan.source.name, reason: "it ended before its first picture" });
      }
      mailbox.end();
    } catch (error) {
      mailbox.end(signal.aborted ? undefined : toVedetteError(error));
    }
  }

  async #decode(session: PacketSession, mailbox: Mailbox<DecodedFrame>, signal: AbortSignal): Promise<void> {
    const video = session.tracks.findIndex((track) => track.kind === "video");
    const track = session.tracks[video];
    if (track?.kind !== "video") {
      throw new VedetteError("E_MEDIA_NO_VIDEO", { source: this.#plan.source.name, found: session.tracks.map(({ kind }) => kind).join(", ") || "nothing" });
    }
    const { clock, log } = this.#context;
    await using decoder = await createDecoder(track, { hwaccel: this.#plan.hwaccel, log });
    const push = async (frames: readonly VideoFrame[], startMs: number): Promise<boolean> => {
      const decodeMs = (clock.monotonicMs() - startMs) / Math.max(1, frames.length);
      let goesOn = true;
      for (const frame of frames) {
        goesOn &&= this.#seq < this.#plan.limitFrames && !mailbox.isEnded;
        if (goesOn) {
          await this.#push(mailbox, frame, decodeMs);
        } else {
          frame[Symbol.dispose]();
        }
      }
      this.#stats.decodeErrors = decoder.decodeErrors;
      return goesOn && this.#seq < this.#plan.limitFrames;
    };
    try {
      for await (const packet of session.packets) {
        await this.#views.publishPacket(packet);
        if (packet.track === video && this.#needsPictures()) {
          const startMs = clock.monotonicMs();
          const frames = await decoder.decode(packet);
          session.noteDecoded?.(frames.length > 0);
          if (!(await push(frames, startMs))) {
            return;
          }
        }
        if (signal.aborted) {
          break;
        }
      }
    } catch (error) {
      // What the decoder still holds was received whole: it is shown before the failure is.
      await push(await decoder.flush(), clock.monotonicMs());
      throw error;
    }
    await push(await decoder.flush(), clock.monotonicMs());
  }

  async #take(session: FrameSession, mailbox: Mailbox<DecodedFrame>, signal: AbortSignal): Promise<void> {
    for await (const frame of session.frames) {
      if (this.#seq >= this.#plan.limitFrames || mailbox.isEnded || signal.aborted) {
        frame[Symbol.dispose]();
        return;
      }
      await this.#push(mailbox, frame, 0);
    }
  }

  async #push(mailbox: Mailbox<DecodedFrame>, frame: VideoFrame, decodeMs: number): Promise<void> {
    this.#stats.decoded(frame.ptsUs);
    await mailbox.push({ frame, seq: this.#seq++, decodeMs, decodedAtMs: this.#context.clock.monotonicMs() });
  }

  /** Decoding costs: it happens for an analysis or a viewer of pictures; a mere recording copies packets. */
  #needsPictures(): boolean {
    return this.#plan.analysis !== undefined || this.#plan.outputs.length === 0 || this.#views.wantsPictures;
  }

  async #deliver(analysed: AnalysedFrame): Promise<void> {
    const result = analysed.finding === undefined ? undefined : this.#toResult(analysed);
    if (result !== undefined) {
      const events = this.#plan.rules.flatMap((rule) => rule.update(result));
      this.#stats.analysed(result, events.length);
      // Whoever asks for a picture because of an event gets this one.
      this.#views.hold(analysed.frame, analysed.seq, result, () => this.#shapes(analysed.frame, result));
      await this.#views.publishResult(result, events);
      await this.#tellUseCase(result);
    }
    await this.#views.show(analysed.frame, analysed.seq, result, () => this.#shapes(analysed.frame, result));
  }

  #toResult({ frame, seq, finding = {}, timingsMs }: AnalysedFrame): Result {
    const { clock } = this.#context;
    const startMs = clock.monotonicMs();
    const tracked = this.#track(finding.detections, frame.ptsUs);
    return {
      stream: this.name,
      seq,
      ptsUs: frame.ptsUs,
      capturedAtMs: frame.capturedAtMs,
      width: frame.width,
      height: frame.height,
      ...finding,
      ...(tracked === undefined ? {} : { detections: tracked }),
      timingsMs: this.#plan.tracker === undefined ? timingsMs : { ...timingsMs, track: clock.monotonicMs() - startMs },
      ageMs: clock.now() - frame.capturedAtMs,
    };
  }

  /** Trackers see every frame, also empty ones, and weak detections; what they take up or is strong is reported. */
  #track(detections: readonly Detection[] | undefined, ptsUs: MediaTimeUs): readonly Detection[] | undefined {
    const { tracker, analysis } = this.#plan;
    if (tracker === undefined || detections === undefined) {
      return detections;
    }
    const minScore = analysis?.minScore ?? 0;
    return tracker.update(detections, ptsUs).filter(({ trackId, score }) => trackId !== undefined || score >= minScore);
  }

  async #tellUseCase(result: Result): Promise<void> {
    try {
      await this.#plan.useCase?.onResult?.(result);
    } catch {
      // Its host has told the log already.
      this.#stats.drops.add("use_case_error");
    }
  }

  async #shapes(frame: VideoFrame, result: Result | undefined): Promise<readonly OverlayShape[]> {
    const shapes = this.#plan.rules.flatMap((rule) => rule.overlay(frame.width, frame.height));
    if (result === undefined || this.#plan.useCase?.draw === undefined) {
      return shapes;
    }
    try {
      return [...shapes, ...(await this.#plan.useCase.draw(result))];
    } catch {
      // Its host has told the log already.
      this.#stats.drops.add("use_case_error");
      return shapes;
    }
  }
}
