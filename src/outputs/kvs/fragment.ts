/** What a connection must send before fragments of one kind: EBML header, segment, info and tracks. */
export interface StreamFormat {
  readonly header: Buffer;
}

/** Something that fragments are sent over: one connection. */
export interface Carrier {
  readonly id: number;
}

/**
 * One cluster as it is sent and kept: its bytes, ready for the wire. Grows while its frames arrive, then is complete and
 * never changes.
 */
export class Fragment {
  readonly seq: number;
  readonly format: StreamFormat;
  /** Milliseconds since 1970. */
  readonly timecodeMs: number;
  readonly startsWithKeyframe: boolean;
  /** In memory; undefined when they are only on disk. */
  chunks: Buffer[] | undefined;
  sizeBytes: number;
  /** Time of its last frame. */
  lastMs: number;
  frames: number;
  isComplete = false;
  /** What it is being sent over, or was; undefined while it has still to be sent. */
  carrier: Carrier | undefined;
  /** All of its bytes were handed to the carrier. */
  isSent = false;
  /** Stored by the service, dropped, or given up: no longer kept. */
  isGone = false;

  constructor(init: { readonly seq: number; readonly format: StreamFormat; readonly timecodeMs: number; readonly startsWithKeyframe: boolean }) {
    this.seq = init.seq;
    this.format = init.format;
    this.timecodeMs = init.timecodeMs;
    this.startsWithKeyframe = init.startsWithKeyframe;
    this.chunks = [];
    this.sizeBytes = 0;
    this.lastMs = init.timecodeMs;
    this.frames = 0;
  }

  /** From its first frame to its last. */
  get durationMs(): number {
    return this.lastMs - this.timecodeMs;
  }
}
