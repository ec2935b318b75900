import type { Clock } from "../../contracts/clock.ts";
import type { Packet } from "../../domain/packet.ts";
import { mediaTimeUs } from "../../domain/time.ts";
import type { WallTimeMs } from "../../domain/time.ts";
import { H264Depayloader } from "../../protocols/h264/rtp.ts";
import { CaptureClock } from "../../protocols/rtp/capture-clock.ts";
import type { CaptureClockMode } from "../../protocols/rtp/capture-clock.ts";
import { DecodeTimes } from "../../protocols/rtp/decode-times.ts";
import type { AccessUnit, Depayloader } from "../../protocols/rtp/depayloader.ts";
import { ReorderBuffer } from "../../protocols/rtp/reorder-buffer.ts";
import type { OrderedPacket } from "../../protocols/rtp/reorder-buffer.ts";
import type { RtpPacket } from "../../protocols/rtp/rtp-packet.ts";
import { TimestampUnwrapper } from "../../protocols/rtp/serial.ts";
import { Vp8Depayloader } from "../../protocols/vp8/rtp.ts";

/** How one camera's packets are put together. */
export interface CameraFeedOptions {
  readonly encoding: "H264" | "VP8";
  readonly captureClock: CaptureClockMode;
  /** How long a packet may be missing: retransmissions take a round trip. */
  readonly reorderMs: number;
  readonly clock: Clock;
  /** A keyframe is needed to go on. */
  readonly onKeyframeNeeded: (ssrc: number) => void;
}

const CLOCK_HZ = 90_000;
/** How often a camera is asked again for a keyframe that does not come. */
const ASK_EVERY_MS = 500;

/**
 * Turns one camera's RTP packets into packets of a session, from a keyframe on. After a loss that retransmission did not
 * mend, nothing is passed on until the next keyframe: half a picture would show things that are not there.
 */
export class CameraFeed {
  readonly #options: CameraFeedOptions;
  readonly #reorder: ReorderBuffer;
  readonly #depayloader: Depayloader;
  readonly #capture: CaptureClock;
  readonly #unwrapper = new TimestampUnwrapper();
  readonly #decodeTimes = new DecodeTimes(0);
  #startTicks: number | undefined;
  #lostBefore = 0;
  #needsKeyframe = true;
  #askedAtMs = -Infinity;
  #dropped = 0;

  constructor(options: CameraFeedOptions) {
    this.#options = options;
    this.#reorder = new ReorderBuffer({ capacity: 1024, waitMs: options.reorderMs });
    this.#depayloader = options.encoding === "H264" ? new H264Depayloader([]) : new Vp8Depayloader();
    this.#capture = new CaptureClock(CLOCK_HZ, options.captureClock);
  }

  /** Pictures left out after losses, and RTP packets lost. */
  get counts(): { readonly droppedPictures: number; readonly lost: number } {
    return { droppedPictures: this.#dropped, lost: this.#reorder.counts.lost };
  }

  /** Takes an RTP packet as it arrived. */
  push(packet: RtpPacket): Packet[] {
    const nowMs = this.#options.clock.monotonicMs();
    const packets = this.#reorder.push(packet, nowMs).flatMap((ordered) => this.#take(ordered));
    if (this.#needsKeyframe && nowMs - this.#askedAtMs >= ASK_EVERY_MS) {
      this.#askedAtMs = nowMs;
      this.#options.onKeyframeNeeded(packet.ssrc);
    }
    return packets;
  }

  /** The camera's own clock. */
  senderReport(wall: WallTimeMs, timestamp: number): void {
    this.#capture.senderReport(wall, timestamp);
  }

  #take({ packet, lost }: OrderedPacket): Packet[] {
    this.#lostBefore += lost;
    if (packet.payload.length === 0) {
      // Padding, sent to measure the line.
      return [];
    }
    const units = this.#depayloader.push({ packet, lost: this.#lostBefore });
    this.#lostBefore = 0;
    return units.flatMap((unit) => this.#toPacket(unit));
  }

  #toPacket(unit: AccessUnit): Packet[] {
    this.#needsKeyframe = unit.isDamaged || (this.#needsKeyframe && !unit.isKeyframe);
    if (this.#needsKeyframe) {
      this.#dropped += 1;
      return [];
    }
    const ticks = this.#unwrapper.unwrap(unit.timestamp);
    this.#startTicks ??= ticks;
    const ptsUs = Math.round(((ticks - this.#startTicks) * 1e6) / CLOCK_HZ);
    return [
      {
        track: 0,
        data: unit.data,
        ptsUs: mediaTimeUs(ptsUs),
        dtsUs: mediaTimeUs(this.#decodeTimes.next(ptsUs)),
        durationUs: 0,
        isKeyframe: unit.isKeyframe,
        capturedAtMs: this.#capture.capturedAt(unit.timestamp, this.#options.clock.now()),
        ...(unit.newTrack === undefined ? {} : { newTrack: unit.newTrack }),
      },
    ];
  }
}
