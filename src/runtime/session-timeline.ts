import type { Packet } from "../domain/packet.ts";
import { mediaTimeUs } from "../domain/time.ts";

/** A step of the source's own timeline that differs from the clock by more than this is a jump, not jitter. */
const JUMP_US = 10_000_000;
/** Going back by more than this within a session is a camera that set its clock, not a B-frame. */
const BACK_US = 2_000_000;

/**
 * Lays the timelines of one connection after another on one that never goes backwards: what follows a break continues
 * where the break began, moved on by the time that passed. A jump within a connection is treated the same way.
 */
export class SessionTimeline {
  #offsetUs = 0;
  #hasOffset = true;
  #lastOutUs: number | undefined;
  #lastInUs: number | undefined;
  #lastMs = 0;
  readonly #lastDtsUs = new Map<number, number>();

  /** The connection broke: the next packet begins another one. */
  break(): void {
    this.#hasOffset = this.#lastOutUs === undefined;
    this.#lastInUs = undefined;
  }

  /** The packet on the common timeline. `nowMs` is monotonic. */
  map(packet: Packet, nowMs: number): Packet {
    if (!this.#hasOffset || this.#isJump(packet.dtsUs, nowMs)) {
      const passedUs = Math.max(1000, Math.round((nowMs - this.#lastMs) * 1000));
      this.#offsetUs = (this.#lastOutUs ?? 0) + passedUs - packet.dtsUs;
      this.#hasOffset = true;
    }
    const shiftedUs = packet.dtsUs + this.#offsetUs;
    const dtsUs = Math.max(shiftedUs, (this.#lastDtsUs.get(packet.track) ?? Number.NEGATIVE_INFINITY) + 1);
    this.#lastDtsUs.set(packet.track, dtsUs);
    this.#lastInUs = packet.dtsUs;
    this.#lastMs = nowMs;
    this.#lastOutUs = Math.max(this.#lastOutUs ?? dtsUs, dtsUs);
    if (this.#offsetUs === 0 && dtsUs === packet.dtsUs) {
      return packet;
    }
    return { ...packet, ptsUs: mediaTimeUs(packet.ptsUs + this.#offsetUs + (dtsUs - shiftedUs)), dtsUs: mediaTimeUs(dtsUs) };
  }

  #isJump(dtsUs: number, nowMs: number): boolean {
    if (this.#lastInUs === undefined) {
      return false;
    }
    const stepUs = dtsUs - this.#lastInUs;
    return stepUs < -BACK_US || stepUs - (nowMs - this.#lastMs) * 1000 > JUMP_US;
  }
}
