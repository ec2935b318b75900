import { AV_PKT_FLAG_KEY, AVERROR_ENOSPC, AVFMT_FLAG_FLUSH_PACKETS, AVIO_FLAG_WRITE } from "node-av/constants";
import { Dictionary, FormatContext, IOContext, Packet as NativePacket } from "node-av/lib";
import type { Packet, Track } from "../domain/packet.ts";
import { VedetteError } from "../errors.ts";
import { checked, describeReturnCode, FfmpegFailure } from "./ffmpeg.ts";
import { MICROSECONDS, usToTicks } from "./media-times.ts";
import { describeTrack } from "./mux-tracks.ts";
import { extractParameterSets, lacksParameterSets, withParameterSets } from "./parameter-sets.ts";

/** How a container is written. */
export interface MuxerOptions {
  /**
   * `mp4`: a regular MP4 once closed, and playable up to the last second when the process dies before; `fmp4`: fragments
   * to the end; `matroska`.
   */
  readonly format: "mp4" | "fmp4" | "matroska";
  /** As a source or encoder gave them; `packet.track` counts in this order. */
  readonly tracks: readonly Track[];
  /** The file's name for people; the path when left out. */
  readonly name?: string;
}

/**
 * Writes packets into a container, untouched, with their own times. `write` may not overlap. Throws `E_OUTPUT_FULL` when
 * the device is full, `E_OUTPUT_BROKEN` otherwise. Disposing finishes the file, once; `close` says whether that worked.
 */
export interface Muxer extends AsyncDisposable {
  write(packet: Packet): Promise<void>;
  /** Finishes the file. Throws as `write`. */
  close(): Promise<void>;
}

const CONTAINERS = {
  mp4: { container: "mp4", flags: "+hybrid_fragmented+frag_keyframe+default_base_moof+delay_moov" },
  fmp4: { container: "mp4", flags: "+frag_keyframe+empty_moov+default_base_moof+delay_moov" },
  matroska: { container: "matroska", flags: undefined },
} as const;

/** Longest piece that a crash can cost. */
const FRAGMENT_US = 1_000_000;

/** Creates a file. Throws `E_OUTPUT_UNWRITABLE`, and `E_OUTPUT_BROKEN` for tracks that the container cannot hold. */
export async function createMuxer(path: string, options: MuxerOptions): Promise<Muxer> {
  const name = options.name ?? path;
  const output = new IOContext();
  const code = await output.open2(`file:${path}`, AVIO_FLAG_WRITE);
  if (code < 0) {
    throw new VedetteError("E_OUTPUT_UNWRITABLE", { output: name, reason: describeReturnCode(code) });
  }
  return startMuxer({ output, name, close: () => output.closep() }, options);
}

/** As {@link createMuxer} for an `fmp4` in memory: `onData` receives the header, then fragment by fragment. */
export async function createStreamMuxer(onData: (bytes: Uint8Array) => void, options: { readonly tracks: readonly Track[] }): Promise<Muxer> {
  const output = new IOContext();
  output.allocContextWithCallbacks(65_536, 1, null, (buffer) => {
    onData(new Uint8Array(buffer));
    return buffer.length;
  });
  const close = (): Promise<number> => {
    output.freeContext();
    return Promise.resolve(0);
  };
  return startMuxer({ output, name: "memory", close }, { ...options, format: "fmp4" });
}

/** Where a container's bytes go. */
interface Target {
  readonly output: IOContext;
  readonly name: string;
  close(): Promise<number>;
}

async function startMuxer(target: Target, options: MuxerOptions): Promise<Muxer> {
  const waiting = options.tracks.findIndex((track) => track.kind === "video" && lacksParameterSets(track));
  if (waiting >= 0) {
    return new WaitingMuxer(target, options, waiting);
  }
  try {
    return new FfmpegMuxer(await writeHeader(target, options), target, options.tracks);
  } catch (error) {
    await target.close();
    throw error;
  }
}

async function writeHeader({ output, name }: Target, options: MuxerOptions): Promise<FormatContext> {
  const { container, flags } = CONTAINERS[options.format];
  const context = new FormatContext();
  try {
    checked(context.allocOutputContext2(null, container, null), "choosing the container");
    context.pb = output;
    context.setFlags(AVFMT_FLAG_FLUSH_PACKETS);
    for (const track of options.tracks) {
      describeTrack(context.newStream(), track);
    }
    using dictionary = Dictionary.fromObject(
      flags === undefined ? {} : { movflags: flags, frag_duration: FRAGMENT_US, min_frag_duration: FRAGMENT_US / 2, use_editlist: 1 },
    );
    checked(await context.writeHeader(dictionary), "writing the header");
    return context;
  } catch (error) {
    context.pb = null;
    context.freeContext();
    throw error instanceof FfmpegFailure ? outputFailure(name, error.returnCode) : error;
  }
}

/** Holds the header back until a keyframe shows the parameter sets; what comes before cannot be shown anyway. */
class WaitingMuxer implements Muxer {
  readonly #target: Target;
  readonly #options: MuxerOptions;
  readonly #video: number;
  #muxer: Muxer | undefined;
  #closed: Promise<void> | undefined;

