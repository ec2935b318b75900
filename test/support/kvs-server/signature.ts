/* eslint complexity: "off" -- one condition per rule of the signature. */
// AWS Signature Version 4, checked from its published description with node:crypto alone:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Whose signature is expected. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const hex = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** Why the request is not signed as it should be; undefined when it is. */
export function signatureProblem(request: IncomingMessage, body: Uint8Array | "", identity: Identity, expected: { region: string; mustSign: readonly string[] }): string | undefined {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const authorization = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/.exec(header("authorization"));
  if (authorization === null) {
    return `no SigV4 authorization: ${header("authorization").slice(0, 40)}`;
  }
  const [, accessKeyId = "", day = "", region = "", service = "", signedHeaders = "", signature = ""] = authorization;
  const date = header("x-amz-date");
  if (!/^\d{8}T\d{6}Z$/.test(date) || !date.startsWith(day)) {
    return `x-amz-date is ${date}`;
  }
  if (accessKeyId !== identity.accessKeyId || header("x-amz-security-token") !== (identity.sessionToken ?? "")) {
    return "other credentials";
  }
  if (region !== expected.region || service !== "kinesisvideo") {
    return `the scope is ${region}/${service}`;
  }
  const names = signedHeaders.split(";");
  if (names.join() !== [...names].sort().join()) {
    return "the signed headers are not sorted";
  }
  const missing = ["host", "x-amz-date", ...expected.mustSign].filter((name) => !names.includes(name));
  if (missing.length > 0) {
    return `not signed: ${missing.join(", ")}`;
  }
  const url = new URL(request.url ?? "/", "http://x");
  const canonical = [
    request.method ?? "",
    url.pathname,
    [...url.searchParams].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).sort().join("&"),
    ...names.map((name) => `${name}:${header(name).trim().replace(/\s+/g, " ")}`),
    "",
    signedHeaders,
    hex(body),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", date, `${day}/${region}/${service}/aws4_request`, hex(canonical)].join("\n");
  const key = hmac(hmac(hmac(hmac(`AWS4${identity.secretAccessKey}`, day), region), service), "aws4_request");
  return hmac(key, toSign).toString("hex") === signature ? undefined : "the signature does not match";
}

/** The time that the request says it was signed at. */
export function signedAtMs(request: IncomingMessage): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(request.headers["x-amz-date"])) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}
