/**
 * Every failure that a user can meet, in one table: what happened, whether trying again may help, what to do about it,
 * and the exit code of a command that ends because of it. `docs/errors.md` is generated from it. Codes are never reused.
 */

/** One row of the table. `{name}` in the message is filled from the error's details. */
export interface ErrorRow {
  readonly message: string;
  /** True when the same thing may work later without anybody changing anything. */
  readonly retryable: boolean;
  readonly hint: string;
  /** 1: failed while running. 2: bad usage, configuration or model. */
  readonly exit: 1 | 2;
}

const row = (message: string, hint: string, retryable = false, exit: 1 | 2 = 2): ErrorRow => ({ message, hint, retryable, exit });
const failed = (message: string, hint: string): ErrorRow => row(message, hint, false, 1);
const later = (message: string, hint: string): ErrorRow => row(message, hint, true, 1);

/** The table. */
export const ERRORS = {
  // general
  E_INTERNAL: failed("internal error: {reason}", "This is a fault of Vedette's: please report it with the log."),
  E_USAGE: row("{reason}", "See `vedette --help` or `vedette COMMAND --help`."),
  E_CONFIG: row("{where}: {reason}", "`vedette config schema` prints every key; `vedette config check FILE` checks a file."),
  E_ADDRESS_IN_USE: row("{address} is in use", "Stop the other program, or choose another port."),
  E_ADDRESS_REFUSED: row("{address} cannot be listened on: {reason}", "Choose an address of this machine, and a port you may use."),
  E_NOT_LOOPBACK: row(
    "{address} is reachable from outside and no credentials are set",
    "Set credentials, listen on 127.0.0.1, or say --allow-anonymous when anyone may connect.",
  ),

  // sources and media
  E_SOURCE_NOT_FOUND: row("{source}: no such file", "Check the path."),
  E_SOURCE_DIRECTORY: row("{source} is a directory, expected a video file", "Name one of the files in it."),
  E_SOURCE_EMPTY: row("{source} is empty", "The recording may not have been finished."),
  E_SOURCE_UNREADABLE: row("{source}: {reason}", "Check permissions."),
  E_SOURCE_SCHEME: row("{source}: unsupported kind of source, expected {expected}", "See `vedette run --help`."),
  E_SOURCE_UNREACHABLE: later("{source}: {reason}", "Check that the device is on and reachable from this machine."),
  E_SOURCE_CREDENTIALS: row("{source}: the user name or password was refused", "Put the right ones into the address: rtsp://user:password@host/…", false, 1),
  E_SOURCE_SILENT: later("{source}: nothing came for {seconds} s", "The camera may be overloaded or the network cut."),
  E_SOURCE_BROKEN: later("{source}: {reason}", "The connection is tried again by itself where the source is live."),
  E_SOURCE_CERTIFICATE: row("{source}: the certificate is not trusted ({reason})", "Give its authority (tls.ca), or set tls.rejectUnauthorized to false.", false, 1),
  E_SOURCE_NO_STREAM: row("{source}: no such stream there ({reason})", "Check the path of the address.", false, 1),
  E_MEDIA_FORMAT: row("{source}: not a video file that can be read ({reason})", "`ffprobe FILE` shows what it holds."),
  E_MEDIA_NO_VIDEO: row("{source}: no video track, found {found}", "Vedette analyses video; audio alone cannot be used."),
  E_MEDIA_TRUNCATED: failed("{source}: ends too early after {frames} frames ({reason})", "What was there has been analysed."),
  E_MEDIA_CODEC: row("{source}: no decoder for {codec}", "Convert it to H.264 or H.265."),
  E_MEDIA_DECODE: failed("{source}: no picture could be decoded ({reason})", "The file or stream may be damaged."),
  E_MEDIA_ENCODE: failed("{codec} encoder: {reason}", "Choose another --codec, size or bitrate."),
  E_MEDIA_HWACCEL: row("hardware acceleration {name} is not available: {reason}", "Available here: {available}. Use --hwaccel none."),

  // models and engines
  E_MODEL_NOT_FOUND: row("model {model}: no such file or catalogue name", "`vedette models list` shows the catalogue."),
  E_MODEL_MANIFEST: row("{file}: {reason}", "docs/models.md describes the manifest."),
  E_MODEL_INCOMPLETE: row("model {model}: {missing} must be given", "Add it to the manifest or as a flag: {flags}."),
  E_MODEL_BROKEN: row("model {model} cannot be loaded: {reason}", "Check that the file is complete and an ONNX model."),
  E_MODEL_EXTERNAL_DATA: row("model {model}: external data outside its folder is refused ({path})", "Keep weights beside the model file."),
  E_MODEL_OUTPUT: row("model {model}: output does not fit family {family}: expected {expected}, got {got}", "Choose the right --family."),
  E_MODEL_LABELS: row("model {model}: {got} labels for {expected} classes", "Give the right --labels file: one label a line."),
  E_MODEL_DIGEST: failed("{url}: SHA-256 is {got}, expected {expected}", "The download was discarded; try again or check the catalogue."),
  E_MODEL_DOWNLOAD: later("{model} cannot be downloaded: {reason}", "Check the network; the next try goes on where this one stopped."),
  E_ENGINE_UNAVAILABLE: row("execution provider {provider} is not available: {reason}", "Available here: {available}."),
  E_ENGINE_FAILED: later("{engine}: {reason}", "The frame was dropped as engine_error and the stream goes on."),
  E_USE_CASE: row("{where}: {reason}", "docs/use-cases.md shows what a use case may export."),

  // remote engines, batching, model server
  E_STOPPED: failed("{what} was stopped", "It was shut down while work was under way."),
  E_ENGINE_ADDRESS: row("{engine}: {reason}", "Engines are named KIND://HOST:PORT, several addresses as KIND://HOST:PORT,HOST:PORT."),
  E_ENGINE_UNREACHABLE: later("{engine}: {reason}", "Check that the model server is up and reachable; it is tried again by itself."),
  E_ENGINE_BUSY: later("{engine}: the server is overloaded ({reason})", "Frames are dropped until it has room; more servers or a smaller --fps help."),
  E_ENGINE_TIMEOUT: later("{engine}: no answer within {limit}", "The server hangs or is overloaded; `timeoutMs` sets the limit."),
  E_ENGINE_CREDENTIALS: row("{engine}: the server refused the credentials ({reason})", "Set the token (tokenEnv or tokenFile) or the client certificate.", false, 1),
  E_ENGINE_MODEL: row("{engine}: model {model}: expected {expected}, got {got}", "The manifest must fit what the server serves.", false, 1),
  E_WIRE: failed("{where}: expected {expected}, got {got}", "The other side does not speak the protocol as published."),
  E_ARCHIVE: row("{file}: {reason}", "docs/serving.md says which archives can be served."),

  // outputs
  E_OUTPUT_SCHEME: row("{output}: unsupported kind of output, expected {expected}", "See `vedette run --help`."),
  E_OUTPUT_UNWRITABLE: row("{output}: cannot be written: {reason}", "Check the folder and its permissions."),
  E_OUTPUT_FULL: failed("{output}: no space left on the device", "What was written so far is complete and playable."),
  E_OUTPUT_UNREACHABLE: later("{output}: {reason}", "It is tried again by itself; the other outputs go on."),
  E_OUTPUT_BROKEN: failed("{output}: {reason}", "The other outputs go on."),

  // events and clips
  E_EVENTS_UNWRITABLE: row("the {what} {path} cannot be opened: {reason}", "Check the folder, its permissions and the room on the disk, or choose another --data-dir."),
  E_EVENTS_NEWER: row("the {what} {path} has layout {got}, this program knows {expected}", "It was written by a newer Vedette: use that one, or another --data-dir."),
  E_EVENT_UNKNOWN: row("no event {id} is kept", "`vedette events list` shows what is there."),

  // Kinesis Video Streams
  E_KVS_CREDENTIALS: row("no AWS credentials were found for {stream}; tried {tried}", "Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role.", false, 1),
  E_KVS_ACCESS: row("{stream}: the service refused the credentials ({reason})", "Their role needs kinesisvideo:DescribeStream, GetDataEndpoint and PutMedia (to read: GetMedia) on this stream.", false, 1),
  E_KVS_STREAM_MISSING: row("{stream}: no such stream in {region}", "Create it, say --create, or give the right --region.", false, 1),
  E_KVS_REFUSED: failed("{stream}: {reason}", "docs/kinesis.md lists what the service refuses and why."),
  E_KVS_UNREACHABLE: later("{stream}: {reason}", "Check the network; what could not be uploaded is kept as far as the buffer or --spool reaches."),
  E_KVS_MEDIA: row("{stream}: cannot be uploaded: {reason}", "Kinesis Video Streams takes H.264 and H.265 without B-frames; --reencode auto converts.", false, 1),
  E_KVS_UNFINISHED: later("{stream}: {fragments} fragments ({seconds} s) were not stored when time was up: {reason}", "With --spool they stay on disk, and the next run uploads them."),
  E_KVS_SPOOL: row("{folder}: cannot be used as a spool: {reason}", "Give --spool a folder that this user may write and no other upload uses."),

  // services of this machine
  E_SERVICE: failed("service {service}: {reason}", "`vedette service install --print` shows what is done; docs/install.md explains it."),
} as const satisfies Record<string, ErrorRow>;

/** A code of the table. */
export type ErrorCode = keyof typeof ERRORS;

/** What fills the message: texts and numbers without secrets. URLs must have passed `redactUrl`. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

/** An error of the table. Branch on `code`, never on the text. */
export class VedetteError extends Error {
  override readonly name = "VedetteError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { readonly cause?: unknown }) {
    super(fill(ERRORS[code].message, details), options);
    this.code = code;
    this.details = details;
  }

  /** Whether trying again may help without anybody changing anything. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** What the user can do about it. */
  get hint(): string {
    return fill(ERRORS[this.code].hint, this.details);
  }

  /** Exit code of a command that ends because of it. */
  get exit(): 1 | 2 {
    return ERRORS[this.code].exit;
  }
}

/** The error as one of the table: itself, or `E_INTERNAL` around anything else. */
export function toVedetteError(error: unknown): VedetteError {
  if (error instanceof VedetteError) {
    return error;
  }
  return new VedetteError("E_INTERNAL", { reason: error instanceof Error ? error.message : String(error) }, { cause: error });
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => {
    const value = details[key];
    return value === undefined ? whole : String(value);
  });
}
