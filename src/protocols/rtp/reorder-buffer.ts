import { sequenceDistance } from "./serial.ts";
import type { RtpPacket } from "./rtp-packet.ts";

/** A packet in its place. `lost` counts the packets missing right before it. */
export interface OrderedPacket {
  readonly packet: RtpPacket;
  readonly lost: number;
}

/** What happened so far. */
export interface ReorderCounts {
  readonly received: number;
  readonly lost: number;
  readonly late: number;
}

/**
 * Puts RTP packets back into the order of their sequence numbers, waiting a little for late ones. Sans I/O: packets and
 * times go in, packets in order come out. Holds at most `capacity` packets. A jump of more than {@link JUMP} means that
 * the sender started again, and is followed at once.
 */
export class ReorderBuffer {
  readonly #capacity: number;
  readonly #waitMs: number;
  readonly #held = new Map<number, { readonly packet: RtpPacket; readonly atMs: number }>();
  #expected: number | undefined;
  #received = 0;
  #lost = 0;
  #late = 0;

  /** `waitMs`: how long a gap may hold up what follows. 0 (TCP) delivers at once. */
  constructor(options: { readonly capacity: number; readonly waitMs: number }) {
    this.#capacity = options.capacity;
    this.#waitMs = options.waitMs;
  }

  get counts(): ReorderCounts {
    return { received: this.#received, lost: this.#lost, late: this.#late };
  }

  /** Takes one packet and gives those whose turn has come. */
  push(packet: RtpPacket, nowMs: number): OrderedPacket[] {
    this.#received++;
    const distance = this.#expected === undefined ? 0 : sequenceDistance(this.#expected, packet.sequence);
    if (Math.abs(distance) > JUMP) {
      const before = this.#drain(true, nowMs);
      this.#expected = packet.sequence;
      this.#held.set(packet.sequence, { packet, atMs: nowMs });
      return [...before, ...this.#drain(false, nowMs)];
    }
    if (distance < 0 || this.#held.has(packet.sequence)) {
      this.#late++;
      return [];
    }
    this.#expected ??= packet.sequence;
    this.#held.set(packet.sequence, { packet, atMs: nowMs });
    return this.#drain(false, nowMs);
  }

  /** Gives up on gaps that are older than `waitMs`. To be called now and then while nothing comes. */
  advance(nowMs: number): OrderedPacket[] {
    return this.#drain(false, nowMs);
  }

  /** Gives everything that is held: at the end. */
  flush(): OrderedPacket[] {
    return this.#drain(true, Number.POSITIVE_INFINITY);
  }

  #drain(everything: boolean, nowMs: number): OrderedPacket[] {
    const ordered: OrderedPacket[] = [];
    while (this.#held.size > 0 && this.#expected !== undefined) {
      let lost = 0;
      if (!this.#held.has(this.#expected)) {
        if (!everything && this.#held.size <= this.#capacity && !this.#isOverdue(nowMs)) {
          break;
        }
        lost = this.#skipGap();
      }
      const held = this.#held.get(this.#expected);
      if (held === undefined) {
        break;
      }
      this.#held.delete(this.#expected);
      this.#expected = (this.#expected + 1) & 0xffff;
      ordered.push({ packet: held.packet, lost });
    }
    return ordered;
  }

  #isOverdue(nowMs: number): boolean {
    for (const { atMs } of this.#held.values()) {
      return nowMs - atMs >= this.#waitMs;
    }
    return false;
  }

  /** Moves on to the next packet that is there; returns how many are missing. */
  #skipGap(): number {
    const expected = this.#expected ?? 0;
    let gap = Number.POSITIVE_INFINITY;
    for (const sequence of this.#held.keys()) {
      gap = Math.min(gap, sequenceDistance(expected, sequence));
    }
    this.#expected = (expected + gap) & 0xffff;
    this.#lost += gap;
    return gap;
  }
}

/** Further apart than this, two sequence numbers do not belong to one run (RFC 3550 A.1: MAX_DROPOUT). */
export const JUMP = 3000;
