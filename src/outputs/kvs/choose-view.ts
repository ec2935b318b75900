import { VedetteError } from "../../errors.ts";
import type { Logger } from "../../contracts/log.ts";
import type { PacketFeed, StreamTaps, View } from "../../contracts/output.ts";
import type { Packet, VideoTrack } from "../../domain/packet.ts";
import { KVS_CODECS, nalCodecOf } from "../../protocols/kvs/track.ts";

/** What is uploaded: one track, its packets alone. */
export interface VideoFeed {
  readonly track: VideoTrack;
  readonly packets: AsyncIterable<Packet>;
  readonly isLive: boolean;
}

/** How {@link chooseView} decides. */
export interface ChooseViewOptions {
  /** For people. */
  readonly output: string;
  readonly view: View;
  /** Whether a stream that the service cannot take is encoded anew. */
  readonly reencode: "auto" | "never";
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Packets that may wait for us; we only wait ourselves when a disk or a file's ring is full. */
const CAPACITY = 256;
/** B-frames show within so many. */
const PEEKED_PACKETS = 12;

/**
 * The packets that are uploaded: the view that was asked for, as it is. A stream that the service cannot take (another
 * codec, B-frames) is encoded anew instead, and it is said; with `never` it is refused. Throws `E_KVS_MEDIA`.
 */
export async function chooseView(stream: StreamTaps, options: ChooseViewOptions): Promise<VideoFeed> {
  const { output, view, reencode, log, signal } = options;
  const leaving = { asked: new AbortController(), encoded: new AbortController() };
  const read = (which: View, leave: AbortController): Promise<PacketFeed> =>
    stream.packets(which, { whenSlow: "wait", capacity: CAPACITY, signal: AbortSignal.any([signal, leave.signal]) });
  const asked = await read(view, leaving.asked);
  const track = videoOf(asked);
  const unfit = unfitCodec(track);
  const depth = unfit === undefined ? reorderDepth(track) : 0;
  const mayEncode = reencode === "auto" && view === "original";
  // Asked for before the first packet where it is likely to be needed: a decoder that comes later waits for a keyframe.
  const early = mayEncode && (unfit !== undefined || (depth ?? 0) > 0) ? read("annotated", leaving.encoded) : undefined;
  early?.catch(() => undefined);
  const peeked = unfit === undefined ? await peek(videoPackets(asked), depth === 0 ? 0 : PEEKED_PACKETS) : undefined;
  if (peeked !== undefined && !reorders(peeked.first)) {
    leaving.encoded.abort();
    return feedOf(asked, peeked.packets);
  }
  const why = unfit ?? "the stream has B-frames";
  leaving.asked.abort();
  if (!mayEncode) {
    throw new VedetteError("E_KVS_MEDIA", { stream: output, reason: why });
  }
  log.warn(`${why}: it is encoded anew for Kinesis Video Streams`, { output });
  const encoded = await (early ?? read("annotated", leaving.encoded));
  return feedOf(encoded, videoPackets(encoded));
}

function feedOf(feed: PacketFeed, packets: AsyncIterable<Packet>): VideoFeed {
  return { track: videoOf(feed), packets, isLive: feed.isLive ?? true };
}

function unfitCodec({ codec }: VideoTrack): string | undefined {
  return KVS_CODECS.includes(codec) ? undefined : `the codec is ${codec}, expected ${KVS_CODECS.join(" or ")}`;
}

function videoOf(feed: PacketFeed): VideoTrack {
  const track = feed.tracks.find(({ kind }) => kind === "video");
  if (track?.kind !== "video") {
    throw new VedetteError("E_INTERNAL", { reason: "a stream without a video track" });
  }
  return track;
}

async function* videoPackets(feed: PacketFeed): AsyncGenerator<Packet, void, undefined> {
  const video = feed.tracks.findIndex(({ kind }) => kind === "video");
  for await (const packet of feed.packets) {
    if (packet.track === video) {
      yield packet;
    }
  }
}

/** How far pictures may be reordered: most encoders say so, and most say 0; undefined when this one does not. */
function reorderDepth(track: VideoTrack): number | undefined {
  const nal = nalCodecOf(track.codec);
  const sps = nal?.parameterSets(track).find((unit) => nal.isSps(unit));
  return sps === undefined ? undefined : nal?.parseSps(sps)?.reorderDepth;
}

function reorders(packets: readonly Packet[]): boolean {
  return packets.some((packet, index) => packet.ptsUs < (packets[index - 1]?.ptsUs ?? Number.NEGATIVE_INFINITY));
}

/** The first packets, and all of them. */
async function peek(packets: AsyncIterable<Packet>, count: number): Promise<{ first: readonly Packet[]; packets: AsyncIterable<Packet> }> {
  const iterator = packets[Symbol.asyncIterator]();
  const first: Packet[] = [];
  while (first.length < count && !reorders(first)) {
    const next = await iterator.next();
    if (next.done === true) {
      break;
    }
    first.push(next.value);
  }
  async function* all(): AsyncGenerator<Packet, void, undefined> {
    try {
      yield* first;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { first, packets: all() };
}
