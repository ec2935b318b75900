import {
  AV_FRAME_DATA_DISPLAYMATRIX,
  AV_FRAME_FLAG_INTERLACED,
  AV_NOPTS_VALUE,
  AV_PKT_FLAG_DISCARD,
  AV_PKT_FLAG_KEY,
  AVERROR_EAGAIN,
  AVERROR_EOF,
} from "node-av/constants";
import { Packet as NativePacket, type CodecContext, type Frame } from "node-av/lib";
import type { VideoFrame } from "../contracts/frame.ts";
import type { Packet, VideoTrack } from "../domain/packet.ts";
import { mediaTimeUs, wallTimeMs, type WallTimeMs } from "../domain/time.ts";
import { emptyFrame, MediaFrame } from "./media-frame.ts";
import { ticksToUs, usToTicks, MICROSECONDS } from "./media-times.ts";
import type { DecoderOptions } from "./decoder-options.ts";
import { openDecoderContext } from "./decoder-context.ts";
import type { DecoderHardware } from "./hwaccel.ts";
import { rotationOfMatrix } from "./rotation.ts";
import { UprightFilter, type UprightNeeds } from "./upright.ts";

/**
 * Turns packets into upright, progressive frames in presentation order. `decode` and `flush` may not overlap. Damaged data
 * never throws: it is counted. Frames are handed over to the caller. After disposal nothing of it runs.
 */
export interface Decoder extends AsyncDisposable {
  /** For people: which decoder runs, and why (`h264 (software; no cuda device)`). */
  readonly description: string;
  /** Frames that this packet completed: none, one or more. Follows `packet.newTrack` without losing a frame. */
  decode(packet: Packet): Promise<VideoFrame[]>;
  /** The frames still inside, after the last packet. Decoding may go on afterwards, from a keyframe. */
  flush(): Promise<VideoFrame[]>;
  /** Packets refused and pictures known to be damaged, so far. */
  readonly decodeErrors: number;
}

/** Opens a decoder for a track. Throws `E_MEDIA_CODEC`, and `E_MEDIA_HWACCEL` when a named accelerator is missing. */
export async function createDecoder(track: VideoTrack, options: DecoderOptions): Promise<Decoder> {
  const opened = await openDecoderContext(track, options);
  return new FfmpegDecoder(track, opened, options);
}

/** What must be remembered of a packet until its picture comes out. */
interface PacketTimes {
  readonly capturedAtMs: WallTimeMs;
  readonly durationUs: number;
}

/** Pictures that a decoder may hold back at most, with room: 16 reference frames and as many threads. */
const MAX_REMEMBERED = 128;

/** A decoder that fails this often in a row will not recover while it is asked the same thing. */
const MAX_ERRORS_AT_ONCE = 32;

class FfmpegDecoder implements Decoder {
  #track: VideoTrack;
  #context: CodecContext;
  #hardware: DecoderHardware | undefined;
  #filter: { readonly filter: UprightFilter; readonly key: string } | undefined;
  #isInterlaced = false;
  #errors = 0;
  #description: string;
  #isDrained = false;
  #lastPtsUs = -Infinity;
  readonly #options: DecoderOptions;
  readonly #times = new Map<number, PacketTimes>();
  readonly #native = new NativePacket();
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(track: VideoTrack, opened: Awaited<ReturnType<typeof openDecoderContext>>, options: DecoderOptions) {
    this.#track = track;
    this.#context = opened.context;
    this.#hardware = opened.hardware;
    this.#description = opened.description;
    this.#options = options;
    this.#native.alloc();
  }

  get description(): string {
    return this.#description;
  }

  get decodeErrors(): number {
    return this.#errors;
  }

  decode(packet: Packet): Promise<VideoFrame[]> {
    return this.#exclusively(() => this.#decode(packet));
  }

