import type { Clock } from "../../contracts/clock.ts";
import type { PacketFeed, StreamTaps } from "../../contracts/output.ts";
import type { Packet } from "../../domain/packet.ts";
import { HEADROOM_BYTES } from "./media-route.ts";
import type { MediaRoute } from "./media-route.ts";
import type { TrackSender } from "./track-sender.ts";

/** Sender reports every so often (RFC 3550 §6.2), and one right after the first packet of a track. */
const REPORT_MS = 5000;
/** Results that may wait; the newest matter. */
const RESULTS_WAITING = 8;

/** What a pump moves, and where to. */
export interface MediaPumpOptions {
  readonly clock: Clock;
  readonly taps: StreamTaps;
  readonly feed: PacketFeed;
  /** Tracks that the receiver asked for, with their way. */
  readonly routes: ReadonlyMap<TrackSender, MediaRoute>;
  /** Waits until the receiver has taken what was sent. */
  readonly drained: (signal: AbortSignal) => Promise<unknown>;
}

/**
 * Moves one feed's packets, and the results as metadata, to one receiver until the feed ends or the signal aborts.
 * Returns how it ended: `changed` when the codec changed, which a session cannot follow.
 */
export async function pumpMedia(options: MediaPumpOptions, signal: AbortSignal): Promise<"ended" | "changed"> {
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  const side = Promise.all([pumpMetadata(options, until), pumpReports(options, until)]);
  try {
    return await pumpPackets(options, until);
  } finally {
    stop.abort();
    await side;
  }
}

async function pumpPackets({ feed, routes, clock, drained }: MediaPumpOptions, signal: AbortSignal): Promise<"ended" | "changed"> {
  const byIndex = new Map([...routes].map(([sender, route]) => [sender.trackIndex, { sender, route }]));
  const video = feed.tracks.findIndex(({ kind }) => kind === "video");
  let hasBegun = false;
  for await (const packet of feed.packets) {
    const way = byIndex.get(packet.track);
    if (packet.newTrack !== undefined && way?.sender.change(packet.newTrack) === false) {
      return "changed";
    }
    if (!hasBegun) {
      // Every track counts from the first picture, so that RTP-Info is known before it comes.
      if (packet.track !== video) {
        continue;
      }
      hasBegun = true;
      for (const sender of routes.keys()) {
        sender.rtp.begin(packet.ptsUs);
        sender.hasBegun = true;
      }
    }
    if (way !== undefined) {
      await sendPacket(way.sender, way.route, packet, clock);
      await drained(signal);
    }
    if (signal.aborted) {
      break;
    }
  }
  return "ended";
}

async function sendPacket(sender: TrackSender, route: MediaRoute, packet: Packet, clock: Clock): Promise<void> {
  const packets = sender.packets(packet, clock.monotonicMs(), HEADROOM_BYTES);
  if (packets.length > 0) {
    await route.rtp(packets);
    reportFirst(sender, route, clock);
  }
}

/** A report right behind a track's first packet: the receiver can say at once when pictures were captured. */
function reportFirst(sender: TrackSender, route: MediaRoute, clock: Clock): void {
  if (!sender.hasReported) {
    sender.hasReported = true;
    const report = sender.rtp.report(clock.monotonicMs());
    if (report !== undefined) {
      route.rtcp(report);
    }
  }
}

async function pumpMetadata({ taps, routes, clock, drained }: MediaPumpOptions, signal: AbortSignal): Promise<void> {
  for (const [sender, route] of routes) {
    if (sender.trackIndex === undefined) {
      for await (const result of taps.results({ whenSlow: "skip", capacity: RESULTS_WAITING, signal })) {
        if (sender.hasBegun) {
          await route.rtp(sender.metadata(result, clock.monotonicMs(), HEADROOM_BYTES));
          reportFirst(sender, route, clock);
          await drained(signal);
        }
      }
    }
  }
}

async function pumpReports({ routes, clock }: MediaPumpOptions, signal: AbortSignal): Promise<void> {
  while (await slept(clock, signal)) {
    for (const [sender, route] of routes) {
      const report = sender.rtp.report(clock.monotonicMs());
      if (report !== undefined) {
        route.rtcp(report);
      }
    }
  }
}

async function slept(clock: Clock, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(REPORT_MS, signal);
    return true;
  } catch {
    // Aborted: the sleep throws the signal's reason.
    return false;
  }
}
