import type { AwsCredentials } from "../../runtime/aws/credentials.ts";

/** What goes into a signature besides the request. */
export interface SigningContext {
  readonly credentials: AwsCredentials;
  readonly region: string;
  /** By the service's clock. */
  readonly dateMs: number;
}

/** A request ready to be sent: header names in lower case. */
export interface SignedRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** How {@link putMediaRequest} names the stream: exactly one of both. */
export type StreamName = { readonly name: string } | { readonly arn: string };

/** Seconds since 1970 with exactly three decimals. */
export function epochSeconds(ms: number): string {
  const whole = Math.round(ms);
  return `${Math.floor(whole / 1000)}.${String(whole % 1000).padStart(3, "0")}`;
}

/**
 * The request whose body is the media. The body is endless, so it is not signed: the payload's hash is that of the empty
 * string. https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_dataplane_PutMedia.html
 */
export async function putMediaRequest(endpoint: string, stream: StreamName, startMs: number, context: SigningContext): Promise<SignedRequest> {
  const named: Record<string, string> = "arn" in stream ? { "x-amzn-stream-arn": stream.arn } : { "x-amzn-stream-name": stream.name };
  const signed = await sign(
    endpoint,
    "/putMedia",
    {
      ...named,
      "x-amzn-producer-start-timestamp": epochSeconds(startMs),
      "x-amzn-fragment-acknowledgment-required": "1",
      "x-amzn-fragment-timecode-type": "ABSOLUTE",
    },
    undefined,
    context,
  );
  return { url: signed.url, headers: { ...signed.headers, "transfer-encoding": "chunked", connection: "keep-alive", "content-type": "application/json", "user-agent": "vedette" } };
}

/** The request that reads a stream. https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_dataplane_GetMedia.html */
export async function getMediaRequest(endpoint: string, body: string, context: SigningContext): Promise<SignedRequest> {
  const signed = await sign(endpoint, "/getMedia", { "content-type": "application/json" }, body, context);
  return { url: signed.url, headers: { ...signed.headers, "content-length": String(Buffer.byteLength(body)), "user-agent": "vedette" } };
}

async function sign(
  endpoint: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
  { credentials, region, dateMs }: SigningContext,
): Promise<SignedRequest> {
  const url = new URL(path, endpoint);
  // Loaded when needed: other commands do not pay for it.
  const [{ SignatureV4 }, { Sha256 }] = await Promise.all([import("@smithy/signature-v4"), import("@aws-crypto/sha256-js")]);
  const signer = new SignatureV4({ service: "kinesisvideo", region, credentials, sha256: Sha256, applyChecksum: false });
  const signed = await signer.sign(
    {
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: { host: url.host, ...headers },
      ...(body === undefined ? {} : { body }),
    },
    { signingDate: new Date(dateMs) },
  );
  return { url, headers: signed.headers };
}
