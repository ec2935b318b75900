import type { VideoTrack } from "../../domain/packet.ts";
import type { SequenceInfo } from "../h264/sps.ts";

/** What the code for H.264 and H.265 has to know of each: one value per codec (`H264`, `H265`). */
export interface NalCodec {
  readonly codec: "h264" | "hevc";
  /** A slice of a picture. */
  isSlice(unit: Uint8Array): boolean;
  /** A unit with which decoding can start. */
  isRandomAccess(unit: Uint8Array): boolean;
  /**
   * A name for what a parameter set replaces: type in order of sending, then identifier (`1:0`). Undefined for units
   * that are none.
   */
  parameterSetKey(unit: Uint8Array): string | undefined;
  /** True for the unit that gives the size. */
  isSps(unit: Uint8Array): boolean;
  parseSps(unit: Uint8Array): SequenceInfo | undefined;
  /** NAL units of one packet of a track, whichever way they are framed there. */
  split(data: Uint8Array, track: VideoTrack): Uint8Array[];
  /** Parameter sets of a track's codec private data, whichever form it has. */
  parameterSets(track: VideoTrack): Uint8Array[];
}
