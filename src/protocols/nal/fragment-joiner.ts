import { MAX_ACCESS_UNIT_BYTES } from "../rtp/depayloader.ts";

/** Joins the fragments of one NAL unit (FU-A of RFC 6184 §5.8, FU of RFC 7798 §4.4.3). */
export class FragmentJoiner {
  #parts: Uint8Array[] | undefined;
  #bytes = 0;

  /** True while a unit has begun and not ended. */
  get isOpen(): boolean {
    return this.#parts !== undefined;
  }

  /**
   * Takes a fragment; gives the whole unit at its end. `header` is the unit's rebuilt header. A fragment whose beginning
   * is missing is refused with `undefined`, as the decoder cannot use it.
   */
  push(header: Uint8Array, fragment: Uint8Array, isStart: boolean, isEnd: boolean): Uint8Array | undefined {
    if (isStart) {
      this.#parts = [header];
      this.#bytes = header.length;
    }
    if (this.#parts === undefined || this.#bytes + fragment.length > MAX_ACCESS_UNIT_BYTES) {
      this.drop();
      return undefined;
    }
    this.#parts.push(fragment);
    this.#bytes += fragment.length;
    return isEnd ? this.finish() : undefined;
  }

  /** What there is of the unit: for senders that forget the end bit. */
  finish(): Uint8Array | undefined {
    const parts = this.#parts;
    this.drop();
    return parts === undefined ? undefined : Buffer.concat(parts);
  }

  /** Forgets what was begun. */
  drop(): void {
    this.#parts = undefined;
    this.#bytes = 0;
  }
}
