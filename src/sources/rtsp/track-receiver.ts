import type { Packet, Track } from "../../domain/packet.ts";
import { mediaTimeUs } from "../../domain/time.ts";
import type { WallTimeMs } from "../../domain/time.ts";
import { H264 } from "../../protocols/h264/h264.ts";
import { H265 } from "../../protocols/h265/h265.ts";
import { ParameterSets } from "../../protocols/nal/parameter-sets.ts";
import { CaptureClock } from "../../protocols/rtp/capture-clock.ts";
import type { CaptureClockMode } from "../../protocols/rtp/capture-clock.ts";
import { DecodeTimes } from "../../protocols/rtp/decode-times.ts";
import type { AccessUnit, Depayloader } from "../../protocols/rtp/depayloader.ts";
import { ReceptionReport } from "../../protocols/rtp/reception-report.ts";
import { ReorderBuffer } from "../../protocols/rtp/reorder-buffer.ts";
import type { OrderedPacket, ReorderCounts } from "../../protocols/rtp/reorder-buffer.ts";
import { parseRtcp, writeRtcp } from "../../protocols/rtp/rtcp.ts";
import { parseRtp } from "../../protocols/rtp/rtp-packet.ts";
import { TimestampUnwrapper, timestampDistance } from "../../protocols/rtp/serial.ts";

/** One track as negotiated. */
export interface ReceiverOptions {
  /** Index in the session's tracks. */
  readonly index: number;
  readonly track: Track;
  readonly payloadType: number;
  readonly clockRateHz: number;
  readonly depayloader: Depayloader;
  /** RTP timestamp of the session's beginning, from RTP-Info. */
  readonly startTimestamp: number | undefined;
  /** How long a missing packet is waited for; 0 over TCP. */
  readonly reorderWaitMs: number;
  readonly captureClock: CaptureClockMode;
  /** Milliseconds since the session began, on the monotonic clock. */
  readonly sessionMs: () => number;
  readonly now: () => WallTimeMs;
  readonly ssrc: number;
}

/** RTP-Info further from the first packet than this is wrong, and ignored. */
const MAX_START_DIFFERENCE_S = 10;

/** Turns one track's RTP and RTCP packets into packets of the session. Sans I/O. */
export class TrackReceiver {
  readonly #options: ReceiverOptions;
  readonly #reorder: ReorderBuffer;
  readonly #report: ReceptionReport;
  readonly #capture: CaptureClock;
  readonly #unwrapper = new TimestampUnwrapper();
  readonly #decodeTimes: DecodeTimes;
  #startUs: number | undefined;
  #startTicks = 0;
  #hasEnded = false;
  #damaged = 0;
  #malformed = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#reorder = new ReorderBuffer({ capacity: 512, waitMs: options.reorderWaitMs });
    this.#report = new ReceptionReport(options.clockRateHz);
    this.#capture = new CaptureClock(options.clockRateHz, options.captureClock);
    this.#decodeTimes = new DecodeTimes(reorderDepth(options.track));
  }

  /** True after the sender said goodbye (RTCP BYE). */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What went wrong so far. */
  get counts(): ReorderCounts & { readonly damaged: number; readonly malformed: number } {
    return { ...this.#reorder.counts, damaged: this.#damaged, malformed: this.#malformed };
  }

  /** Takes an RTP packet as it arrived. */
  rtp(bytes: Uint8Array): Packet[] {
    const packet = parseRtp(bytes);
    if (packet === undefined) {
      this.#malformed++;
      return [];
    }
    // Other payload types (telephone events, FEC, padding probes) are not ours.
    if (packet.payloadType !== this.#options.payloadType) {
      return [];
    }
    const ms = this.#options.sessionMs();
    this.#report.received(packet, ms);
    return this.#take(this.#reorder.push(packet, ms));
  }

  /** Gives up on packets that are missing for too long. */
  advance(): Packet[] {
    return this.#take(this.#reorder.advance(this.#options.sessionMs()));
  }

  /** Takes an RTCP packet. */
  rtcp(bytes: Uint8Array): void {
    for (const packet of parseRtcp(bytes)) {
      if (packet.kind === "sender-report") {
        this.#capture.senderReport(packet.wallTimeMs, packet.rtpTimestamp);
        this.#report.senderReport(packet.ntpMiddle, this.#options.sessionMs());
      } else if (packet.kind === "bye") {
        this.#hasEnded = true;
      }
    }
  }

  /** A receiver report to send. */
  report(): Uint8Array {
    const { ssrc } = this.#options;
    const block = this.#report.block(this.#options.sessionMs());
    return Buffer.concat([
      writeRtcp({ kind: "receiver-report", ssrc, reports: block === undefined ? [] : [block] }),
      writeRtcp({ kind: "source-name", ssrc, cname: "vedette" }),
    ]);
  }

  #take(ordered: readonly OrderedPacket[]): Packet[] {
    return ordered.flatMap((packet) => this.#options.depayloader.push(packet)).map((unit) => this.#toPacket(unit));
  }

  #toPacket(unit: AccessUnit): Packet {
    const { index } = this.#options;
    this.#damaged += unit.isDamaged ? 1 : 0;
    const ptsUs = this.#ptsUs(unit.timestamp);
    const depth = unit.newTrack === undefined ? undefined : reorderDepth(unit.newTrack);
    if (depth !== undefined) {
      this.#decodeTimes.setDepth(depth);
    }
    return {
      track: index,
      data: unit.data,
      ptsUs: mediaTimeUs(ptsUs),
      dtsUs: mediaTimeUs(this.#decodeTimes.next(ptsUs)),
      durationUs: 0,
      isKeyframe: unit.isKeyframe,
      capturedAtMs: this.#capture.capturedAt(unit.timestamp, this.#options.now()),
      ...(unit.newTrack === undefined ? {} : { newTrack: unit.newTrack }),
    };
  }

  /** Media time: from RTP-Info where it is believable, else from when the track's first packet arrived. */
  #ptsUs(timestamp: number): number {
    const ticks = this.#unwrapper.unwrap(timestamp);
    const { clockRateHz, startTimestamp } = this.#options;
    if (this.#startUs === undefined) {
      const ahead = startTimestamp === undefined ? -1 : timestampDistance(startTimestamp, timestamp) / clockRateHz;
      const isBelievable = ahead >= 0 && ahead <= MAX_START_DIFFERENCE_S;
      this.#startTicks = ticks;
      this.#startUs = Math.round(isBelievable ? ahead * 1e6 : this.#options.sessionMs() * 1000);
    }
    return this.#startUs + Math.round(((ticks - this.#startTicks) * 1e6) / clockRateHz);
  }
}

function reorderDepth(track: Track): number | undefined {
  const codec = [H264, H265].find((candidate) => candidate.codec === track.codec);
  return codec === undefined || track.kind !== "video" ? undefined : new ParameterSets(codec, codec.parameterSets(track)).info?.reorderDepth;
}
