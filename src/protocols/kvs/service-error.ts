import { XMLParser } from "fast-xml-parser";
import { VedetteError } from "../../errors.ts";

/** A refusal of the service, from whatever the response says. */
export interface ServiceError {
  readonly status: number;
  /** `ResourceNotFoundException`, `NotAuthorizedException`, …; `HTTP 503` when the response names none. */
  readonly code: string;
  readonly message: string;
  /** The service's clock when it answered, from its `Date` header. */
  readonly dateMs: number | undefined;
}

/** Longest text taken from a body into a message. */
const MAX_TEXT = 300;

/** Reads a response that is no success. The body may be JSON, XML, plain text, or cut short. */
export function parseServiceError(status: number, headers: Readonly<Record<string, string | undefined>>, body: Uint8Array): ServiceError {
  const text = new TextDecoder().decode(body).trim();
  const fields = text.startsWith("{") ? fromJson(text) : text.startsWith("<") ? fromXml(text) : {};
  // `x-amzn-ErrorType: NotAuthorizedException:http://…`
  const named = headers["x-amzn-errortype"] ?? fields.code;
  const code = named?.replace(/:.*$/s, "").replace(/^.*#/s, "").trim();
  const date = Date.parse(headers["date"] ?? "");
  return {
    status,
    code: code === undefined || code === "" ? `HTTP ${status}` : code,
    message: (fields.message ?? (text.startsWith("<") || text.startsWith("{") ? "" : text)).slice(0, MAX_TEXT),
    dateMs: Number.isNaN(date) ? undefined : date,
  };
}

/** A refusal that the AWS SDK turned into an exception; undefined for others, such as a connection that failed. */
export function fromSdkError(error: unknown): ServiceError | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  // The SDK's exceptions: https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/Package/-smithy-smithy-client/Class/ServiceException/
  const { $metadata, $response } = error as { $metadata?: { httpStatusCode?: number }; $response?: { headers?: Record<string, string> } };
  const status = $metadata?.httpStatusCode;
  if (status === undefined || status < 300) {
    return undefined;
  }
  const date = Date.parse($response?.headers?.["date"] ?? "");
  return { status, code: error.name, message: error.message, dateMs: Number.isNaN(date) ? undefined : date };
}

/** The refusal as a user meets it. `stream`: for people; `action`: what was refused, `PutMedia`. */
export function toKvsError(error: ServiceError, remedy: ServiceRemedy, place: { readonly stream: string; readonly region: string; readonly action: string }): VedetteError {
  const { stream, region, action } = place;
  const reason = `${action}: ${error.code}${error.message === "" ? "" : `: ${error.message}`}`;
  switch (remedy) {
    case "missing":
      return new VedetteError("E_KVS_STREAM_MISSING", { stream, region });
    case "credentials":
    case "clock":
      return new VedetteError("E_KVS_ACCESS", { stream, reason });
    case "refused":
      return new VedetteError("E_KVS_REFUSED", { stream, reason });
    case "later":
    case "throttled":
    case "endpoint":
      return new VedetteError("E_KVS_UNREACHABLE", { stream, reason });
  }
}

interface Fields {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

function fromJson(text: string): Fields {
  try {
    const fields = JSON.parse(text) as Record<string, unknown>;
    return { code: textOf(fields["__type"] ?? fields["code"] ?? fields["Code"]), message: textOf(fields["message"] ?? fields["Message"] ?? fields["errorMessage"]) };
  } catch {
    return {};
  }
}

/** `<ErrorResponse><Error><Code>…</Code><Message>…</Message></Error></ErrorResponse>`, with or without the outer layers. */
function fromXml(text: string): Fields {
  try {
    const found: { code?: string; message?: string } = {};
    search(new XMLParser({ parseTagValue: false, processEntities: false }).parse(text), found, 0);
    return found;
  } catch {
    return {};
  }
}

function search(node: unknown, found: { code?: string; message?: string }, depth: number): void {
  if (typeof node !== "object" || node === null || depth > 5) {
    return;
  }
  for (const [name, value] of Object.entries(node)) {
    if (typeof value === "string" && /^code$/i.test(name)) {
      found.code ??= value;
    } else if (typeof value === "string" && /^message$/i.test(name)) {
      found.message ??= value;
    } else {
      search(value, found, depth + 1);
    }
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** What a refusal calls for. */
export type ServiceRemedy =
  /** Wait and try again. */
  | "later"
  /** Wait longer: too many calls, or a connection of ours that the service still holds. */
  | "throttled"
  /** Ask for new credentials and try again. */
  | "credentials"
  /** Set the clock by the service's and try again. */
  | "clock"
  /** Ask for the endpoint again. */
  | "endpoint"
  /** The stream is not there. */
  | "missing"
  /** Trying again cannot help. */
  | "refused";

const BY_CODE: readonly (readonly [RegExp, ServiceRemedy])[] = [
  [/Throttl|TooManyRequests|LimitExceeded|RequestLimit|ProvisionedThroughput|SlowDown|DeviceStreamLimit/i, "throttled"],
  [/RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|InvalidSignature|SignatureDoesNotMatch/i, "clock"],
  [/ExpiredToken|TokenRefresh|UnrecognizedClient|InvalidClientTokenId|MissingAuthentication|IncompleteSignature/i, "credentials"],
  [/InvalidEndpoint/i, "endpoint"],
  [/ResourceNotFound/i, "missing"],
  [/ResourceInUse/i, "later"],
  [/NotAuthorized|AccessDenied|Forbidden/i, "credentials"],
  [/InvalidArgument|ValidationException|InvalidDevice|InvalidParameter/i, "refused"],
];

/** Below this a refused signature has other reasons than the clock: the service allows five minutes. */
const SKEW_MS = 60_000;

/** Decides from the error's name, else from the status; `nowMs` is the caller's clock as it signed. */
export function serviceRemedy(error: ServiceError, nowMs: number): ServiceRemedy {
  const found = BY_CODE.find(([pattern]) => pattern.test(error.code))?.[1] ?? byStatus(error.status);
  const isSkewed = error.dateMs !== undefined && Math.abs(error.dateMs - nowMs) > SKEW_MS;
  if (found === "clock" || found === "credentials") {
    return isSkewed && error.status !== 404 ? "clock" : "credentials";
  }
  return found;
}

function byStatus(status: number): ServiceRemedy {
  if (status === 401 || status === 403) {
    return "credentials";
  }
  if (status === 404) {
    return "missing";
  }
  if (status === 429) {
    return "throttled";
  }
  return status >= 500 || status === 408 ? "later" : "refused";
}
