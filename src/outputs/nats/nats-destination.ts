import { CLOUD_EVENT_TYPE } from "../../events/cloud-event.ts";
import { DeliveryFailure, toDeliveryFailure } from "../../events/destination.ts";
import { ANSWER_TIMEOUT_MS, answerOf } from "../../events/patience.ts";
import type { JetStreamClient } from "@nats-io/jetstream";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import type { Secret } from "../../domain/secret.ts";
import type { Destination } from "../../events/destination.ts";
import type { OutboxItem } from "../../events/outbox.ts";

/** What {@link NatsDestination} needs to know. */
export interface NatsOptions {
  /** `host:port`. */
  readonly server: string;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly token: Secret | undefined;
  readonly subject: string;
  /** Created when no stream takes the subject; undefined creates none. */
  readonly stream: string | undefined;
  readonly tls: { readonly ca: string | undefined } | undefined;
}

/** Events to NATS JetStream, each acknowledged by its stream, which knows repeated ones by `Nats-Msg-Id`. */
export class NatsDestination implements Destination {
  readonly batchSize = 20;
  readonly #options: NatsOptions;
  #connection: { readonly nats: NatsConnection; readonly jetstream: JetStreamClient; readonly lost: Promise<Error> } | undefined;

  constructor(options: NatsOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<void> {
    if (this.#connection !== undefined && !this.#connection.nats.isClosed()) {
      return;
    }
    const { server, user, password, token, tls } = this.#options;
    const [{ connect }, { jetstream }] = await Promise.all([import("@nats-io/transport-node"), import("@nats-io/jetstream")]);
    const options: ConnectionOptions = {
      servers: server,
      name: "vedette",
      // The delivery tries again, with its own waits.
      reconnect: false,
      timeout: ANSWER_TIMEOUT_MS,
      pingInterval: 15_000,
      ...(user === undefined ? {} : { user, pass: password?.reveal() ?? "" }),
      ...(token === undefined ? {} : { token: token.reveal() }),
      ...(tls === undefined ? {} : { tls: tls.ca === undefined ? {} : { ca: tls.ca } }),
    };
    const opening = connect(options);
    let nats: NatsConnection;
    try {
      nats = await answerOf(opening, { what: "connecting", signal });
    } catch (error) {
      void opening.then((late) => late.close()).catch(() => undefined);
      throw error;
    }
    const lost = nats.closed().then((error) => (error instanceof Error ? error : new Error("the connection was closed")));
    this.#connection = { nats, jetstream: jetstream(nats), lost };
    try {
      await this.#ensureStream(signal, lost);
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async send(items: readonly OutboxItem[], signal: AbortSignal): Promise<void> {
    if (this.#connection === undefined) {
      throw new DeliveryFailure("unreachable", "not connected");
    }
    const { jetstream, lost } = this.#connection;
    const { headers: createHeaders } = await import("@nats-io/transport-node");
    // One after the other: a message that the stream refuses must not be overtaken by the next.
    for (const [delivered, item] of items.entries()) {
      const headers = createHeaders();
      headers.set("content-type", CLOUD_EVENT_TYPE);
      try {
        const ack = jetstream.publish(this.#options.subject, item.body, { msgID: headerValue(item.id), timeout: ANSWER_TIMEOUT_MS, headers });
        await answerOf(ack, { what: "publishing", signal, lost });
      } catch (error) {
        throw await this.#failure(error, delivered);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  async #close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.nats.close().catch(() => undefined);
  }

  async #ensureStream(signal: AbortSignal, lost: Promise<Error>): Promise<void> {
    const { subject, stream } = this.#options;
    const { jetstream } = this.#connection ?? {};
    if (jetstream === undefined || stream === undefined) {
      return;
    }
    const { JetStreamApiError } = await import("@nats-io/jetstream");
    const manager = await answerOf(jetstream.jetstreamManager(false), { what: "asking JetStream", signal, lost });
    try {
      await answerOf(manager.streams.find(subject), { what: "asking JetStream", signal, lost });
    } catch (error) {
      if (!(error instanceof JetStreamApiError) && !/no stream matches/i.test(String(error))) {
        throw error;
      }
      await answerOf(manager.streams.add({ name: stream, subjects: [subject] }), { what: "creating the stream", signal, lost });
    }
  }

  async #failure(error: unknown, delivered: number): Promise<DeliveryFailure> {
    const { JetStreamApiError } = await import("@nats-io/jetstream");
    const { message } = toDeliveryFailure(error);
    if (error instanceof JetStreamApiError) {
      // 10054: message size exceeds maximum allowed (nats-server, server/errors.json).
      return new DeliveryFailure(error.code === 10054 ? "rejected" : "refused", message, { delivered, cause: error });
    }
    if (/MAX_PAYLOAD|max_payload/i.test(message)) {
      return new DeliveryFailure("rejected", message, { delivered, cause: error });
    }
    const reason = /no responders|503|not enabled/i.test(message) ? `no JetStream stream takes the subject ${this.#options.subject} (${message})` : message;
    return new DeliveryFailure("unreachable", reason, { delivered, cause: error });
  }
}

/** Header values hold no line ends; names of streams and rules may be anything. */
function headerValue(id: string): string {
  return /[\r\n]/.test(id) ? encodeURI(id) : id;
}
