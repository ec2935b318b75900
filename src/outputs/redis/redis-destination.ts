import { DeliveryFailure } from "../../events/destination.ts";
import { ANSWER_TIMEOUT_MS, answerOf } from "../../events/patience.ts";
import type { Redis } from "ioredis";
import type { CloudEvent } from "../../events/cloud-event.ts";
import type { Secret } from "../../domain/secret.ts";
import type { Destination } from "../../events/destination.ts";
import type { OutboxItem } from "../../events/outbox.ts";

/** What {@link RedisDestination} needs to know. */
export interface RedisStreamOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly db: number;
  /** The stream's key. */
  readonly key: string;
  /** About how many entries the stream keeps; undefined for all. */
  readonly maxLength: number | undefined;
  readonly tls: { readonly ca: string | undefined } | undefined;
}

/** Errors that pass when the server has memory, disk or a master again, or somebody has mended the password. */
const PASSES = /^(?:EXECABORT .*)?(?:OOM|LOADING|READONLY|BUSY|MISCONF|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|NOREPLICAS|NOAUTH|WRONGPASS)\b/;

/** Events to a Redis stream, in transactions: all of a batch or nothing of it, so that the order holds. */
export class RedisDestination implements Destination {
  readonly batchSize = 50;
  readonly #options: RedisStreamOptions;
  #connection: { readonly redis: Redis; readonly lost: Promise<Error> } | undefined;

  constructor(options: RedisStreamOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<void> {
    if (this.#connection?.redis.status === "ready") {
      return;
    }
    this.#close();
    const { host, port, user, password, db, tls } = this.#options;
    const { Redis } = await import("ioredis");
    const redis = new Redis({
      host,
      port,
      db,
      lazyConnect: true,
      // The delivery tries again, with its own waits.
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      connectTimeout: ANSWER_TIMEOUT_MS,
      commandTimeout: ANSWER_TIMEOUT_MS,
      keepAlive: 15_000,
      connectionName: "vedette",
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password: password.reveal() }),
      ...(tls === undefined ? {} : { tls: tls.ca === undefined ? {} : { ca: tls.ca } }),
    });
    const failed = Promise.withResolvers<Error>();
    redis.on("error", (error: Error) => failed.resolve(error));
    redis.on("end", () => failed.resolve(new Error("the connection was closed")));
    this.#connection = { redis, lost: failed.promise };
    try {
      await answerOf(redis.connect(), { what: "connecting", signal, lost: failed.promise });
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  async send(items: readonly OutboxItem[], signal: AbortSignal): Promise<void> {
    if (this.#connection === undefined) {
      throw new DeliveryFailure("unreachable", "not connected");
    }
    const { redis, lost } = this.#connection;
    const { key, maxLength } = this.#options;
    const transaction = redis.multi();
    for (const item of items) {
      // Written by `toCloudEvent`.
      const { type } = JSON.parse(item.body) as CloudEvent;
      const fields = ["id", item.id, "type", type, "event", item.body];
      if (maxLength === undefined) {
        transaction.xadd(key, "*", ...fields);
      } else {
        transaction.xadd(key, "MAXLEN", "~", maxLength, "*", ...fields);
      }
    }
    try {
      const replies = await answerOf(transaction.exec(), { what: "adding to the stream", signal, lost });
      const failed = replies?.find(([error]) => error !== null);
      if (failed?.[0]) {
        throw failed[0];
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isAnswer = error instanceof Error && error.name === "ReplyError";
      throw new DeliveryFailure(isAnswer && !PASSES.test(message) ? "refused" : "unreachable", message, { cause: error });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  #close(): void {
    this.#connection?.redis.disconnect();
    this.#connection = undefined;
  }
}
