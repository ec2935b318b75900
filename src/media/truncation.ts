import type { FormatContext } from "node-av/lib";
import { ticksToUs } from "./media-times.ts";

/** How much of the end may be missing before a recording counts as cut off: headers round. */
const TOLERANCE_US = 1_000_000;

/** Containers whose header gives one length for all tracks. Others guess theirs from the bitrate. */
const WHOLE_LENGTH = /matroska|webm|flv/;

/** What was read of a recording. */
export interface ReadSoFar {
  readonly videoStream: number;
  /** Last decoding time of the video track. */
  readonly videoUs: number;
  /** Last decoding time of any track; undefined when some streams were left out, so that it says nothing. */
  readonly anyUs: number | undefined;
}

/** Whether a recording ended well before the length that its header gives. */
export function lacksEnd(context: FormatContext, read: ReadSoFar): boolean {
  const stream = context.streams[read.videoStream];
  const lengthUs = stream === undefined ? undefined : ticksToUs(stream.duration, stream.timeBase);
  if (stream !== undefined && lengthUs !== undefined && lengthUs > 0) {
    return isShort((ticksToUs(stream.startTime, stream.timeBase) ?? 0) + lengthUs, read.videoUs);
  }
  return read.anyUs !== undefined && context.duration > 0n && WHOLE_LENGTH.test(context.iformat?.name ?? "") && isShort(Number(context.duration), read.anyUs);
}

function isShort(promisedUs: number, readUs: number): boolean {
  return promisedUs - readUs > TOLERANCE_US + promisedUs * 0.02;
}
