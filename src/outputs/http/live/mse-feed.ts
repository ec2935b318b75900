import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../../../contracts/clock.ts";
import type { Logger } from "../../../contracts/log.ts";
import type { PacketFeed, StreamTaps, View } from "../../../contracts/output.ts";
import type { Packet, VideoTrack } from "../../../domain/packet.ts";
import { AvcSegmenter, CLAIMED_DURATION_US, isSegmentable } from "../../../protocols/fmp4/avc-segmenter.ts";
import { refuseUpgrade } from "../access.ts";

/** What the feed needs of the output. */
export interface MseFeedOptions {
  /** For viewers who do not ask with `?view=`. */
  readonly view: View;
  readonly maxViewers: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly taps: Promise<StreamTaps | undefined>;
  readonly stopped: AbortSignal;
}

/** What waits for a viewer in its connection; beyond it, pictures are left out up to the next keyframe. */
const MAX_BUFFERED_BYTES = 1 << 20;
const CAPACITY = 600;
const PING_MS = 10_000;
/** Close codes of our own (RFC 6455 §7.4.2). */
const ENDED = 4000;
const UNSENDABLE = 4006;

/**
 * `/mse`: fragmented MP4 over a WebSocket, for browsers that no UDP reaches. Text messages say what follows
 * (`{"codec","width","height","offsetUs","tailUs"}`, then the init segment), binary ones are segments, one picture each.
 * The last picture claims to last for `tailUs`: so much of what a player has buffered is not there yet.
 */
export class MseFeed implements AsyncDisposable {
  readonly #options: MseFeedOptions;
  readonly #server: WebSocketServer;
  readonly #viewers = new Set<Promise<void>>();

  constructor(options: MseFeedOptions) {
    this.#options = options;
    // Viewers have nothing to say.
    this.#server = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  }

  /** Takes over a connection whose origin and credentials have been checked. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, query: URLSearchParams): void {
    const view = query.get("view") ?? this.#options.view;
    if (this.#viewers.size >= this.#options.maxViewers || this.#options.stopped.aborted || (view !== "original" && view !== "annotated")) {
      refuseUpgrade(socket, { status: 503, reason: "there are too many viewers, or no such view" });
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (viewer) => {
      const served = this.#serve(viewer, view).finally(() => this.#viewers.delete(served));
      this.#viewers.add(served);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const viewer of this.#server.clients) {
      viewer.close(ENDED, "the stream has ended");
    }
    this.#server.close();
    await Promise.all(this.#viewers);
  }

  async #serve(viewer: WebSocket, view: View): Promise<void> {
    const gone = new AbortController();
    viewer.on("error", () => viewer.terminate());
    viewer.on("close", () => gone.abort());
    viewer.on("message", () => viewer.terminate());
    using _alive = this.#watch(viewer);
    try {
      const taps = await this.#options.taps;
      const signal = AbortSignal.any([gone.signal, this.#options.stopped]);
      const feed = await taps?.packets(view, { whenSlow: "skip", capacity: CAPACITY, signal });
      const refusal = feed === undefined ? undefined : await sendFeed(viewer, feed);
      viewer.close(refusal === undefined ? ENDED : UNSENDABLE, refusal ?? "the stream has ended");
    } catch (error) {
      if (!gone.signal.aborted && !this.#options.stopped.aborted) {
        this.#options.log.warn("a viewer over WebSocket was lost", { reason: String(error) });
      }
      viewer.close(ENDED, "the stream has ended");
    } finally {
      gone.abort();
    }
  }

  /** A viewer that answers no ping is gone: its connection would stay open for hours. */
  #watch(viewer: WebSocket): Disposable {
    let isAlive = true;
    let timer: Disposable | undefined;
    viewer.on("pong", () => {
      isAlive = true;
    });
    const check = (): void => {
      if (!isAlive) {
        viewer.terminate();
        return;
      }
      isAlive = false;
      viewer.ping();
      timer = this.#options.clock.timer(PING_MS, check);
    };
    timer = this.#options.clock.timer(PING_MS, check);
    return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
  }
}

/** Sends until the feed ends; says why when it cannot. */
async function sendFeed(viewer: WebSocket, feed: PacketFeed): Promise<string | undefined> {
  const index = feed.tracks.findIndex(({ kind }) => kind === "video");
  const track = feed.tracks[index];
  if (track?.kind !== "video" || !isSegmentable(track)) {
    return `the stream is ${track?.codec ?? "no video"}, and H.264 is sent; view=annotated is`;
  }
  return sendPackets(viewer, feed, track, index);
}

async function sendPackets(viewer: WebSocket, feed: PacketFeed, track: VideoTrack, index: number): Promise<string | undefined> {
  const segmenter = new AvcSegmenter(track);
  let isSkipping = false;
  for await (const packet of feed.packets) {
    if (packet.track !== index || viewer.readyState !== WebSocket.OPEN) {
      continue;
    }
    if (packet.newTrack !== undefined && packet.newTrack.codec !== "h264") {
      return `the stream is ${packet.newTrack.codec} now`;
    }
    const isSlow = viewer.bufferedAmount > MAX_BUFFERED_BYTES;
    if (isSlow && !isSkipping) {
      feed.requestKeyframe?.();
    }
    isSkipping = isSlow || (isSkipping && !packet.isKeyframe);
    if (!isSkipping) {
      send(viewer, segmenter, packet);
    }
  }
  return undefined;
}

function send(viewer: WebSocket, segmenter: AvcSegmenter, packet: Packet): void {
  for (const segment of segmenter.push(packet)) {
    if (segment.kind === "init") {
      const { codec, width, height, offsetUs } = segment;
      viewer.send(JSON.stringify({ codec, width, height, offsetUs, tailUs: CLAIMED_DURATION_US }));
    }
    viewer.send(segment.data);
  }
}
