/** How far 16-bit sequence number `to` is ahead of `from`: −32768…32767 (RFC 1982). */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** How far 32-bit timestamp `to` is ahead of `from`: −2³¹…2³¹−1. */
export function timestampDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** Turns 32-bit timestamps into a count that does not wrap. Follows the nearest direction, so B-frames may go back. */
export class TimestampUnwrapper {
  #last: number | undefined;
  #unwrapped = 0;

  /** The first timestamp gives itself. */
  unwrap(timestamp: number): number {
    this.#unwrapped = this.#last === undefined ? timestamp : this.#unwrapped + timestampDistance(this.#last, timestamp);
    this.#last = timestamp;
    return this.#unwrapped;
  }
}
