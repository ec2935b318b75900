import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../../contracts/clock.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import { VedetteError } from "../../errors.ts";
import { openMedia } from "../../media/index.ts";
import { fromSdkError, parseServiceError, serviceRemedy, toKvsError, type ServiceError } from "../../protocols/kvs/service-error.ts";
import { getMediaRequest, type SignedRequest } from "../../protocols/kvs/signed-request.ts";
import { defaultCredentials, type CredentialsProvider } from "../../runtime/aws/credentials.ts";
import { iotCredentials, iotIdentityFromEnv } from "../../runtime/aws/iot-credentials.ts";
import { KinesisVideo } from "../../runtime/aws/kinesis-video.ts";
import { openStoredMedia, type Resume } from "./stored-media-session.ts";

/** What {@link KvsSource} needs to know. */
export interface KvsSourceSettings {
  readonly stream: string;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly start: Date | "now" | "earliest";
  readonly end?: Date | undefined;
  readonly by: "producer" | "server";
  readonly via: "auto" | "media" | "hls";
}

const MAX_ERROR_BYTES = 64 * 1024;

/** Reads a Kinesis video stream. Opened again, it goes on after the last fragment it gave. */
export class KvsSource implements Source {
  readonly name: string;
  readonly #settings: KvsSourceSettings;
  readonly #clock: Clock;
  readonly #credentials: CredentialsProvider;
  readonly #resume: Resume = { token: undefined };
  #skewMs = 0;

  constructor(settings: KvsSourceSettings, { clock }: KindContext) {
    this.name = `kvs://${settings.stream}`;
    this.#settings = settings;
    this.#clock = clock;
    const identity = iotIdentityFromEnv(process.env);
    this.#credentials = identity === undefined ? defaultCredentials(this.name) : iotCredentials(identity, this.name, () => clock.now());
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    signal.throwIfAborted();
    const { region, endpoint, via, end } = this.#settings;
    using service = new KinesisVideo({ region, endpoint, credentials: this.#credentials, clock: this.#clock });
    const usesHls = via === "hls" || (via === "auto" && end !== undefined);
    return usesHls ? await this.#openHls(service, signal) : await this.#openMedia(service, signal);
  }

  async #openHls(service: KinesisVideo, signal: AbortSignal): Promise<PacketSession> {
    const { stream, start, end, by } = this.#settings;
    const from = start instanceof Date ? start : start === "earliest" || end !== undefined ? new Date(0) : undefined;
    const url = await this.#call(service, "GetHLSStreamingSessionURL", () =>
      service.hlsUrl(stream, { start: from, end, by: by === "producer" ? "PRODUCER" : "SERVER" }, signal),
    );
    return openMedia(url, {
      isLive: end === undefined,
      protocols: ["http", "https", "httpproxy", "tcp", "tls", "crypto", "data"],
      signal,
      name: this.name,
      clock: this.#clock,
    });
  }

  async #openMedia(service: KinesisVideo, signal: AbortSignal): Promise<PacketSession> {
    const endpoint = await this.#call(service, "GetDataEndpoint", () => service.dataEndpoint(this.#settings.stream, "GET_MEDIA", signal));
    const region = await service.region();
    const body = JSON.stringify({ StreamName: this.#settings.stream, StartSelector: this.#selector() });
    // A clock that is wrong is set right once by the service's.
    for (let attempt = 0; ; attempt++) {
      const credentials = await this.#credentials();
      const signed = await getMediaRequest(endpoint, body, { credentials, region, dateMs: this.#clock.now() + this.#skewMs });
      const answer = await send(signed, body, this.name, signal);
      if (answer.response !== undefined) {
        return openStoredMedia(answer.response, { name: this.name, clock: this.#clock, resume: this.#resume, signal });
      }
      const remedy = serviceRemedy(answer.error, this.#clock.now() + this.#skewMs);
      if (remedy !== "clock" || attempt > 0 || answer.error.dateMs === undefined) {
        throw toKvsError(answer.error, remedy, { stream: this.name, region, action: "GetMedia" });
      }
      this.#skewMs = answer.error.dateMs - this.#clock.now();
    }
  }

  #selector(): Record<string, string | number> {
    const { start, by } = this.#settings;
    if (this.#resume.token !== undefined) {
      return { StartSelectorType: "CONTINUATION_TOKEN", ContinuationToken: this.#resume.token };
    }
    if (start instanceof Date) {
      return { StartSelectorType: by === "producer" ? "PRODUCER_TIMESTAMP" : "SERVER_TIMESTAMP", StartTimestamp: start.getTime() / 1000 };
    }
    return { StartSelectorType: start === "now" ? "NOW" : "EARLIEST" };
  }

  async #call<T>(service: KinesisVideo, action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const refused = fromSdkError(error);
      if (refused === undefined) {
        throw error instanceof VedetteError ? error : new VedetteError("E_SOURCE_UNREACHABLE", { source: this.name, reason: `${action}: ${error instanceof Error ? error.message : String(error)}` }, { cause: error });
      }
      throw toKvsError(refused, serviceRemedy(refused, this.#clock.now()), { stream: this.name, region: await service.region(), action });
    }
  }
}

type Answer = { readonly response: IncomingMessage } | { readonly response: undefined; readonly error: ServiceError };

async function send(signed: SignedRequest, body: string, name: string, signal: AbortSignal): Promise<Answer> {
  const open = signed.url.protocol === "http:" ? httpRequest : httpsRequest;
  let response: IncomingMessage;
  try {
    response = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = open(signed.url, { method: "POST", headers: signed.headers, agent: false, signal }, resolve);
      call.on("error", reject);
      call.end(body);
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new VedetteError("E_SOURCE_UNREACHABLE", { source: name, reason: `GetMedia: ${error instanceof Error ? error.message : String(error)}` }, { cause: error });
  }
  if (response.statusCode === 200) {
    return { response };
  }
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_ERROR_BYTES) {
      break;
    }
    parts.push(part);
  }
  const headers = Object.fromEntries(Object.entries(response.headers).map(([key, value]) => [key, String(value)]));
  return { response: undefined, error: parseServiceError(response.statusCode ?? 0, headers, Buffer.concat(parts)) };
}
