import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import { VedetteError } from "../../errors.ts";
import { fromSdkError, serviceRemedy, toKvsError, type ServiceError, type ServiceRemedy } from "../../protocols/kvs/service-error.ts";
import { putMediaRequest, type SignedRequest } from "../../protocols/kvs/signed-request.ts";
import type { AwsCredentials, CredentialsProvider } from "../../runtime/aws/credentials.ts";
import type { KinesisVideo } from "../../runtime/aws/kinesis-video.ts";

/** What a {@link Connector} needs. */
export interface ConnectorOptions {
  /** The stream's name at the service. */
  readonly stream: string;
  readonly service: KinesisVideo;
  readonly credentials: CredentialsProvider;
  readonly clock: Clock;
  readonly log: Logger;
  /** Make a stream that is not there. */
  readonly create: { readonly retentionHours: number } | undefined;
}

/** A request that may be sent, and how long its credentials last. */
export interface PreparedRequest {
  readonly request: SignedRequest;
  readonly expiresAtMs: number | undefined;
}

const POLL_MS = 1000;
/** A new stream is active within seconds. */
const READY_WITHIN_MS = 30_000;

/**
 * Everything before the media: finds or makes the stream, its endpoint and credentials, and signs. Knows the service's
 * clock once it has been told that ours is wrong. Errors come as {@link Refusal} with what may help.
 */
export class Connector {
  readonly #options: ConnectorOptions;
  #skewMs = 0;
  #forceRefresh = false;
  #retentionHours: number | undefined;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** Looks whether the stream is there and active, and makes it when asked to. */
  async prepare(signal: AbortSignal): Promise<void> {
    const { stream, service, create, log, clock } = this.#options;
    const untilMs = clock.monotonicMs() + READY_WITHIN_MS;
    let isCreated = false;
    while (true) {
      try {
        const info = await this.#call("DescribeStream", () => service.describe(stream, signal), signal);
        if (info.status === "ACTIVE" || info.status === "UPDATING") {
          this.#retentionHours = info.retentionHours;
          if (info.retentionHours === 0) {
            log.warn("the stream keeps nothing (its retention is 0 hours)", { stream });
          }
          return;
        }
        if (info.status === "DELETING" || clock.monotonicMs() > untilMs) {
          throw new VedetteError("E_KVS_REFUSED", { stream: this.#options.stream, reason: `the stream is ${info.status}` });
        }
      } catch (error) {
        const isMissing = error instanceof Refusal && error.remedy === "missing";
        if (!isMissing || create === undefined || clock.monotonicMs() > untilMs) {
          throw error;
        }
        if (!isCreated) {
          log.info("the stream is not there: it is created", { stream, retentionHours: create.retentionHours });
          await this.#call("CreateStream", () => service.create(stream, { ...create, mediaType: "video/h264" }, signal), signal);
          isCreated = true;
        }
      }
      await clock.sleep(POLL_MS, signal);
    }
  }

  /** True for a stream without retention: it never says that something is stored. */
  get storesNothing(): boolean {
    return this.#retentionHours === 0;
  }

  /** A PutMedia request signed now. `startMs`: the time of its first frame. */
  async request(startMs: number, signal: AbortSignal): Promise<PreparedRequest> {
    const { stream, service, credentials, clock } = this.#options;
    if (this.#retentionHours === undefined) {
      // There was no network when the upload began.
      await this.prepare(signal);
    }
    const valid: AwsCredentials = await credentials(this.#forceRefresh ? { forceRefresh: true } : undefined);
    this.#forceRefresh = false;
    const endpoint = await this.#call("GetDataEndpoint", () => service.dataEndpoint(stream, "PUT_MEDIA", signal), signal);
    const region = await service.region();
    const request = await putMediaRequest(endpoint, { name: stream }, startMs, { credentials: valid, region, dateMs: clock.now() + this.#skewMs });
    return { request, expiresAtMs: valid.expiration?.getTime() };
  }

  /** Learns from a refusal what the next request must do otherwise. */
  async learn(error: ServiceError, action: string): Promise<Refusal> {
    const { stream, service, clock, log } = this.#options;
    const remedy = serviceRemedy(error, clock.now() + this.#skewMs);
    if (remedy === "clock" && error.dateMs !== undefined) {
      this.#skewMs = error.dateMs - clock.now();
      log.warn("this machine's clock is wrong: requests are signed by the service's", { stream, aheadS: Math.round(-this.#skewMs / 1000) });
    }
    if (remedy === "credentials") {
      this.#forceRefresh = true;
    }
    if (remedy === "endpoint" || remedy === "missing") {
      service.forgetEndpoints();
    }
    return new Refusal(remedy, toKvsError(error, remedy, { stream, region: await service.region(), action }));
  }

  /** The connection failed before or after it stood: the endpoint may have moved. */
  forgetEndpoint(): void {
    this.#options.service.forgetEndpoints();
  }

  async #call<T>(action: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof VedetteError) {
        throw error;
      }
      const refused = fromSdkError(error);
      if (refused !== undefined) {
        throw await this.learn(refused, action);
      }
      const reason = `${action}: ${error instanceof Error ? error.message : String(error)}`;
      throw new Refusal("later", new VedetteError("E_KVS_UNREACHABLE", { stream: this.#options.stream, reason }, { cause: error }));
    }
  }
}

/** The service, or the way to it, said no. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly remedy: ServiceRemedy;
  /** As a user meets it. */
  readonly error: VedetteError;

  constructor(remedy: ServiceRemedy, error: VedetteError) {
    super(error.message, { cause: error });
    this.remedy = remedy;
    this.error = error;
  }
}
