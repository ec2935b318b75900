import { VedetteError } from "../../errors.ts";
import { RtspUnauthorized } from "../../protocols/rtsp/client.ts";
import type { RtspResponse } from "../../protocols/rtsp/message.ts";
import { RtspSyntaxError } from "../../protocols/rtsp/parser.ts";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ENOTFOUND: "no such host name",
  EAI_AGAIN: "the host name cannot be looked up now",
};

/** Certificate faults, as Node names them. */
const TLS_CODES = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)_)/;

/** Any failure of a connection as one of the table. */
export function toSourceError(error: unknown, source: string): VedetteError {
  if (error instanceof VedetteError) {
    return error;
  }
  if (error instanceof RtspUnauthorized) {
    return new VedetteError("E_SOURCE_CREDENTIALS", { source }, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof RtspSyntaxError) {
    return error.status === 413
      ? new VedetteError("E_MEDIA_FORMAT", { source, reason }, { cause: error })
      : new VedetteError("E_SOURCE_BROKEN", { source, reason }, { cause: error });
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (TLS_CODES.test(code)) {
    return new VedetteError("E_SOURCE_CERTIFICATE", { source, reason }, { cause: error });
  }
  return new VedetteError("E_SOURCE_UNREACHABLE", { source, reason: REASONS[code] ?? reason }, { cause: error });
}

/** A refusal by the server as one of the table. */
export function refused(response: RtspResponse, method: string, source: string): VedetteError {
  const reason = `${method} was answered ${String(response.status)} ${response.reason}`;
  if (response.status === 401 || response.status === 403) {
    return new VedetteError("E_SOURCE_CREDENTIALS", { source });
  }
  if (response.status === 404 || response.status === 410) {
    return new VedetteError("E_SOURCE_NO_STREAM", { source, reason });
  }
  return new VedetteError(response.status >= 500 || response.status === 453 ? "E_SOURCE_UNREACHABLE" : "E_SOURCE_BROKEN", { source, reason });
}
