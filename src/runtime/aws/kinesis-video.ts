import type { KinesisVideoClient } from "@aws-sdk/client-kinesis-video";
import type { Clock } from "../../contracts/clock.ts";
import type { CredentialsProvider } from "./credentials.ts";

/** What {@link KinesisVideo} needs to know. */
export interface KinesisVideoOptions {
  /** Undefined: AWS_REGION, AWS_DEFAULT_REGION, the profile's, else {@link DEFAULT_REGION}. */
  readonly region: string | undefined;
  /** Instead of the region's own, for test servers and private endpoints. */
  readonly endpoint: string | undefined;
  readonly credentials: CredentialsProvider;
  readonly clock: Clock;
}

/** What the service knows of a stream. */
export interface KvsStreamInfo {
  readonly arn: string;
  readonly status: string;
  /** 0: nothing is kept, and nothing is acknowledged as persisted. */
  readonly retentionHours: number;
}

/** What an endpoint is for. */
export type DataApi = "PUT_MEDIA" | "GET_MEDIA" | "GET_HLS_STREAMING_SESSION_URL";

/** Where nothing else is said. */
const DEFAULT_REGION = "us-east-1";
/** Endpoints change rarely; the service's own producer asks again after about this time. */
const ENDPOINT_LIFE_MS = 40 * 60_000;

/**
 * The control plane of Kinesis Video Streams through the AWS SDK: describes and creates streams, and finds the endpoints
 * that carry media. Errors are the SDK's own; `fromSdkError` of the wire code reads them.
 */
export class KinesisVideo implements Disposable {
  readonly #options: KinesisVideoOptions;
  readonly #endpoints = new Map<string, { readonly url: string; readonly untilMs: number }>();
  #client: Promise<KinesisVideoClient> | undefined;

  constructor(options: KinesisVideoOptions) {
    this.#options = options;
  }

  /** The region that is used. */
  async region(): Promise<string> {
    const client = await this.#open();
    return client.config.region();
  }

  async describe(stream: string, signal: AbortSignal): Promise<KvsStreamInfo> {
    const client = await this.#open();
    const { DescribeStreamCommand } = await import("@aws-sdk/client-kinesis-video");
    const { StreamInfo } = await client.send(new DescribeStreamCommand({ StreamName: stream }), { abortSignal: signal });
    return { arn: StreamInfo?.StreamARN ?? "", status: StreamInfo?.Status ?? "ACTIVE", retentionHours: StreamInfo?.DataRetentionInHours ?? 0 };
  }

  async create(stream: string, options: { readonly retentionHours: number; readonly mediaType: string }, signal: AbortSignal): Promise<void> {
    const client = await this.#open();
    const { CreateStreamCommand } = await import("@aws-sdk/client-kinesis-video");
    await client.send(
      new CreateStreamCommand({ StreamName: stream, MediaType: options.mediaType, DataRetentionInHours: options.retentionHours }),
      { abortSignal: signal },
    );
  }

  /** Cached; {@link forgetEndpoints} after it was refused. */
  async dataEndpoint(stream: string, api: DataApi, signal: AbortSignal): Promise<string> {
    const key = `${api} ${stream}`;
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#endpoints.get(key);
    if (known !== undefined && nowMs < known.untilMs) {
      return known.url;
    }
    const client = await this.#open();
    const { GetDataEndpointCommand } = await import("@aws-sdk/client-kinesis-video");
    const { DataEndpoint = "" } = await client.send(new GetDataEndpointCommand({ StreamName: stream, APIName: api }), { abortSignal: signal });
    this.#endpoints.set(key, { url: DataEndpoint, untilMs: nowMs + ENDPOINT_LIFE_MS });
    return DataEndpoint;
  }

  forgetEndpoints(): void {
    this.#endpoints.clear();
  }

  /** The address of an HLS playlist of what was stored between two times; live from now on without an end. */
  async hlsUrl(stream: string, range: { readonly start: Date | undefined; readonly end: Date | undefined; readonly by: "PRODUCER" | "SERVER" }, signal: AbortSignal): Promise<string> {
    const endpoint = await this.dataEndpoint(stream, "GET_HLS_STREAMING_SESSION_URL", signal);
    const { GetHLSStreamingSessionURLCommand, KinesisVideoArchivedMediaClient } = await import("@aws-sdk/client-kinesis-video-archived-media");
    const client = new KinesisVideoArchivedMediaClient({ region: await this.region(), endpoint, credentials: provider(this.#options.credentials) });
    const { start, end, by } = range;
    const mode = start === undefined ? "LIVE" : end === undefined ? "LIVE_REPLAY" : "ON_DEMAND";
    try {
      const { HLSStreamingSessionURL = "" } = await client.send(
        new GetHLSStreamingSessionURLCommand({
          StreamName: stream,
          PlaybackMode: mode,
          ...(start === undefined
            ? {}
            : {
                HLSFragmentSelector: {
                  FragmentSelectorType: `${by}_TIMESTAMP`,
                  TimestampRange: { StartTimestamp: start, ...(end === undefined ? {} : { EndTimestamp: end }) },
                },
              }),
          DiscontinuityMode: "ON_DISCONTINUITY",
          DisplayFragmentTimestamp: "ALWAYS",
          Expires: HLS_LIFE_S,
          MaxMediaPlaylistFragmentResults: mode === "ON_DEMAND" ? 1000 : 3,
        }),
        { abortSignal: signal },
      );
      return HLSStreamingSessionURL;
    } finally {
      client.destroy();
    }
  }

  [Symbol.dispose](): void {
    const client = this.#client;
    this.#client = undefined;
    client?.then((opened) => opened.destroy()).catch(() => undefined);
  }

  #open(): Promise<KinesisVideoClient> {
    return (this.#client ??= this.#create());
  }

  async #create(): Promise<KinesisVideoClient> {
    const { region, endpoint, credentials } = this.#options;
    // Loaded when needed: other commands do not pay for the SDK.
    const { KinesisVideoClient } = await import("@aws-sdk/client-kinesis-video");
    const common = { credentials: provider(credentials), ...(endpoint === undefined ? {} : { endpoint }) };
    const named = region ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"];
    const client = new KinesisVideoClient(named === undefined ? common : { ...common, region: named });
    try {
      await client.config.region();
      return client;
    } catch {
      // No profile names a region either.
      client.destroy();
      return new KinesisVideoClient({ ...common, region: DEFAULT_REGION });
    }
  }
}

/** How long an HLS address lasts: reading goes on as long as segments are asked for within it. */
const HLS_LIFE_S = 43_200;

/** The SDK passes what it knows of the caller; only the refresh is ours. */
function provider(credentials: CredentialsProvider): () => Promise<Awaited<ReturnType<CredentialsProvider>>> {
  return () => credentials();
}
