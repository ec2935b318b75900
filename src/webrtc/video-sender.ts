import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { PacketFeed, ReadOptions } from "../contracts/output.ts";
import type { Packet, VideoTrack } from "../domain/packet.ts";
import { sendingOf } from "../protocols/rtp-formats/formats.ts";
import { Bandwidth } from "./bandwidth.ts";
import { Pacer } from "./pacer.ts";
import type { OutgoingRtp } from "./peer.ts";
import { rtpTimestampOf, spreadBacklog } from "./rtp-times.ts";

/** What a {@link VideoSender} needs. */
export interface VideoSenderOptions {
  /** Begins to read the view, from a keyframe on. */
  readonly read: (options: ReadOptions) => Promise<PacketFeed>;
  readonly send: (packet: OutgoingRtp) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Room for header, extensions and SRTP below the smallest common MTU of 1280 bytes. */
const MAX_PAYLOAD_BYTES = 1160;
/** A cached group of pictures of this many packets is read from its start. */
const CAPACITY = 600;
/** A viewer who is this much later than at best skips to the next keyframe. */
const MAX_LAG_MS = 600;
/** Rates of the pacer: well above what a camera sends, so that pacing adds little, and below what floods a line. */
const START_RATE_BPS = 24_000_000;
const MAX_RATE_BPS = 120_000_000;
/** A new group of pictures for whoever lost one, at most this often. */
const KEYFRAME_EVERY_MS = 500;

/** Why a sender stopped: the stream ended, or it cannot go on. */
export type SendingEnd = { readonly kind: "ended" } | { readonly kind: "unsendable"; readonly reason: string };

/** Sends one view's video to one viewer, paced, never older than it must be. */
export class VideoSender {
  readonly #options: VideoSenderOptions;
  readonly #pacer: Pacer;
  readonly #bandwidth = new Bandwidth();
  #feed: PacketFeed | undefined;
  #restart: AbortController | undefined;
  #keyframeAtMs = -Infinity;
  #lastTimestamp: number | undefined;
  #lastPtsUs = -Infinity;
  #leastLagMs = Infinity;
  #isSkipping = false;
  #sentBytes = 0;
  #reportedAtMs: number;
  #skipped = 0;

  constructor(options: VideoSenderOptions) {
    this.#options = options;
    this.#pacer = new Pacer(options.clock, START_RATE_BPS);
    this.#reportedAtMs = options.clock.monotonicMs();
  }

  /** Packets left out because the viewer's line was too slow. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The viewer lost a picture: a keyframe is made for it, or the cached group of pictures is sent again. */
  wantKeyframe(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#keyframeAtMs < KEYFRAME_EVERY_MS) {
      return;
    }
    this.#keyframeAtMs = nowMs;
    if (this.#feed?.requestKeyframe === undefined) {
      this.#restart?.abort();
    } else {
      this.#feed.requestKeyframe();
    }
  }

  /** The viewer's estimate of its line. */
  estimated(bitrateBps: number): void {
    this.#bandwidth.estimated(bitrateBps);
    this.#adapt();
  }

