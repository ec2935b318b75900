import type { Track } from "../../domain/packet.ts";
import type { OrderedPacket } from "./reorder-buffer.ts";

/** One access unit (video) or audio frame, put together from RTP packets. */
export interface AccessUnit {
  readonly data: Uint8Array;
  /** RTP timestamp, 32 bits. */
  readonly timestamp: number;
  readonly isKeyframe: boolean;
  /** True when packets of it were lost: a decoder may show an imperfect picture. */
  readonly isDamaged: boolean;
  /** The track from here on, when its parameters changed or were not known before. */
  readonly newTrack?: Track;
}

/** Puts media together from RTP packets in order. Never throws: what makes no sense is left out. Memory is bounded. */
export interface Depayloader {
  push(packet: OrderedPacket): readonly AccessUnit[];
}

/** Cuts one access unit or audio frame into RTP payloads of at most `maxBytes`. Pure. */
export type Payloader = (data: Uint8Array, maxBytes: number) => readonly Uint8Array[];

/** An access unit larger than this is no picture: 8K intra frames stay below it. */
export const MAX_ACCESS_UNIT_BYTES = 16 * 1024 * 1024;
