import {
  AVERROR_EACCES,
  AVERROR_EIO,
  AVERROR_ENOENT,
  AVERROR_EPERM,
  AVERROR_HTTP_FORBIDDEN,
  AVERROR_HTTP_NOT_FOUND,
  AVERROR_HTTP_UNAUTHORIZED,
  AVERROR_INVALIDDATA,
  AVERROR_PROTOCOL_NOT_FOUND,
  AVERROR_EINVAL,
  AVERROR_DEMUXER_NOT_FOUND,
  AVERROR_EOF,
} from "node-av/constants";
import { VedetteError } from "../errors.ts";
import { describeReturnCode, type FfmpegFailure } from "./ffmpeg.ts";

/** What a failure to open means to the user. */
export function openFailure(source: string, failure: FfmpegFailure): VedetteError {
  const reason = describeReturnCode(failure.returnCode);
  switch (failure.returnCode) {
    case AVERROR_HTTP_UNAUTHORIZED:
    case AVERROR_HTTP_FORBIDDEN:
      return new VedetteError("E_SOURCE_CREDENTIALS", { source }, { cause: failure });
    case AVERROR_HTTP_NOT_FOUND:
      return new VedetteError("E_SOURCE_UNREACHABLE", { source, reason: "the server knows no such address (404)" }, { cause: failure });
    case AVERROR_ENOENT:
      return new VedetteError("E_SOURCE_NOT_FOUND", { source }, { cause: failure });
    case AVERROR_EACCES:
    case AVERROR_EPERM:
      return new VedetteError("E_SOURCE_UNREADABLE", { source, reason }, { cause: failure });
    case AVERROR_INVALIDDATA:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_EOF:
      return new VedetteError("E_MEDIA_FORMAT", { source, reason }, { cause: failure });
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_EINVAL:
      return new VedetteError("E_MEDIA_FORMAT", { source, reason: `${reason}, or it refers to an address that such a source may not open` }, { cause: failure });
    default:
      return new VedetteError("E_SOURCE_UNREACHABLE", { source, reason }, { cause: failure });
  }
}

/** What a failure while reading means to the user. */
export function readFailure(source: string, returnCode: number, state: { readonly isLive: boolean; readonly frames: number }): VedetteError {
  const reason = describeReturnCode(returnCode);
  const isCut = returnCode === AVERROR_INVALIDDATA || returnCode === AVERROR_EIO || returnCode === AVERROR_EOF;
  return !state.isLive && isCut
    ? new VedetteError("E_MEDIA_TRUNCATED", { source, frames: state.frames, reason })
    : new VedetteError("E_SOURCE_BROKEN", { source, reason });
}
