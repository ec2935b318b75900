import { AV_LOG_QUIET, AVERROR_EAGAIN, AVERROR_EOF } from "node-av/constants";
import { FFmpegError, Log } from "node-av/lib";

// FFmpeg prints to stderr by default, addresses with passwords included. What matters comes back as return codes.
Log.setLevel(AV_LOG_QUIET);

/** A call into FFmpeg that failed, before it is turned into an error of the table. */
export class FfmpegFailure extends Error {
  override readonly name = "FfmpegFailure";
  readonly returnCode: number;

  constructor(operation: string, returnCode: number) {
    super(`${operation}: ${describeReturnCode(returnCode)}`);
    this.returnCode = returnCode;
  }
}

/** What a negative return value of FFmpeg says, in words. */
export function describeReturnCode(returnCode: number): string {
  return FFmpegError.strerror(returnCode).toLowerCase();
}

/** Returns the value of an FFmpeg call, or throws {@link FfmpegFailure} when it is negative. */
export function checked(returnCode: number, operation: string): number {
  if (returnCode < 0) {
    throw new FfmpegFailure(operation, returnCode);
  }
  return returnCode;
}

/** True for the two codes that say "nothing now" (feed more) and "nothing any more" (flushed). */
export function isNothing(returnCode: number): boolean {
  return returnCode === AVERROR_EAGAIN || returnCode === AVERROR_EOF;
}
