import type { Packet, Track } from "../domain/packet.ts";

/** How much a ring may hold. */
export interface RingLimits {
  readonly maxUs: number;
  readonly maxBytes: number;
}

/** A keyframe and what follows up to the next one. */
interface Group {
  readonly startUs: number;
  /** As they were when the group began. */
  readonly tracks: readonly Track[];
  readonly packets: Packet[];
  sizeBytes: number;
}

/** Packets from a keyframe on, and what a container must be told of them. */
export interface RingSection {
  readonly tracks: readonly Track[];
  readonly packets: readonly Packet[];
}

/**
 * The newest packets of a stream, in whole groups of pictures, bounded in time and bytes: what a clip that begins in the
 * past is made of. Holds references, copies nothing.
 */
export class PacketRing {
  readonly #limits: RingLimits;
  readonly #video: number;
  #tracks: readonly Track[];
  readonly #groups: Group[] = [];
  #sizeBytes = 0;
  #newestUs = Number.NEGATIVE_INFINITY;

  constructor(tracks: readonly Track[], limits: RingLimits) {
    this.#tracks = tracks;
    this.#limits = limits;
    this.#video = tracks.findIndex((track) => track.kind === "video");
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Time of the newest picture. */
  get newestUs(): number {
    return this.#newestUs;
  }

  push(packet: Packet): void {
    if (packet.newTrack !== undefined) {
      this.#tracks = this.#tracks.with(packet.track, packet.newTrack);
    }
    if (packet.track === this.#video) {
      this.#newestUs = Math.max(this.#newestUs, packet.ptsUs);
      if (packet.isKeyframe) {
        this.#groups.push({ startUs: packet.ptsUs, tracks: this.#tracks, packets: [], sizeBytes: 0 });
      }
    }
    const group = this.#groups.at(-1);
    if (group === undefined) {
      return;
    }
    group.packets.push(packet);
    group.sizeBytes += packet.data.length;
    this.#sizeBytes += packet.data.length;
    this.#trim();
  }

  /**
   * Everything since the last keyframe at or before that time, or since the oldest one there is; undefined when there is
   * none. A track that changes inside ends nothing: the packet that brings the change says so itself.
   */
  since(ptsUs: number): RingSection | undefined {
    const found = this.#groups.findLastIndex((group) => group.startUs <= ptsUs);
    const groups = this.#groups.slice(Math.max(0, found));
    const [first] = groups;
    return first === undefined ? undefined : { tracks: first.tracks, packets: groups.flatMap((group) => group.packets) };
  }

  #trim(): void {
    for (let [oldest, next] = this.#groups; oldest !== undefined; [oldest, next] = this.#groups) {
      const isTooOld = next !== undefined && this.#newestUs - next.startUs > this.#limits.maxUs;
      if (!isTooOld && this.#sizeBytes <= this.#limits.maxBytes) {
        return;
      }
      // A single group larger than the limit goes too: the ring begins again at the next keyframe.
      this.#groups.shift();
      this.#sizeBytes -= oldest.sizeBytes;
    }
  }
}
