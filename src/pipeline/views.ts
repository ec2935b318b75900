import { AnnotatedView } from "./annotated-view.ts";
import { createFrameReader } from "../media/index.ts";
import { DroppedFrame } from "./dropped-frame.ts";
import { Jpegs, qualityOf } from "./jpegs.ts";
import { OriginalView } from "./original-view.ts";
import { Broadcast } from "../runtime/broadcast.ts";
import type { StreamPlan } from "./plan.ts";
import type { Drops } from "../runtime/drops.ts";
import type { DrawableFrame, VideoFrame } from "../contracts/frame.ts";
import type { JpegOptions, JpegPicture, PacketFeed, ReadOptions, StreamTaps, View } from "../contracts/output.ts";
import type { OverlayShape } from "../contracts/rule.ts";
import type { SourceSession } from "../contracts/source.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Packet } from "../domain/packet.ts";
import type { Result } from "../domain/result.ts";
import { VedetteError } from "../errors.ts";

/** The last frame that was shown, with what belongs on it. */
interface NewestFrame {
  readonly frame: VideoFrame;
  readonly seq: number;
  readonly result: Result | undefined;
  readonly shapes: () => Promise<readonly OverlayShape[]>;
}

/**
 * What a running stream shows to its outputs: both views, results and events. Everything is made on demand: drawing,
 * encoding and JPEGs happen only while somebody reads them.
 */
export class Views implements StreamTaps, AsyncDisposable {
  readonly stream: string;
  readonly #plan: StreamPlan;
  readonly #drops: Drops;
  readonly #reader = createFrameReader();
  readonly #results = new Broadcast<Result>();
  readonly #events = new Broadcast<RuleEvent>();
  readonly #jpegs: Record<View, Jpegs>;
  readonly #ready = Promise.withResolvers<undefined>();
  #original: OriginalView | undefined;
  #annotated: AnnotatedView | undefined;
  #newest: NewestFrame | undefined;
  #newestResult: Result | undefined;

  constructor(plan: StreamPlan, drops: Drops) {
    this.stream = plan.name;
    this.#plan = plan;
    this.#drops = drops;
    const onSkip = (count: number): void => drops.add("reader_slow", count);
    this.#jpegs = { original: new Jpegs(this.#reader, onSkip), annotated: new Jpegs(this.#reader, onSkip) };
    // Without outputs nobody waits for it; a failing source is reported by the stream itself.
    this.#ready.promise.catch(() => undefined);
  }

  /** The source is open: readers that waited for its tracks are served from the first packet on. */
  start(session: SourceSession): void {
    const onSkip = (count: number): void => this.#drops.add("reader_slow", count);
    const { isLive } = session;
    let frameRate = 0;
    if (session.delivers === "packets") {
      this.#original = new OriginalView(session.tracks, { isLive, onSkip });
      frameRate = session.tracks.find((track) => track.kind === "video")?.frameRate ?? 0;
    } else {
      frameRate = session.frameRate;
    }
    this.#annotated = new AnnotatedView({ plan: this.#plan.encode, isLive, frameRate, onSkip });
    this.#ready.resolve(undefined);
  }

  get rules(): readonly string[] {
    return this.#plan.rules.map((rule) => rule.name);
  }

  /** True when somebody wants to see decoded pictures. */
  get wantsPictures(): boolean {
    return this.#plan.pictureSink?.isWanted === true || (this.#annotated?.readers ?? 0) > 0 || this.#jpegs.annotated.readers > 0 || this.#jpegs.original.readers > 0;
  }