  /** The viewer's report of what got lost. */
  lost(share: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    const seconds = Math.max(0.2, (nowMs - this.#reportedAtMs) / 1000);
    this.#bandwidth.reported({ lossShare: share, sentBps: (this.#sentBytes * 8) / seconds });
    this.#sentBytes = 0;
    this.#reportedAtMs = nowMs;
    this.#adapt();
  }

  /** Sends until the stream ends or the signal aborts. */
  async run(signal: AbortSignal): Promise<SendingEnd> {
    while (!signal.aborted) {
      const restart = new AbortController();
      this.#restart = restart;
      const reading = AbortSignal.any([signal, restart.signal]);
      const end = await this.#sendFeed(reading);
      if (end !== undefined) {
        return end;
      }
      if (!reading.aborted) {
        return { kind: "ended" };
      }
    }
    return { kind: "ended" };
  }

  async #sendFeed(signal: AbortSignal): Promise<SendingEnd | undefined> {
    const feed = await this.#options.read({ whenSlow: "skip", capacity: CAPACITY, signal });
    this.#feed = feed;
    this.#adapt();
    const index = feed.tracks.findIndex(({ kind }) => kind === "video");
    let track = feed.tracks[index];
    const backlog: Packet[] = [];
    let waiting = feed.backlog ?? 0;
    try {
      for await (const packet of feed.packets) {
        waiting -= 1;
        if (packet.track === index) {
          track = packet.newTrack ?? track;
          if (waiting > 0) {
            backlog.push(packet);
            continue;
          }
          const video = track?.kind === "video" ? track : undefined;
          const refusal = await this.#sendAll(backlog.splice(0), packet, video, signal);
          if (refusal !== undefined) {
            return { kind: "unsendable", reason: refusal };
          }
        }
      }
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    }
    return undefined;
  }

  /** A live packet, after the cached ones that it needs: those come in quick succession, as one catches up. */
  async #sendAll(backlog: readonly Packet[], packet: Packet, track: VideoTrack | undefined, signal: AbortSignal): Promise<string | undefined> {
    if (track?.codec !== "h264") {
      return `the stream is ${track?.codec ?? "no video"} now, and browsers are sent H.264`;
    }
    const caughtUp = spreadBacklog(backlog.length, rtpTimestampOf(packet.ptsUs), this.#lastTimestamp);
    for (const [at, cached] of backlog.entries()) {
      await this.#sendPacket(cached, track, caughtUp[at] ?? 0, signal);
    }
    if (backlog.length > 0) {
      this.#lastPtsUs = packet.ptsUs;
    } else if (packet.ptsUs < this.#lastPtsUs) {
      return "the stream has B-frames, which WebRTC cannot carry";
    }
    this.#lastPtsUs = packet.ptsUs;
    if (this.#keeps(packet)) {
      const timestamp = rtpTimestampOf(packet.ptsUs);
      const isAfter = this.#lastTimestamp === undefined || ((timestamp - this.#lastTimestamp) | 0) > 0;
      await this.#sendPacket(packet, track, isAfter ? timestamp : ((this.#lastTimestamp ?? 0) + 1) >>> 0, signal);
    }
    return undefined;
  }

  async #sendPacket(packet: Packet, track: VideoTrack, timestamp: number, signal: AbortSignal): Promise<void> {
    const payloads = sendingOf(track)?.payload(packet.data, packet.isKeyframe, MAX_PAYLOAD_BYTES) ?? [];
    this.#lastTimestamp = timestamp;
    for (const [at, payload] of payloads.entries()) {
      await this.#pacer.take(payload.length, signal);
      await this.#options.send({ payload, timestamp, marker: at === payloads.length - 1 });
      this.#sentBytes += payload.length;
    }
  }

  /** False while the viewer is so late that only the next keyframe helps. */
  #keeps(packet: Packet): boolean {
    const lagMs = this.#options.clock.now() - packet.capturedAtMs;
    this.#leastLagMs = Math.min(this.#leastLagMs, lagMs);
    if (packet.isKeyframe) {
      this.#isSkipping = false;
    } else if (lagMs - this.#leastLagMs > MAX_LAG_MS && !this.#isSkipping) {
      this.#isSkipping = true;
      // Where it was not the line but the source's clock that moved, this is the new normal.
      this.#leastLagMs = lagMs - MAX_LAG_MS;
      this.#feed?.requestKeyframe?.();
    }
    this.#skipped += this.#isSkipping ? 1 : 0;
    return !this.#isSkipping;
  }

  #adapt(): void {
    const { bitrateBps } = this.#bandwidth;
    if (bitrateBps !== undefined) {
      this.#feed?.limitBitrate?.(bitrateBps);
      this.#pacer.setRate(Math.min(MAX_RATE_BPS, Math.max(START_RATE_BPS / 4, bitrateBps * 2.5)));
    }
  }
}
