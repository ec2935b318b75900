import { Wakeup } from "../../runtime/wakeup.ts";
import { Fragment, type StreamFormat } from "./fragment.ts";
import type { Spool } from "./spool.ts";

/** How much may wait to be stored by the service. */
export interface StoreLimits {
  readonly maxBytes: number;
  /** From the first frame that is kept to the last. */
  readonly maxSpanMs: number;
  /** With a spool: what is kept in memory besides. */
  readonly maxMemoryBytes: number;
}

/** Why fragments were lost. */
export type LossReason = "overflow" | "refused";

/** What {@link FragmentStore} tells. */
export interface StoreOptions {
  readonly limits: StoreLimits;
  /** Keeps the fragments on disk as well. */
  readonly spool?: Spool | undefined;
  /** Told when fragments that the service has not stored are given up. */
  readonly onLost: (fragments: readonly Fragment[], reason: LossReason) => void;
}

/**
 * The fragments that the service has not stored yet, oldest first: a ring bounded by bytes and by time. Only the service's
 * word that a fragment is stored takes it out; when the ring is full, whole fragments go, oldest first, up to the next
 * that begins with a keyframe. The fragment that is growing is never dropped.
 */
export class FragmentStore {
  readonly changed = new Wakeup();
  readonly #options: StoreOptions;
  #fragments: Fragment[];
  #open: Fragment | undefined;
  #bytes: number;
  #memoryBytes = 0;
  #seq: number;
  #isEnded = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    // What an earlier run left behind comes first.
    this.#fragments = [...(options.spool?.recovered ?? [])];
    this.#bytes = this.#fragments.reduce((sum, fragment) => sum + fragment.sizeBytes, 0);
    this.#seq = (this.#fragments.at(-1)?.seq ?? -1) + 1;
  }

  get fragments(): readonly Fragment[] {
    return this.#fragments;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** From the first frame that waits to the last. */
  get spanMs(): number {
    const first = this.#fragments[0];
    const last = this.#fragments.at(-1);
    return first === undefined || last === undefined ? 0 : last.lastMs - first.timecodeMs;
  }

  /** Time of the newest frame; undefined while there is none. */
  get lastMs(): number | undefined {
    return this.#fragments.at(-1)?.lastMs;
  }

  /** True once no more frames come. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** True when another fragment of the same size would be one too many: sources that can wait, wait. */
  get isFull(): boolean {
    const { maxBytes, maxSpanMs } = this.#options.limits;
    const last = this.#fragments.at(-1);
    return this.#bytes + (last?.sizeBytes ?? 0) > maxBytes || this.spanMs + (last?.durationMs ?? 0) > maxSpanMs;
  }

  /** The oldest fragment that has still to be sent. */
  nextToSend(): Fragment | undefined {
    return this.#fragments.find((fragment) => fragment.carrier === undefined);
  }

  /** Begins a fragment with its cluster header; the one before it must be finished. */
  begin(format: StreamFormat, timecodeMs: number, startsWithKeyframe: boolean, header: Buffer): void {
    const fragment = new Fragment({ seq: this.#seq++, format, timecodeMs, startsWithKeyframe });
    this.#open = fragment;
    this.#fragments.push(fragment);
    this.#options.spool?.begin(fragment);
    this.#add(fragment, header);
  }

  /** A frame of the fragment that was begun. */
  addFrame(block: Buffer, timeMs: number): void {
    const fragment = this.#open;
    if (fragment === undefined) {
      return;
    }
    fragment.lastMs = timeMs;
    fragment.frames++;
    this.#add(fragment, block);
    this.#trim();
    this.changed.notify();
  }

  /** Ends the fragment that was begun; `tail`: its tags. */
  finish(tail: Buffer): void {
    const fragment = this.#open;
    if (fragment === undefined) {
      return;
    }
    if (tail.length > 0) {
      this.#add(fragment, tail);
    }
    fragment.isComplete = true;
    this.#open = undefined;
    this.#options.spool?.finish(fragment);
    this.#evict();
    this.changed.notify();
  }

  /** No more frames come. */
  end(): void {
    this.#isEnded = true;
    this.changed.notify();
  }

  /** The bytes of a complete fragment, from memory or disk. */
  async read(fragment: Fragment): Promise<readonly Buffer[]> {
    return fragment.chunks ?? [await (this.#options.spool?.read(fragment) ?? Promise.resolve(Buffer.alloc(0)))];
  }

  /** The service has stored it. */
  stored(fragment: Fragment): void {
    this.#remove([fragment]);
  }

  /** The service will never take it. */
  refuse(fragment: Fragment): void {
    this.#remove([fragment]);
    this.#options.onLost([fragment], "refused");
  }

  /** Waits until the disk has taken enough for more to be written. */
  async flushed(): Promise<void> {
    await this.#options.spool?.flushed();
  }

  #add(fragment: Fragment, bytes: Buffer): void {
    fragment.chunks?.push(bytes);
    fragment.sizeBytes += bytes.length;
    this.#bytes += bytes.length;
    this.#memoryBytes += bytes.length;
    this.#options.spool?.append(fragment, bytes);
  }

  #trim(): void {
    const { maxBytes, maxSpanMs } = this.#options.limits;
    while (this.#fragments.length > 1 && (this.#bytes > maxBytes || this.spanMs > maxSpanMs)) {
      // What follows a lost fragment without a keyframe of its own cannot be shown either.
      const next = this.#fragments.findIndex((fragment, index) => index > 0 && (fragment.startsWithKeyframe || fragment === this.#open));
      const lost = this.#fragments.slice(0, Math.max(1, next));
      if (lost.includes(this.#open as Fragment)) { // `undefined` is in no list
        return;
      }
      this.#remove(lost);
      this.#options.onLost(lost, "overflow");
    }
  }

  #remove(gone: readonly Fragment[]): void {
    for (const fragment of gone) {
      if (fragment.isGone) {
        continue;
      }
      fragment.isGone = true;
      this.#bytes -= fragment.sizeBytes;
      if (fragment.chunks !== undefined) {
        this.#memoryBytes -= fragment.sizeBytes;
      }
      this.#options.spool?.remove(fragment);
    }
    this.#fragments = this.#fragments.filter((fragment) => !fragment.isGone);
    this.changed.notify();
  }

  /** With a spool, memory holds only the newest: the rest is read when its turn comes. */
  #evict(): void {
    if (this.#options.spool === undefined) {
      return;
    }
    for (const fragment of this.#fragments) {
      if (this.#memoryBytes <= this.#options.limits.maxMemoryBytes) {
        return;
      }
      // What is being sent keeps its bytes until it is through; what the disk could not take stays in memory.
      const isBusy = !fragment.isComplete || (fragment.carrier !== undefined && !fragment.isSent);
      if (fragment.chunks !== undefined && !isBusy && this.#options.spool.holds(fragment)) {
        fragment.chunks = undefined;
        this.#memoryBytes -= fragment.sizeBytes;
      }
    }
  }
}
