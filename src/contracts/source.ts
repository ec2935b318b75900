import type { Packet, Track } from "../domain/packet.ts";
import type { VideoFrame } from "./frame.ts";

/** Encoded media from a camera, file or peer. Disposing it releases the connection. */
export interface PacketSession extends AsyncDisposable {
  readonly delivers: "packets";
  /** True for cameras and other sources that do not wait: late work is dropped. False for files: nothing is lost. */
  readonly isLive: boolean;
  /** Exactly one video track, at any index; any number of audio tracks. */
  readonly tracks: readonly Track[];
  /** In decoding order. Ends when the stream ends; throws a coded error when it breaks. Iterated once. */
  readonly packets: AsyncIterable<Packet>;
  /** Length in seconds, when known: for progress. */
  readonly durationS: number | undefined;
  /** Told after each packet of the video track whether pictures came of it: a stream that never gives one is connected anew. */
  noteDecoded?(ok: boolean): void;
}

/** Decoded pictures from a generator, such as the demo scene. */
export interface FrameSession extends AsyncDisposable {
  readonly delivers: "frames";
  readonly isLive: boolean;
  readonly frameRate: number;
  /** In presentation order; each frame is handed over to the consumer. Ends or throws as above. Iterated once. */
  readonly frames: AsyncIterable<VideoFrame>;
  readonly durationS: number | undefined;
}

/** One open connection. */
export type SourceSession = PacketSession | FrameSession;

/** Where video comes from. Holds no resources until opened. */
export interface Source {
  /** For people: the address without credentials. */
  readonly name: string;
  /** True when it waits for peers to connect: silence is normal then, and nothing is to be connected anew. */
  readonly waitsForPeers?: boolean;
  /** True for files and generators: there is no connection to be made anew. */
  readonly isLocal?: boolean;
  /** Connects once. Never retries: that is the supervisor's job. Throws a coded error. */
  open(signal: AbortSignal): Promise<SourceSession>;
}
