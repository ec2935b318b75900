import { Broadcast } from "../runtime/broadcast.ts";
import type { PacketFeed, ReadOptions } from "../contracts/output.ts";
import type { Packet, Track } from "../domain/packet.ts";

/** Most bytes of packets kept for readers that come later; longer groups of pictures are not cached. */
const MAX_CACHED_BYTES = 16 * 1024 * 1024;

/**
 * The packets as they came. A live stream keeps the packets since the last keyframe, so that a new reader has a picture
 * at once.
 */
export class OriginalView {
  readonly #broadcast: Broadcast<Packet>;
  readonly #keepsGroup: boolean;
  readonly #tracks: readonly Track[];
  readonly #video: number;
  #group: Packet[] = [];
  #groupBytes = 0;

  constructor(tracks: readonly Track[], options: { readonly isLive: boolean; readonly onSkip: (count: number) => void }) {
    this.#tracks = tracks;
    this.#video = tracks.findIndex((track) => track.kind === "video");
    this.#keepsGroup = options.isLive;
    this.#broadcast = new Broadcast({
      startsAt: (packet) => packet.isKeyframe && packet.track === this.#video,
      onSkip: options.onSkip,
    });
  }

  get readers(): number {
    return this.#broadcast.readers;
  }

  async publish(packet: Packet): Promise<void> {
    if (this.#keepsGroup) {
      this.#remember(packet);
    }
    await this.#broadcast.publish(packet);
  }

  read(options: ReadOptions): PacketFeed {
    const backlog = this.#group.length <= options.capacity ? this.#group : [];
    return { tracks: this.#tracks, packets: this.#broadcast.subscribe(options, backlog), backlog: backlog.length, isLive: this.#keepsGroup };
  }

  end(): void {
    this.#broadcast.end();
    this.#group = [];
  }

  #remember(packet: Packet): void {
    if (packet.isKeyframe && packet.track === this.#video) {
      this.#group = [];
      this.#groupBytes = 0;
    } else if (this.#group.length === 0) {
      return;
    }
    this.#groupBytes += packet.data.length;
    if (this.#groupBytes > MAX_CACHED_BYTES) {
      this.#group = [];
      return;
    }
    this.#group.push(packet);
  }
}
