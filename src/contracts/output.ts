import type { Packet, Track } from "../domain/packet.ts";
import type { Result } from "../domain/result.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { WallTimeMs } from "../domain/time.ts";

/** Which picture: `original` is the packets as they came, `annotated` is drawn on and encoded once for everyone. */
export type View = "original" | "annotated";

/**
 * What a reader that is too slow does to the stream: `wait` holds it up (files: nothing is lost); `skip` loses packets
 * up to the next keyframe, or all but the newest result or picture, counted as `reader_slow`.
 */
export type WhenSlow = "wait" | "skip";

/** How a reader wants to be served. */
export interface ReadOptions {
  readonly whenSlow: WhenSlow;
  /** How many items may wait for it. */
  readonly capacity: number;
  /** Aborting ends the iteration quietly. */
  readonly signal: AbortSignal;
}

/** A view's packets, from a keyframe on. */
export interface PacketFeed {
  /** The video track first, then (original view) the audio tracks. */
  readonly tracks: readonly Track[];
  readonly packets: AsyncIterable<Packet>;
  /** How many of the first packets were cached: older than now, and to be hurried through. None when left out. */
  readonly backlog?: number;
  /** Asks for a keyframe soon; left out where nobody can make one. */
  requestKeyframe?(): void;
  /** This reader's line takes no more than this: the encoder, which all share, goes by the narrowest. Forgotten when the reader's signal aborts. */
  limitBitrate?(bitrateBps: number): void;
  /** False when the source waits for slow readers (files): nothing need ever be dropped. */
  readonly isLive?: boolean;
}

/** As {@link ReadOptions}, for pictures. */
export interface JpegOptions extends ReadOptions {
  /** 1…100 as libjpeg counts it; a function is asked for every frame, for senders that adapt to a bandwidth. */
  readonly quality: number | (() => number);
}

/** One JPEG of a view. */
export interface JpegPicture {
  readonly data: Uint8Array;
  readonly seq: number;
  readonly capturedAtMs: WallTimeMs;
  readonly width: number;
  readonly height: number;
}

/**
 * What a stream offers its outputs. Work happens only while somebody reads: the annotated view is encoded while it has
 * at least one reader, JPEGs are made while someone takes them. All iterations end when the stream ends.
 */
export interface StreamTaps {
  readonly stream: string;
  /** The stream's rules, by name. */
  readonly rules: readonly string[];
  /** Waits until the tracks are known. A new reader starts at a keyframe: a cached one, or one forced for it. */
  packets(view: View, options: ReadOptions): Promise<PacketFeed>;
  /** JPEGs of a view, one encode shared by all readers of one quality; the newest at once, never a stale one later. */
  jpegs(view: View, options: JpegOptions): AsyncIterable<JpegPicture>;
  results(options: ReadOptions): AsyncIterable<Result>;
  events(options: ReadOptions): AsyncIterable<RuleEvent>;
}

/** Where things go. One output serves one stream. */
export interface Output extends AsyncDisposable {
  /** For people: the address without credentials. */
  readonly name: string;
  /** Binds ports and creates files, so that failures show before anything starts. Throws a coded error. */
  open(signal: AbortSignal): Promise<void>;
  /** Serves the stream until it ends (then finishes files) or the signal aborts (same). Throws when the output breaks. */
  run(stream: StreamTaps, signal: AbortSignal): Promise<void>;
}
