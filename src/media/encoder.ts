import { AV_PICTURE_TYPE_I, AV_PICTURE_TYPE_NONE, AVERROR_EAGAIN } from "node-av/constants";
import { Packet as NativePacket, type CodecContext, type Frame } from "node-av/lib";
import type { VideoFrame } from "../contracts/frame.ts";
import { mediaTimeUs, wallTimeMs, type WallTimeMs } from "../domain/time.ts";
import type { Packet, VideoTrack } from "../domain/packet.ts";
import { VedetteError } from "../errors.ts";
import { describeReturnCode, isNothing } from "./ffmpeg.ts";
import type { EncoderOptions } from "./encoder-options.ts";
import { openEncoderContext, peakBitrateBps } from "./encoder-context.ts";
import type { EncoderInput } from "./encoder-input.ts";
import { cloned, nativeOf } from "./media-frame.ts";
import { MICROSECONDS, ticksToUs, usToTicks } from "./media-times.ts";

/**
 * Turns frames into packets. Times go through exactly: what varies comes out varying. Calls may not overlap. Frames stay
 * the caller's. Frames of another size are fitted into the picture, so a stream that changes its resolution goes on.
 */
export interface Encoder extends AsyncDisposable {
  /** For people: which encoder runs. */
  readonly description: string;
  readonly track: VideoTrack;
  /** Packets that this frame completed; `forceKeyframe` makes a decoder able to start at this frame. Throws `E_MEDIA_ENCODE`. */
  encode(frame: VideoFrame, options?: { readonly forceKeyframe?: boolean }): Promise<Packet[]>;
  /** The packets still inside. The encoder takes no frames afterwards. */
  flush(): Promise<Packet[]>;
  /** Changes the target while running, as far as the encoder can; false where it cannot. */
  setBitrate(bitrateBps: number): boolean;
}

/** Opens an encoder: the hardware's where asked for and present, else the software's. Throws `E_MEDIA_ENCODE`. */
export async function createEncoder(options: EncoderOptions): Promise<Encoder> {
  const opened = await openEncoderContext(options);
  return new FfmpegEncoder(opened, options);
}

class FfmpegEncoder implements Encoder {
  readonly track: VideoTrack;
  readonly description: string;
  readonly #context: CodecContext;
  readonly #options: EncoderOptions;
  readonly #input: EncoderInput;
  readonly #packet = new NativePacket();
  readonly #times = new Map<number, { readonly capturedAtMs: WallTimeMs; readonly durationUs: number }>();
  #lastPtsUs = -Infinity;
  #lastDtsUs = -Infinity;
  #busy: Promise<unknown> = Promise.resolve();
  #isFlushed = false;
  #closed: Promise<void> | undefined;

  constructor(opened: Awaited<ReturnType<typeof openEncoderContext>>, options: EncoderOptions) {
    this.#context = opened.context;
    this.#input = opened.input;
    this.#options = options;
    this.description = opened.description;
    const extra = opened.context.extraData;
    this.track = {
      kind: "video",
      codec: options.codec === "h265" ? "hevc" : "h264",
      width: opened.context.width,
      height: opened.context.height,
      rotation: 0,
      frameRate: options.frameRate ?? 0,
      codecPrivate: extra === null ? undefined : new Uint8Array(extra),
    };
    this.#packet.alloc();
  }

  encode(frame: VideoFrame, options: { readonly forceKeyframe?: boolean } = {}): Promise<Packet[]> {
    return this.#exclusively(() => this.#encode(frame, options.forceKeyframe === true));
  }

  flush(): Promise<Packet[]> {
    return this.#exclusively(() => this.#flush());
  }

  setBitrate(bitrateBps: number): boolean {
    const most = this.#options.bitrateBps ?? peakBitrateBps(this.#options);
    if (most === undefined) {
      return false;
    }
    const target = Math.round(this.#options.bitrateBps === undefined ? Math.min(bitrateBps, most) : bitrateBps);
    if (!Number.isFinite(target)) {
      return false;
    }
    if (this.#options.bitrateBps !== undefined) {
      this.#context.bitRate = BigInt(target);
    }
    this.#context.rcMaxRate = BigInt(target);
    this.#context.rcBufferSize = target;
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#busy.catch(() => undefined);
    this.#context.freeContext();
    this.#input[Symbol.dispose]();
    this.#packet.free();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(new Error("the encoder was used after it had been disposed"));
    }
    const result = work();
    this.#busy = result;
    return result;
  }

  async #encode(frame: VideoFrame, forceKeyframe: boolean): Promise<Packet[]> {
    // A reference of our own: the caller may dispose its handle while a library thread reads.
    const source = cloned(nativeOf(frame));
    const { ptsUs, durationUs, capturedAtMs } = frame;
    if (ptsUs <= this.#lastPtsUs) {
      source.free();
      throw new VedetteError("E_MEDIA_ENCODE", { codec: this.#options.codec, reason: `times must rise: ${ptsUs} µs after ${this.#lastPtsUs} µs` });
    }
    this.#lastPtsUs = ptsUs;
    this.#times.set(ptsUs, { capturedAtMs, durationUs });
    const picture = await this.#input.prepare(source);
    try {
      picture.pts = usToTicks(ptsUs);
      picture.timeBase = MICROSECONDS;
      picture.pictType = forceKeyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
      return await this.#send(picture);
    } finally {
      picture.free();
    }
  }

  async #send(picture: Frame): Promise<Packet[]> {
    const packets: Packet[] = [];
    let code = await this.#context.sendFrame(picture);
    while (code === AVERROR_EAGAIN) {
      packets.push(...(await this.#receive()));
      code = await this.#context.sendFrame(picture);
    }
    this.#check(code);
    packets.push(...(await this.#receive()));
    return packets;
  }

  async #flush(): Promise<Packet[]> {
    if (this.#isFlushed) {
      return [];
    }
    this.#isFlushed = true;
    this.#check(await this.#context.sendFrame(null));
    return this.#receive();
  }

  async #receive(): Promise<Packet[]> {
    const packets: Packet[] = [];
    while (true) {
      const code = this.#isFlushed ? await this.#context.receivePacket(this.#packet) : this.#context.receivePacketSync(this.#packet);
      if (code < 0) {
        if (!isNothing(code)) {
          this.#check(code);
        }
        return packets;
      }
      packets.push(this.#packetOf(this.#packet));
      this.#packet.unref();
    }
  }

  #packetOf(native: NativePacket): Packet {
    const ptsUs = ticksToUs(native.pts, MICROSECONDS) ?? mediaTimeUs(0);
    const dtsUs = mediaTimeUs(Math.max(ticksToUs(native.dts, MICROSECONDS) ?? ptsUs, this.#lastDtsUs + 1));
    this.#lastDtsUs = dtsUs;
    const times = this.#times.get(ptsUs);
    this.#times.delete(ptsUs);
    return {
      track: 0,
      data: new Uint8Array(native.data ?? []),
      ptsUs,
      dtsUs,
      durationUs: times?.durationUs ?? 0,
      isKeyframe: native.isKeyframe,
      capturedAtMs: times?.capturedAtMs ?? wallTimeMs(0),
    };
  }

  #check(code: number): void {
    if (code < 0) {
      throw new VedetteError("E_MEDIA_ENCODE", { codec: this.#options.codec, reason: describeReturnCode(code) });
    }
  }
}
