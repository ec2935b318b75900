import type { FragmentAck } from "../../protocols/kvs/acks.ts";
import type { Fragment, StreamFormat } from "./fragment.ts";
import type { PutMediaConnection } from "./put-media-connection.ts";

/**
 * A connection with the fragments that went over it and are not stored yet: finds the fragment an acknowledgement speaks
 * of, and knows since when the service owes one.
 */
export class Lane {
  readonly connection: PutMediaConnection;
  readonly format: StreamFormat;
  readonly openedAtMs: number;
  /** When it should be replaced: the service's limit, or the end of its credentials. */
  readonly renewAtMs: number;
  /** Fragments in the order in which they were sent. */
  readonly fragments: Fragment[] = [];
  readonly #begunAtMs = new Map<Fragment, number>();
  /** No fragment before this may follow on it. */
  lastTimecodeMs = Number.NEGATIVE_INFINITY;
  /** Its body has ended, or will not be written to any more. */
  isFinishing = false;
  hasHeader = false;

  constructor(init: { readonly connection: PutMediaConnection; readonly format: StreamFormat; readonly openedAtMs: number; readonly renewAtMs: number }) {
    this.connection = init.connection;
    this.format = init.format;
    this.openedAtMs = init.openedAtMs;
    this.renewAtMs = init.renewAtMs;
  }

  /** Whether this fragment may be the next on it. */
  takes(fragment: Fragment, nowMs: number): boolean {
    const isFit = fragment.format === this.format && fragment.timecodeMs > this.lastTimecodeMs;
    return isFit && !this.isFinishing && !this.connection.isOver && nowMs < this.renewAtMs;
  }

  /** The fragment is about to be sent. */
  add(fragment: Fragment, nowMs: number): void {
    fragment.carrier = this.connection;
    fragment.isSent = false;
    this.fragments.push(fragment);
    this.#begunAtMs.set(fragment, nowMs);
    this.lastTimecodeMs = fragment.timecodeMs;
  }

  /** The fragment that was acknowledged; without a timecode, the first that was not yet. */
  find(ack: FragmentAck): Fragment | undefined {
    return ack.timecodeMs === undefined ? this.fragments[0] : this.fragments.find((fragment) => fragment.timecodeMs === ack.timecodeMs);
  }

  /** The service has it in hand. */
  heard(fragment: Fragment): void {
    this.#begunAtMs.delete(fragment);
  }

  /** It needs no more care. */
  forget(fragment: Fragment): void {
    this.#begunAtMs.delete(fragment);
    const at = this.fragments.indexOf(fragment);
    if (at >= 0) {
      this.fragments.splice(at, 1);
    }
  }

  /** How long the service has owed its first word about a fragment. */
  owedMs(nowMs: number): number {
    const first = this.#begunAtMs.values().next();
    return first.done === true ? 0 : nowMs - first.value;
  }
}