  flush(): Promise<VideoFrame[]> {
    return this.#exclusively(() => this.#flush());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#busy.catch(() => undefined);
    this.#filter?.filter[Symbol.dispose]();
    this.#context.freeContext();
    this.#hardware?.[Symbol.dispose]();
    this.#native.free();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(new Error("the decoder was used after it had been disposed"));
    }
    const result = work();
    this.#busy = result;
    return result;
  }

  async #decode(packet: Packet): Promise<VideoFrame[]> {
    const frames: VideoFrame[] = [];
    if (packet.newTrack?.kind === "video") {
      frames.push(...(await this.#reopen(packet.newTrack)));
    }
    if (this.#options.keyframesOnly === true && !packet.isKeyframe) {
      return frames;
    }
    if (this.#isDrained) {
      this.#context.flushBuffers();
      this.#isDrained = false;
    }
    this.#load(packet);
    // A full decoder refuses the packet until its pictures have been taken: then the same packet is offered again.
    let code = await this.#context.sendPacket(this.#native);
    while (code === AVERROR_EAGAIN) {
      frames.push(...(await this.#receive()));
      code = await this.#context.sendPacket(this.#native);
    }
    if (code < 0) {
      this.#errors += 1;
    }
    frames.push(...(await this.#receive()));
    return frames;
  }

  async #flush(): Promise<VideoFrame[]> {
    if (this.#isDrained) {
      return [];
    }
    this.#isDrained = true;
    await this.#context.sendPacket(null);
    const frames = await this.#receive();
    if (this.#filter !== undefined) {
      frames.push(...this.#handOver(await this.#filter.filter.process(null)));
      this.#dropFilter();
    }
    this.#times.clear();
    return frames;
  }

  async #reopen(track: VideoTrack): Promise<VideoFrame[]> {
    const frames = await this.#flush();
    const opened = await openDecoderContext(track, this.#options);
    this.#context.freeContext();
    this.#hardware?.[Symbol.dispose]();
    this.#track = track;
    this.#context = opened.context;
    this.#hardware = opened.hardware;
    this.#description = opened.description;
    this.#isDrained = false;
    return frames;
  }

  #load(packet: Packet): void {
    const native = this.#native;
    native.unref();
    native.data = Buffer.from(packet.data.buffer, packet.data.byteOffset, packet.data.byteLength);
    native.pts = usToTicks(packet.ptsUs);
    native.dts = usToTicks(packet.dtsUs);
    native.timeBase = MICROSECONDS;
    native.duration = usToTicks(packet.durationUs);
    if (packet.isKeyframe) {
      native.setFlags(AV_PKT_FLAG_KEY);
    }
    if (packet.isHidden === true) {
      native.setFlags(AV_PKT_FLAG_DISCARD);
    }
    this.#times.set(packet.ptsUs, packet);
    if (this.#times.size > MAX_REMEMBERED) {
      const [oldest] = this.#times.keys();
      this.#times.delete(oldest ?? 0);
    }
  }

  async #receive(): Promise<VideoFrame[]> {
    const frames: VideoFrame[] = [];
    const errorsBefore = this.#errors;
    while (true) {
      const native = emptyFrame();
      // `sendPacket` has decoded the first picture already, so this only picks it up; while draining it may compute.
      const code = this.#isDrained ? await this.#context.receiveFrame(native) : this.#context.receiveFrameSync(native);
      if (code < 0) {
        native.free();
        if (code === AVERROR_EAGAIN || code === AVERROR_EOF) {
          return frames;
        }
        this.#errors += 1;
        if (this.#errors > errorsBefore + MAX_ERRORS_AT_ONCE) {
          return frames;
        }
        continue;
      }
      if (native.decodeErrorFlags !== 0) {
        this.#errors += 1;
      }
      frames.push(...this.#handOver(await this.#upright(await this.#inMemory(native))));
    }
  }

  /** Brings a picture down from the accelerator's memory. */
  async #inMemory(native: Frame): Promise<Frame> {
    return this.#hardware === undefined ? native : this.#hardware.download(native);
  }

  async #upright(native: Frame): Promise<Frame[]> {
    if (!this.#isInterlaced && native.hasFlags(AV_FRAME_FLAG_INTERLACED)) {
      this.#isInterlaced = true;
    }
    const needs = { rotation: this.#rotationOf(native), deinterlace: this.#isInterlaced };
    if (needs.rotation === 0 && !needs.deinterlace) {
      return [native];
    }
    if (native.pts === AV_NOPTS_VALUE) {
      native.pts = native.bestEffortTimestamp;
    }
    const late = await this.#filterFor(native, needs);
    const frames = await late.filter.process(native);
    native.free();
    return [...late.earlier, ...frames];
  }

  /** The filter that fits the frame; when the format changed, what the earlier one still held comes out first. */
  async #filterFor(native: Frame, needs: UprightNeeds): Promise<{ filter: UprightFilter; earlier: Frame[] }> {
    const key = [native.width, native.height, native.format, needs.rotation, needs.deinterlace].join();
    if (this.#filter?.key === key) {
      return { filter: this.#filter.filter, earlier: [] };
    }
    const earlier = this.#filter === undefined ? [] : await this.#filter.filter.process(null);
    this.#dropFilter();
    const filter = new UprightFilter(native, needs);
    this.#filter = { filter, key };
    return { filter, earlier };
  }

  #dropFilter(): void {
    this.#filter?.filter[Symbol.dispose]();
    this.#filter = undefined;
  }

  /** A camera that turns its picture says so in the stream; files say so in the container. */
  #rotationOf(native: Frame): number {
    const matrix = native.getSideData(AV_FRAME_DATA_DISPLAYMATRIX);
    return matrix === null ? this.#track.rotation : rotationOfMatrix(matrix);
  }

  #handOver(natives: readonly Frame[]): VideoFrame[] {
    return natives.map((native) => {
      const tickUs = ticksToUs(native.pts, MICROSECONDS) ?? ticksToUs(native.bestEffortTimestamp, MICROSECONDS) ?? mediaTimeUs(0);
      const known = this.#times.get(tickUs);
      this.#times.delete(tickUs);
      const capturedAtMs = known?.capturedAtMs ?? newest(this.#times) ?? wallTimeMs(0);
      const durationUs = known?.durationUs ?? 0;
      // Frames leave in presentation order; streams without times of their own may claim otherwise.
      const ptsUs = tickUs > this.#lastPtsUs ? tickUs : mediaTimeUs(this.#lastPtsUs + Math.max(1, durationUs));
      this.#lastPtsUs = ptsUs;
      return new MediaFrame(native, { ptsUs, durationUs, capturedAtMs });
    });
  }
}

function newest(times: ReadonlyMap<number, PacketTimes>): WallTimeMs | undefined {
  return [...times.values()].at(-1)?.capturedAtMs;
}