  constructor(target: Target, options: MuxerOptions, video: number) {
    this.#target = target;
    this.#options = options;
    this.#video = video;
  }

  async write(packet: Packet): Promise<void> {
    this.#muxer ??= await this.#started(packet);
    await this.#muxer?.write(packet);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#muxer === undefined ? this.#target.close().then(() => undefined) : this.#muxer.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever wants to know calls `close`.
    await this.close().catch(() => undefined);
  }

  async #started(packet: Packet): Promise<Muxer | undefined> {
    const track = this.#options.tracks[this.#video];
    if (packet.track !== this.#video || !packet.isKeyframe || track?.kind !== "video") {
      return undefined;
    }
    const codecPrivate = extractParameterSets(track, packet);
    if (codecPrivate === undefined) {
      return undefined;
    }
    const tracks = this.#options.tracks.with(this.#video, { ...track, codecPrivate });
    return new FfmpegMuxer(await writeHeader(this.#target, { ...this.#options, tracks }), this.#target, tracks);
  }
}

function outputFailure(output: string, code: number): VedetteError {
  return code === AVERROR_ENOSPC
    ? new VedetteError("E_OUTPUT_FULL", { output })
    : new VedetteError("E_OUTPUT_BROKEN", { output, reason: describeReturnCode(code) });
}

class FfmpegMuxer implements Muxer {
  readonly #context: FormatContext;
  readonly #target: Target;
  readonly #tracks: readonly Track[];
  readonly #native = new NativePacket();
  readonly #timeBases: readonly { readonly num: number; readonly den: number }[];
  readonly #lastDts: bigint[] = [];
  readonly #latestEnd: bigint[] = [];
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(context: FormatContext, target: Target, tracks: readonly Track[]) {
    this.#context = context;
    this.#target = target;
    this.#tracks = tracks;
    this.#timeBases = context.streams.map((stream) => stream.timeBase);
    this.#native.alloc();
  }

  write(packet: Packet): Promise<void> {
    if (this.#closed !== undefined) {
      return Promise.reject(new Error("the muxer was used after it had been closed"));
    }
    const result = this.#write(packet);
    this.#busy = result;
    return result;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever wants to know calls `close`.
    await this.close().catch(() => undefined);
  }

  async #write(packet: Packet): Promise<void> {
    const native = this.#native;
    const { data } = packet.newTrack === undefined ? packet : this.#changed(packet, packet.newTrack);
    native.unref();
    native.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    native.streamIndex = packet.track;
    native.pts = usToTicks(packet.ptsUs);
    native.dts = usToTicks(packet.dtsUs);
    native.duration = usToTicks(packet.durationUs);
    if (packet.isKeyframe) {
      native.setFlags(AV_PKT_FLAG_KEY);
    }
    const timeBase = this.#timeBases[packet.track];
    if (timeBase === undefined) {
      throw new RangeError(`packet of track ${packet.track}, but there are ${this.#tracks.length} tracks`);
    }
    native.rescaleTs(MICROSECONDS, timeBase);
    const last = this.#lastDts[packet.track];
    if (last !== undefined && native.dts <= last) {
      // Matroska counts milliseconds: two packets can fall onto one.
      native.dts = last + 1n;
    }
    if (native.pts < native.dts) {
      native.pts = native.dts;
    }
    if (native.duration === 0n && last !== undefined) {
      // An MP4 without the last picture's length hides that picture.
      native.duration = native.dts - last;
    }
    // The file's length is taken from the packet written last, which with B-frames is not the one shown last. Only the
    // last packet's duration is ever used: the others' follow from the next decoding time.
    const end = native.pts + native.duration;
    const latest = this.#latestEnd[packet.track] ?? end;
    native.duration = latest > end ? latest - native.pts : native.duration;
    this.#latestEnd[packet.track] = latest > end ? latest : end;
    this.#lastDts[packet.track] = native.dts;
    this.#check(await this.#context.interleavedWriteFrame(native));
  }

  /** A new resolution goes on in the same file; another codec cannot. */
  #changed(packet: Packet, track: Track): Packet {
    const before = this.#tracks[packet.track];
    if (before !== undefined && before.codec !== track.codec) {
      const reason = `the stream changed from ${before.codec} to ${track.codec}, and a recording holds one codec`;
      throw new VedetteError("E_OUTPUT_BROKEN", { output: this.#target.name, reason });
    }
    return track.kind === "video" ? withParameterSets(track, packet) : packet;
  }

  async #close(): Promise<void> {
    await this.#busy.catch(() => undefined);
    const code = await this.#context.writeTrailer();
    this.#context.pb = null;
    const closed = await this.#target.close();
    this.#context.freeContext();
    this.#native.free();
    this.#check(Math.min(code, closed));
  }

  #check(code: number): void {
    if (code < 0) {
      throw outputFailure(this.#target.name, code);
    }
  }
}

