/** Header fields of a message: names in small letters, every value in order. */
export type RtspHeaders = ReadonlyMap<string, readonly string[]>;

/** A request (RFC 2326 §6). */
export interface RtspRequest {
  readonly kind: "request";
  readonly method: string;
  readonly uri: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

/** A response (RFC 2326 §7). */
export interface RtspResponse {
  readonly kind: "response";
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

/** Binary data between the messages (RFC 2326 §10.12). */
export interface InterleavedFrame {
  readonly kind: "interleaved";
  readonly channel: number;
  readonly data: Uint8Array;
}

/** What a control connection carries. */
export type RtspItem = RtspRequest | RtspResponse | InterleavedFrame;

/** Header fields to write. */
export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** Reasons of the status codes that are used here (RFC 2326 §7.1.1). */
export const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Request Entity Too Large",
  414: "Request-URI Too Long",
  431: "Request Header Fields Too Large",
  451: "Parameter Not Understood",
  454: "Session Not Found",
  455: "Method Not Valid in This State",
  457: "Invalid Range",
  459: "Aggregate Operation Not Allowed",
  461: "Unsupported Transport",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "RTSP Version not supported",
  551: "Option not supported",
};

/** The first value of a header, by its name in small letters. */
export function header(message: { readonly headers: RtspHeaders }, name: string): string | undefined {
  return message.headers.get(name)?.[0];
}

/** Bytes of a request. Line breaks in values cannot smuggle headers in. */
export function writeRequest(method: string, uri: string, headers: HeaderFields, body?: Uint8Array): Buffer {
  return write(`${method} ${uri} RTSP/1.0`, headers, body);
}

/** Bytes of a response. */
export function writeResponse(status: number, headers: HeaderFields, body?: Uint8Array): Buffer {
  return write(`RTSP/1.0 ${String(status)} ${REASONS[status] ?? "Unknown"}`, headers, body);
}

/** Bytes of a piece of binary data. */
export function writeInterleaved(channel: number, data: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(0x24, channel, data.length >> 8, data.length & 255), data]);
}

function write(start: string, headers: HeaderFields, body: Uint8Array | undefined): Buffer {
  const lines = [start, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (body !== undefined && body.length > 0) {
    lines.push(`Content-Length: ${String(body.length)}`);
  }
  const head = Buffer.from(`${lines.map((line) => line.replace(/[\r\n]+/g, " ")).join("\r\n")}\r\n\r\n`, "utf8");
  return body === undefined ? head : Buffer.concat([head, body]);
}
