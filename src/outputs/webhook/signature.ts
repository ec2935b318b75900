import { createHmac } from "node:crypto";
import type { Secret } from "../../domain/secret.ts";

/** Symmetric secrets of Standard Webhooks are written like this, in base64 after the prefix. */
const PREFIX = "whsec_";

/**
 * The headers that prove where a request comes from, by the Standard Webhooks specification
 * (github.com/standard-webhooks/standard-webhooks, "Symmetric webhook signatures"): HMAC-SHA256 over
 * `id.timestamp.body`. A secret without the prefix `whsec_` is taken as text.
 */
export function signatureHeaders(id: string, timestampS: number, body: string, secret: Secret | undefined): Readonly<Record<string, string>> {
  const headers = { "webhook-id": headerValue(id), "webhook-timestamp": String(timestampS) };
  if (secret === undefined) {
    return headers;
  }
  const value = secret.reveal();
  const key = value.startsWith(PREFIX) ? Buffer.from(value.slice(PREFIX.length), "base64") : Buffer.from(value, "utf8");
  const signature = createHmac("sha256", key).update(`${headers["webhook-id"]}.${timestampS}.${body}`, "utf8").digest("base64");
  return { ...headers, "webhook-signature": `v1,${signature}` };
}

/** Header values are visible ASCII (RFC 9110 §5.5); names of streams and rules may be anything. */
function headerValue(id: string): string {
  return encodeURI(id);
}
