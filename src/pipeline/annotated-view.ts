import { Broadcast } from "../runtime/broadcast.ts";
import { DroppedFrame } from "./dropped-frame.ts";
import { createEncoder } from "../media/index.ts";
import type { Encoder } from "../media/index.ts";
import type { EncodePlan } from "./plan.ts";
import type { VideoFrame } from "../contracts/frame.ts";
import type { PacketFeed, ReadOptions } from "../contracts/output.ts";
import type { Packet } from "../domain/packet.ts";

/** Settings of an {@link AnnotatedView}. */
export interface AnnotatedViewOptions {
  readonly plan: EncodePlan;
  readonly isLive: boolean;
  readonly frameRate: number;
  readonly onSkip: (count: number) => void;
}

/**
 * The drawn-on pictures as one encoded stream. Encoded once, however many read, and only while somebody does; a reader
 * that comes later gets a keyframe made for it.
 */
export class AnnotatedView implements AsyncDisposable {
  readonly #options: AnnotatedViewOptions;
  readonly #broadcast: Broadcast<Packet>;
  readonly #opened = Promise.withResolvers<Encoder>();
  #encoder: Encoder | undefined;
  #wantsKeyframe = true;
  readonly #limitsBps = new Map<AbortSignal, number>();

  constructor(options: AnnotatedViewOptions) {
    this.#options = options;
    this.#broadcast = new Broadcast({ startsAt: (packet) => packet.isKeyframe, onSkip: options.onSkip });
    // Nobody may be waiting for the encoder when it cannot be opened: the error reaches readers and `show`.
    this.#opened.promise.catch(() => undefined);
  }

  get readers(): number {
    return this.#broadcast.readers;
  }

  /** Resolves when the encoder is open: with the first frame that is shown after this call. */
  async read(options: ReadOptions): Promise<PacketFeed> {
    this.#wantsKeyframe = true;
    const packets = this.#broadcast.subscribe(options);
    const encoder = await this.#opened.promise;
    return {
      tracks: [encoder.track],
      packets,
      isLive: this.#options.isLive,
      requestKeyframe: () => {
        this.#wantsKeyframe = true;
      },
      limitBitrate: (bitrateBps) => this.#limit(options.signal, bitrateBps),
    };
  }

  /** Encodes a drawn picture for the readers there are. */
  async show(frame: VideoFrame): Promise<void> {
    const encoder = (this.#encoder ??= await this.#open(frame));
    const forceKeyframe = this.#wantsKeyframe;
    this.#wantsKeyframe = false;
    for (const packet of await encoder.encode(frame, { forceKeyframe })) {
      await this.#broadcast.publish(packet);
    }
  }

  /** Readers are told apart by their signals. */
  #limit(reader: AbortSignal, bitrateBps: number): void {
    if (reader.aborted) {
      return;
    }
    if (!this.#limitsBps.has(reader)) {
      const forget = (): void => {
        this.#limitsBps.delete(reader);
        this.#applyLimits();
      };
      reader.addEventListener("abort", forget, { once: true });
    }
    this.#limitsBps.set(reader, bitrateBps);
    this.#applyLimits();
  }

  /** One encoder serves all: it goes by the narrowest line, and back to what was configured when that reader has gone. */
  #applyLimits(): void {
    this.#encoder?.setBitrate(Math.min(this.#options.plan.bitrateBps ?? Infinity, ...this.#limitsBps.values()));
  }

  /** Everything still inside the encoder goes out, then the readers' streams end. */
  async end(): Promise<void> {
    if (this.#encoder !== undefined && this.readers > 0) {
      for (const packet of await this.#encoder.flush()) {
        await this.#broadcast.publish(packet);
      }
    }
    this.#broadcast.end();
    this.#opened.reject(new DroppedFrame("stopped"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#encoder?.[Symbol.asyncDispose]();
  }

  async #open(frame: VideoFrame): Promise<Encoder> {
    const { plan, isLive, frameRate } = this.#options;
    try {
      const encoder = await createEncoder({
        codec: plan.codec,
        width: plan.size?.width ?? frame.width,
        height: plan.size?.height ?? frame.height,
        frameRate,
        quality: plan.quality,
        hwaccel: plan.hwaccel,
        lowLatency: isLive,
        sample: frame,
        // What every browser decodes, since one encoder serves all viewers.
        ...(isLive ? { profile: "baseline" as const } : {}),
        ...(plan.bitrateBps === undefined ? {} : { bitrateBps: plan.bitrateBps }),
        ...(plan.gopFrames === undefined ? {} : { gopFrames: plan.gopFrames }),
      });
      this.#opened.resolve(encoder);
      return encoder;
    } catch (error) {
      this.#opened.reject(error);
      throw error;
    }
  }
}
