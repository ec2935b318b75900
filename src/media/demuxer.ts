import {
  AV_DISPOSITION_ATTACHED_PIC,
  AV_PKT_DATA_NEW_EXTRADATA,
  AV_PKT_FLAG_CORRUPT,
  AV_PKT_FLAG_DISCARD,
  AVDISCARD_ALL,
  AVERROR_EOF,
  AVERROR_EAGAIN,
  AVFMT_FLAG_GENPTS,
  AVMEDIA_TYPE_VIDEO,
} from "node-av/constants";
import { Dictionary, FormatContext, InputFormat, Packet as NativePacket } from "node-av/lib";
import type { Clock } from "../contracts/clock.ts";
import type { PacketSession } from "../contracts/source.ts";
import type { Packet, Track } from "../domain/packet.ts";
import { mediaTimeUs, wallTimeMs, type MediaTimeUs } from "../domain/time.ts";
import { VedetteError } from "../errors.ts";
import { redactUrl } from "../runtime/redact.ts";
import { systemClock } from "../runtime/clock.ts";
import { checked, FfmpegFailure } from "./ffmpeg.ts";
import { openFailure, readFailure } from "./demux-errors.ts";
import { MICROSECONDS, ticksToUs } from "./media-times.ts";
import { trackOf } from "./tracks.ts";
import { lacksEnd } from "./truncation.ts";

/** How media is opened. */
export interface OpenMediaOptions {
  /** True for cameras and servers that do not wait for us; `unless-finite` asks the input: what has a known length waits. */
  readonly isLive: boolean | "unless-finite";
  /** What FFmpeg may open for this input, playlists' entries included: its protocol names, `["file"]` for a local file. */
  readonly protocols: readonly string[];
  /** FFmpeg's name of the demuxer, where it cannot be told from the data (`mpjpeg`, `v4l2`). */
  readonly format?: string;
  /** Options of demuxer and protocol, as FFmpeg names them. */
  readonly formatOptions?: Readonly<Record<string, string>>;
  /** Aborting interrupts the opening, and later ends the packets quietly. */
  readonly signal: AbortSignal;
  /** The address for people, without credentials. */
  readonly name?: string;
  /** True when the input's times count from 1970: they tell then when each picture was captured. */
  readonly hasWallClockTimes?: boolean;
  readonly clock?: Clock;
}

/**
 * Opens a file, stream or device and finds its tracks: the best video track, and every audio track. Packets are copies
 * and outlive the session. Throws `E_SOURCE_…` and `E_MEDIA_…`; a file that ends too early delivers what is there and
 * then throws `E_MEDIA_TRUNCATED`.
 */
export async function openMedia(address: string, options: OpenMediaOptions): Promise<PacketSession> {
  const name = options.name ?? redactUrl(address);
  options.signal.throwIfAborted();
  const context = new FormatContext();
  context.allocContext();
  const interrupt = (): void => {
    context.interrupt();
  };
  options.signal.addEventListener("abort", interrupt, { once: true });
  try {
    await openInput(context, address, options);
    const { tracks, trackOfStream, videoStream } = selectTracks(context, name);
    return new Demuxer({ context, tracks, trackOfStream, videoStream, name, options, interrupt });
  } catch (error) {
    options.signal.removeEventListener("abort", interrupt);
    await context.closeInput();
    options.signal.throwIfAborted();
    throw error instanceof FfmpegFailure ? openFailure(name, error) : error;
  }
}

async function openInput(context: FormatContext, address: string, options: OpenMediaOptions): Promise<void> {
  using dictionary = Dictionary.fromObject({
    ...options.formatOptions,
    // FFmpeg takes an empty list for "everything".
    protocol_whitelist: options.protocols.length === 0 ? "none" : options.protocols.join(","),
  });
  const format = options.format === undefined ? null : InputFormat.findInputFormat(options.format);
  if (options.format !== undefined && format === null) {
    throw new VedetteError("E_MEDIA_FORMAT", { source: options.name ?? redactUrl(address), reason: `no demuxer called ${options.format} in this build` });
  }
  if (options.isLive === false) {
    // Elementary streams with B-frames carry no presentation times; FFmpeg works them out by reading ahead.
    context.setFlags(AVFMT_FLAG_GENPTS);
  }
  checked(await context.openInput(address, format, dictionary), "opening");
  checked(await context.findStreamInfo(), "reading the tracks");
}

