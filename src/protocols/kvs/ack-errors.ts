/**
 * What to do about an error acknowledgement. Each ends the connection.
 *
 * - `resend`: connect again and send the same fragment again.
 * - `skip`: that fragment will never be taken; go on with the next.
 * - `hold`: nothing is wrong with the fragment, but the stream or its key cannot be used: keep it, try a few times with
 *   pauses, then say so.
 */
export type AckRemedy = "resend" | "skip" | "hold";

/** One error of the service. */
export interface AckError {
  readonly name: string;
  readonly remedy: AckRemedy;
  /** For people. */
  readonly meaning: string;
}

const error = (name: string, remedy: AckRemedy, meaning: string): AckError => ({ name, remedy, meaning });

/** By error id: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_dataplane_PutMedia.html#API_dataplane_PutMedia_ResponseSyntax */
export const ACK_ERRORS: ReadonlyMap<number, AckError> = new Map([
  [4000, error("STREAM_READ_ERROR", "resend", "the service could not read the stream")],
  [4001, error("MAX_FRAGMENT_SIZE_REACHED", "skip", "a fragment larger than 50 MB")],
  [4002, error("MAX_FRAGMENT_DURATION_REACHED", "skip", "a fragment that lasts too long")],
  [4003, error("MAX_CONNECTION_DURATION_REACHED", "resend", "the connection lasted too long")],
  [4004, error("FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS", "skip", "a fragment before the one sent last")],
  [4005, error("MORE_THAN_ALLOWED_TRACKS_FOUND", "skip", "more than one track")],
  [4006, error("INVALID_MKV_DATA", "skip", "not the Matroska that the service expects")],
  [4007, error("INVALID_PRODUCER_TIMESTAMP", "skip", "a start time that the service does not accept")],
  [4008, error("STREAM_NOT_ACTIVE", "hold", "the stream is not active, or was deleted")],
  [4009, error("FRAGMENT_METADATA_LIMIT_REACHED", "skip", "too many tags, or too long ones")],
  [4010, error("TRACK_NUMBER_MISMATCH", "skip", "a track with another number")],
  [4011, error("FRAMES_MISSING_FOR_TRACK", "skip", "a track without frames")],
  [4012, error("MORE_THAN_ALLOWED_TRACKS_FOUND", "skip", "more tracks than allowed")],
  [4500, error("KMS_KEY_ACCESS_DENIED", "hold", "the stream's KMS key may not be used")],
  [4501, error("KMS_KEY_DISABLED", "hold", "the stream's KMS key is disabled")],
  [4502, error("KMS_KEY_VALIDATION_ERROR", "hold", "the stream's KMS key cannot be validated")],
  [4503, error("KMS_KEY_UNAVAILABLE", "hold", "the stream's KMS key is not available")],
  [4504, error("KMS_KEY_INVALID_USAGE", "hold", "the stream's KMS key is meant for something else")],
  [4505, error("KMS_KEY_INVALID_STATE", "hold", "the stream's KMS key is in a wrong state")],
  [4506, error("KMS_KEY_NOT_FOUND", "hold", "the stream's KMS key does not exist")],
  [5000, error("INTERNAL_ERROR", "resend", "an error inside the service")],
  [5001, error("ARCHIVAL_ERROR", "resend", "the service could not store the fragment")],
]);

/** What is known about an id; unknown ones may be tried again. */
export function ackError(id: number | undefined, code: string | undefined): AckError {
  const known = id === undefined ? undefined : ACK_ERRORS.get(id);
  return known ?? error(code ?? "UNKNOWN", "resend", "an error that is not documented");
}
