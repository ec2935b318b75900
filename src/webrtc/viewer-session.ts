import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { PacketFeed, StreamTaps, View } from "../contracts/output.ts";
import type { VideoTrack } from "../domain/packet.ts";
import { H264 } from "../protocols/h264/h264.ts";
import { profileOf } from "../protocols/webrtc/h264-profile.ts";
import type { H264Profile } from "../protocols/webrtc/h264-profile.ts";
import { chooseH264, describeCodecs, readVideoOffer } from "../protocols/webrtc/offer.ts";
import type { OfferedCodec } from "../protocols/webrtc/offer.ts";
import type { IceSettings } from "./ice-settings.ts";
import { Peer } from "./peer.ts";
import { OfferRefused } from "./session-endpoint.ts";
import type { OfferRequest, OpenedSession } from "./session-endpoint.ts";
import { VideoSender } from "./video-sender.ts";

/** What a viewer's session needs of the stream. */
export interface ViewerSessionOptions {
  readonly taps: StreamTaps;
  readonly view: View;
  readonly ice: IceSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A stream that has not shown its first picture yet is not waited for any longer. */
const FIRST_PICTURE_MS = 8000;

/** Answers a viewer's offer and begins to send. Throws {@link OfferRefused}, saying what would work instead. */
export async function openViewerSession(request: OfferRequest, options: ViewerSessionOptions): Promise<OpenedSession> {
  const offer = readVideoOffer(request.offer);
  if ("problem" in offer) {
    throw new OfferRefused(offer.problem === "malformed" ? 400 : 406, offer.reason);
  }
  if (offer.direction === "sendonly" || offer.direction === "inactive") {
    throw new OfferRefused(406, `the offer is ${offer.direction}, a viewer's is recvonly`);
  }
  const stop = new AbortController();
  const first = await firstFeed(options, stop);
  try {
    const codec = codecFor(first, offer.codecs, options.view);
    return await start({ request, options, codec, first, stop });
  } catch (error) {
    stop.abort();
    throw error;
  }
}

async function firstFeed({ taps, view, clock }: ViewerSessionOptions, stop: AbortController): Promise<PacketFeed> {
  const reading = taps.packets(view, { whenSlow: "skip", capacity: FIRST_CAPACITY, signal: stop.signal });
  // Whoever loses the race is let go of.
  reading.catch(() => undefined);
  const late = new AbortController();
  const deadline = clock.sleep(FIRST_PICTURE_MS, late.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    const feed = await Promise.race([reading, deadline]);
    if (feed === undefined) {
      throw new OfferRefused(503, "there is no picture yet");
    }
    return feed;
  } catch (error) {
    stop.abort();
    throw error instanceof OfferRefused ? error : new OfferRefused(503, "the stream has ended");
  } finally {
    late.abort();
  }
}

/** Enough for a cached group of pictures. */
const FIRST_CAPACITY = 600;

/** The offered codec that takes this stream, or a refusal that says why there is none. */
function codecFor(feed: PacketFeed, codecs: readonly OfferedCodec[], view: View): OfferedCodec {
  const track = feed.tracks.find((one): one is VideoTrack => one.kind === "video");
  const other = view === "original" ? "; ?view=annotated is H.264 that every browser takes" : "";
  if (!codecs.some(({ encoding }) => encoding === "H264")) {
    throw new OfferRefused(406, `H.264 is sent, and the offer has ${describeCodecs(codecs)}`);
  }
  if (track?.codec !== "h264") {
    throw new OfferRefused(406, `the stream is ${track?.codec ?? "no video"}, and H.264 is what browsers take over WebRTC${view === "original" ? other : "; use --codec h264"}`);
  }
  const { profile, hasReordering } = describe(track);
  if (hasReordering) {
    throw new OfferRefused(406, `the stream has B-frames, which WebRTC cannot carry${other}`);
  }
  const codec = chooseH264(codecs, profile);
  if (codec === undefined) {
    throw new OfferRefused(406, `the stream is H.264 ${profile}, and the offer has ${describeCodecs(codecs)}${other}`);
  }
  return codec;
}

/** What the parameter sets say; a stream that keeps them for its first keyframe is taken for what most cameras send. */
function describe(track: VideoTrack): { readonly profile: H264Profile; readonly hasReordering: boolean } {
  const sps = H264.parameterSets(track).find((unit) => H264.isSps(unit));
  if (sps === undefined) {
    return { profile: "constrained-baseline", hasReordering: false };
  }
  return { profile: profileOf(sps[1] ?? 0, sps[2] ?? 0) ?? "high-4:4:4", hasReordering: (H264.parseSps(sps)?.reorderDepth ?? 0) > 0 };
}

interface Starting {
  readonly request: OfferRequest;
  readonly options: ViewerSessionOptions;
  readonly codec: OfferedCodec;
  readonly first: PacketFeed;
  readonly stop: AbortController;
}

async function start({ request, options, codec, first, stop }: Starting): Promise<OpenedSession> {
  const { taps, view, clock, log, ice } = options;
  // The feed that the profile was read from is not kept: until the viewer is connected, seconds may pass.
  await first.packets[Symbol.asyncIterator]().return?.();
  const connected = Promise.withResolvers<undefined>();
  const sender = new VideoSender({ read: (reading) => taps.packets(view, reading), send: (packet) => peer.send(packet), clock, log });
  const peer = await Peer.open(
    { offer: request.offer, codec, direction: "sendonly", ice, isLocalPeer: request.isLocalPeer, clock },
    {
      onConnected: () => connected.resolve(undefined),
      onGone: (reason) => end(reason),
      onKeyframeWanted: () => sender.wantKeyframe(),
      onEstimate: (bitrateBps) => sender.estimated(bitrateBps),
      onLoss: (share) => sender.lost(share),
    },
  );
  const end = (reason: string): void => {
    log.info("viewer left", { view, reason, skipped: sender.skipped });
    stop.abort();
    connected.resolve(undefined);
    request.onEnd();
  };
  const isStopped = (): boolean => stop.signal.aborted;
  const sending = (async () => {
    await connected.promise;
    if (!isStopped()) {
      log.info("viewer connected", { view });
      const over = await sender.run(stop.signal);
      if (!isStopped()) {
        end(over.kind === "ended" ? "the stream ended" : over.reason);
      }
    }
  })().catch((error: unknown) => end(String(error)));
  return {
    answer: peer.answer,
    addCandidate: (candidate, mid) => peer.addCandidate(candidate, mid),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      connected.resolve(undefined);
      await peer[Symbol.asyncDispose]();
      await sending;
    },
  };
}