interface Selection {
  readonly tracks: readonly Track[];
  /** Track index per stream index; undefined for streams that are left out. */
  readonly trackOfStream: readonly (number | undefined)[];
  readonly videoStream: number;
}

function selectTracks(context: FormatContext, name: string): Selection {
  const streams = context.streams;
  const video = context.findBestStream(AVMEDIA_TYPE_VIDEO);
  const tracks: Track[] = [];
  const found: string[] = [];
  const trackOfStream = streams.map((stream) => {
    const track = trackOf(stream);
    const isCover = stream.hasDisposition(AV_DISPOSITION_ATTACHED_PIC);
    if (track !== undefined) {
      found.push(isCover ? "a cover picture" : `${track.kind} (${track.codec})`);
    }
    if (track === undefined || isCover || (track.kind === "video" && stream.index !== video)) {
      stream.discard = AVDISCARD_ALL;
      return undefined;
    }
    tracks.push(track);
    return tracks.length - 1;
  });
  if (!tracks.some((track) => track.kind === "video")) {
    throw found.length === 0
      ? new VedetteError("E_MEDIA_FORMAT", { source: name, reason: "it holds no video or audio" })
      : new VedetteError("E_MEDIA_NO_VIDEO", { source: name, found: found.join(", ") });
  }
  return { tracks, trackOfStream, videoStream: video };
}

interface DemuxerParts extends Selection {
  readonly context: FormatContext;
  readonly name: string;
  readonly options: OpenMediaOptions;
  readonly interrupt: () => void;
}

/** A step back in time that is more than a container's carelessness. */
const JUMP_US = 500_000;

/** Time from the last picture before a jump to the first one after it. */
const RESUME_US = 40_000;

/** One open input. Reads one packet ahead of nobody: each is read when it is asked for. */
class Demuxer implements PacketSession {
  readonly delivers = "packets";
  readonly isLive: boolean;
  readonly tracks: readonly Track[];
  readonly packets: AsyncIterable<Packet>;
  readonly durationS: number | undefined;
  readonly #parts: DemuxerParts;
  readonly #clock: Clock;
  readonly #timeBases: readonly { readonly num: number; readonly den: number }[];
  readonly #lastDtsUs: (number | undefined)[];
  #isClosing = false;
  #reading: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;
  #videoPackets = 0;
  #shiftUs = 0;

  constructor(parts: DemuxerParts) {
    this.#parts = parts;
    this.#clock = parts.options.clock ?? systemClock;
    const durationUs = Number(parts.context.duration);
    this.isLive = parts.options.isLive === "unless-finite" ? !(durationUs > 0) : parts.options.isLive;
    this.tracks = parts.tracks;
    this.#timeBases = parts.context.streams.map((stream) => stream.timeBase);
    this.#lastDtsUs = parts.tracks.map(() => undefined);
    this.durationS = !this.isLive && durationUs > 0 ? durationUs / 1_000_000 : undefined;
    this.packets = this.#read();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    this.#parts.options.signal.removeEventListener("abort", this.#parts.interrupt);
    this.#parts.context.interrupt();
    await this.#reading;
    await this.#parts.context.closeInput();
  }

