import type { Stream } from "node-av/lib";
import { ticksToUs } from "./media-times.ts";

/** How much of the end may be missing before a recording counts as cut off: headers round, and some count audio in. */
const TOLERANCE_US = 1_000_000;

/** Whether a video stream ended well before the length that its header gives. */
export function lacksEnd(stream: Stream, lastDtsUs: number): boolean {
  const lengthUs = ticksToUs(stream.duration, stream.timeBase);
  const startUs = ticksToUs(stream.startTime, stream.timeBase) ?? 0;
  return lengthUs !== undefined && lengthUs > 0 && startUs + lengthUs - lastDtsUs > TOLERANCE_US + lengthUs * 0.02;
}