  async packets(view: View, options: ReadOptions): Promise<PacketFeed> {
    await this.#ready.promise;
    // A generator has no packets: its original view is encoded like the annotated one.
    const source = view === "original" ? (this.#original ?? this.#annotated) : this.#annotated;
    if (source === undefined) {
      throw new VedetteError("E_INTERNAL", { reason: "the stream has no views yet" });
    }
    return source.read(options);
  }

  async *jpegs(view: View, options: JpegOptions): AsyncGenerator<JpegPicture, void, undefined> {
    const greeting = await this.#greeting(view, qualityOf(options)());
    yield* this.#jpegs[view].read(options, greeting);
  }

  results(options: ReadOptions): AsyncIterable<Result> {
    return this.#results.subscribe(options);
  }

  events(options: ReadOptions): AsyncIterable<RuleEvent> {
    return this.#events.subscribe(options);
  }

  async publishPacket(packet: Packet): Promise<void> {
    await this.#original?.publish(packet);
  }

  async publishResult(result: Result, events: readonly RuleEvent[]): Promise<void> {
    this.#newestResult = result;
    await this.#results.publish(result);
    for (const event of events) {
      await this.#events.publish(event);
    }
  }

  /** The frame whose result comes next: a picture asked for from now on is this one. Takes no ownership. */
  hold(frame: VideoFrame, seq: number, result: Result, shapes: () => Promise<readonly OverlayShape[]>): void {
    this.#keep({ frame: frame.retain(), seq, result, shapes });
  }

  /** Shows a frame, drawn with its own result or else the newest one. Takes no ownership. */
  async show(frame: VideoFrame, seq: number, result: Result | undefined, shapes: () => Promise<readonly OverlayShape[]>): Promise<void> {
    this.#keep({ frame: frame.retain(), seq, result: result ?? this.#newestResult, shapes });
    if (this.#jpegs.original.readers > 0) {
      await this.#jpegs.original.show(frame, seq);
    }
    const encodes = (this.#annotated?.readers ?? 0) > 0;
    const sink = this.#plan.pictureSink?.isWanted === true ? this.#plan.pictureSink : undefined;
    if (!encodes && sink === undefined && this.#jpegs.annotated.readers === 0) {
      return;
    }
    using drawn = await this.#draw(frame, result ?? this.#newestResult, await shapes());
    if (this.#jpegs.annotated.readers > 0) {
      await this.#jpegs.annotated.show(drawn, seq);
    }
    await sink?.take(drawn, this.#reader);
    if (encodes) {
      await this.#annotated?.show(drawn);
    }
  }

  /** Ends every reader after what was made for it. */
  async end(): Promise<void> {
    this.#ready.reject(new DroppedFrame("stopped"));
    this.#plan.pictureSink?.end();
    this.#original?.end();
    await this.#annotated?.end();
    this.#jpegs.original.end();
    this.#jpegs.annotated.end();
    this.#results.end();
    this.#events.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#newest?.frame[Symbol.dispose]();
    this.#newest = undefined;
    await this.#annotated?.[Symbol.asyncDispose]();
    await this.#reader[Symbol.asyncDispose]();
  }

  async #draw(frame: VideoFrame, result: Result | undefined, shapes: readonly OverlayShape[]): Promise<DrawableFrame> {
    const drawn = await this.#reader.toDrawable(frame);
    for (const drawer of this.#plan.drawers) {
      await drawer.draw(drawn.picture, result, shapes);
    }
    return drawn;
  }

  /** The newest frame stays at hand, so that a viewer who comes between two frames is greeted with it. */
  #keep(newest: NewestFrame): void {
    this.#newest?.frame[Symbol.dispose]();
    this.#newest = newest;
  }

  async #greeting(view: View, quality: number): Promise<JpegPicture | undefined> {
    const known = this.#jpegs[view].newest(quality);
    if (this.#newest === undefined || known?.seq === this.#newest.seq) {
      return known;
    }
    const { seq, result, shapes } = this.#newest;
    using frame = this.#newest.frame.retain();
    if (view === "original") {
      return await this.#jpegs.original.encode(frame, seq, quality);
    }
    using drawn = await this.#draw(frame, result, await shapes());
    return await this.#jpegs.annotated.encode(drawn, seq, quality);
  }
}