  #isStopped(): boolean {
    return this.#isClosing || this.#parts.options.signal.aborted;
  }

  async *#read(): AsyncGenerator<Packet, void, undefined> {
    const { context, trackOfStream } = this.#parts;
    using native = new NativePacket();
    native.alloc();
    let wasCut = false;
    while (!this.#isStopped()) {
      const reading = context.readFrame(native);
      this.#reading = reading;
      const code = await reading;
      if (this.#isStopped()) {
        return;
      }
      if (code === AVERROR_EAGAIN) {
        // A device without a picture yet: it blocks in reads, so this is rare and the pause short.
        await this.#clock.sleep(1);
        continue;
      }
      if (code === AVERROR_EOF && !wasCut) {
        this.#complainIfShort();
        return;
      }
      if (code < 0) {
        throw readFailure(this.#parts.name, code, { isLive: this.isLive, frames: this.#videoPackets });
      }
      const track = trackOfStream[native.streamIndex];
      if (track !== undefined && native.size > 0) {
        this.#videoPackets += this.tracks[track]?.kind === "video" ? 1 : 0;
        wasCut = !this.isLive && native.hasFlags(AV_PKT_FLAG_CORRUPT);
        yield this.#packetOf(native, track);
      }
      native.unref();
    }
  }

  #packetOf(native: NativePacket, track: number): Packet {
    const timeBase = this.#timeBases[native.streamIndex] ?? native.timeBase;
    const pts = ticksToUs(native.pts, timeBase);
    const dts = ticksToUs(native.dts, timeBase) ?? this.#assumedDts(native, track, pts);
    this.#bridgeJump(track, dts);
    const dtsUs = this.#risingDts(track, dts === undefined ? undefined : mediaTimeUs(dts + this.#shiftUs));
    const ptsUs = pts === undefined ? dtsUs : mediaTimeUs(pts + this.#shiftUs);
    const newTrack = this.#newTrackOf(native, track);
    return {
      track,
      // A copy with a buffer of its own: it crosses threads without its neighbours.
      data: new Uint8Array(native.data ?? []),
      ptsUs,
      dtsUs,
      durationUs: native.duration > 0n ? (ticksToUs(native.duration, timeBase) ?? 0) : 0,
      isKeyframe: native.isKeyframe,
      capturedAtMs: this.#parts.options.hasWallClockTimes === true ? wallTimeMs(ptsUs / 1000) : this.#clock.now(),
      ...(native.hasFlags(AV_PKT_FLAG_DISCARD) ? { isHidden: true } : {}),
      ...(newTrack === undefined ? {} : { newTrack }),
    };
  }

  /** Matroska holds no decoding times. With B-frames they begin before the first presentation time, and FFmpeg knows them later. */
  #assumedDts(native: NativePacket, track: number, ptsUs: MediaTimeUs | undefined): MediaTimeUs | undefined {
    const stream = this.#parts.context.streams[native.streamIndex];
    const last = this.#lastDtsUs[track];
    const durationUs = ticksToUs(native.duration, native.duration > 0n && stream !== undefined ? stream.timeBase : MICROSECONDS) ?? 0;
    const stepUs = durationUs > 0 ? durationUs : RESUME_US;
    if (ptsUs === undefined) {
      // An elementary stream: pictures are counted.
      return mediaTimeUs(last === undefined ? 0 : last + stepUs - this.#shiftUs);
    }
    const reordered = stream?.codecpar.videoDelay ?? 0;
    if (reordered === 0) {
      return ptsUs;
    }
    // Without a time, the one after the last stands in.
    return last === undefined ? mediaTimeUs(ptsUs - reordered * stepUs) : undefined;
  }

  /** An encoder that was restarted counts from the start again: the stream goes on where it was. */
  #bridgeJump(track: number, dtsUs: MediaTimeUs | undefined): void {
    const last = this.#lastDtsUs[track];
    if (dtsUs !== undefined && last !== undefined && this.tracks[track]?.kind === "video" && dtsUs + this.#shiftUs < last - JUMP_US) {
      this.#shiftUs = last + RESUME_US - dtsUs;
    }
  }

  /** Decoding times rise strictly: where a container repeats or omits one, the next microsecond stands in. */
  #risingDts(track: number, dtsUs: MediaTimeUs | undefined): MediaTimeUs {
    const last = this.#lastDtsUs[track];
    const rising = last === undefined ? (dtsUs ?? mediaTimeUs(0)) : mediaTimeUs(Math.max(dtsUs ?? -Infinity, last + 1));
    this.#lastDtsUs[track] = rising;
    return rising;
  }

  /** Containers announce a new resolution or codec profile with the parameter sets that apply from there on. */
  #newTrackOf(native: NativePacket, track: number): Track | undefined {
    const known = this.tracks[track];
    const changed = native.getSideData(AV_PKT_DATA_NEW_EXTRADATA);
    return changed === null || known === undefined ? undefined : { ...known, codecPrivate: new Uint8Array(changed) };
  }

  /** Containers that lose their end look like ones that are finished: compare with what the header promised. */
  #complainIfShort(): void {
    const { context, name, videoStream, trackOfStream } = this.#parts;
    const videoUs = this.#lastDtsUs[this.tracks.findIndex((track) => track.kind === "video")];
    const anyUs = trackOfStream.includes(undefined) ? undefined : Math.max(...this.#lastDtsUs.map((us) => us ?? 0));
    if (!this.isLive && videoUs !== undefined && lacksEnd(context, { videoStream, videoUs, anyUs })) {
      throw new VedetteError("E_MEDIA_TRUNCATED", { source: name, frames: this.#videoPackets, reason: "its header promises more" });
    }
  }
}
