import { DeliveryFailure } from "../../events/destination.ts";
import { ANSWER_TIMEOUT_MS, answerOf } from "../../events/patience.ts";
import type { ChannelModel, ConfirmChannel, Options } from "amqplib";
import type { CloudEvent } from "../../events/cloud-event.ts";
import type { Secret } from "../../domain/secret.ts";
import type { Destination } from "../../events/destination.ts";
import type { OutboxItem } from "../../events/outbox.ts";

/** What {@link AmqpDestination} needs to know. */
export interface AmqpOptions {
  readonly host: string;
  readonly port: number;
  readonly vhost: string;
  readonly user: string;
  readonly password: Secret;
  /** The default exchange is the empty text: the routing key is a queue's name then. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly tls: { readonly ca: string | undefined } | undefined;
}

interface Connection {
  readonly model: ChannelModel;
  readonly channel: ConfirmChannel;
  readonly lost: Promise<Error>;
  isOpen: boolean;
}

/**
 * Events to an AMQP 0-9-1 broker, persistent, mandatory (one that no queue takes comes back) and with publisher confirms.
 * One at a time: a message that the broker refuses must not be overtaken by the next.
 */
export class AmqpDestination implements Destination {
  readonly batchSize = 20;
  readonly #options: AmqpOptions;
  readonly #returned = new Set<string>();
  #connection: Connection | undefined;

  constructor(options: AmqpOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<void> {
    if (this.#connection?.isOpen === true) {
      return;
    }
    await this.#close();
    const { host, port, vhost, user, password, tls } = this.#options;
    const { connect } = await import("amqplib");
    const options: Options.Connect = { protocol: tls === undefined ? "amqp" : "amqps", hostname: host, port, vhost, username: user, password: password.reveal(), heartbeat: 15 };
    const opening = connect(options, { timeout: ANSWER_TIMEOUT_MS, noDelay: true, ...(tls?.ca === undefined ? {} : { ca: tls.ca }), clientProperties: { product: "vedette" } });
    let model: ChannelModel;
    try {
      model = await answerOf(opening, { what: "connecting", signal });
    } catch (error) {
      void opening.then((late) => late.close()).catch(() => undefined);
      throw error;
    }
    await this.#start(model, signal);
  }

  async send(items: readonly OutboxItem[], signal: AbortSignal): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) {
      throw new DeliveryFailure("unreachable", "not connected");
    }
    for (const [delivered, item] of items.entries()) {
      try {
        await answerOf(this.#publish(connection.channel, item), { what: "publishing", signal, lost: connection.lost });
      } catch (error) {
        const problem = error instanceof DeliveryFailure ? error.problem : "unreachable";
        throw new DeliveryFailure(problem, error instanceof Error ? error.message : String(error), { delivered, cause: error });
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  async #start(model: ChannelModel, signal: AbortSignal): Promise<void> {
    const { exchange, routingKey } = this.#options;
    const failed = Promise.withResolvers<Error>();
    const onEnd = (error?: Error): void => {
      failed.resolve(error ?? new Error("the connection was closed"));
      if (this.#connection?.model === model) {
        this.#connection.isOpen = false;
      }
    };
    model.on("error", onEnd);
    model.on("close", onEnd);
    try {
      const channel = await answerOf(model.createConfirmChannel(), { what: "opening a channel", signal, lost: failed.promise });
      channel.on("error", onEnd);
      channel.on("close", () => onEnd(new Error("the channel was closed")));
      channel.on("return", ({ properties }) => void this.#returned.add(String(properties.messageId)));
      this.#connection = { model, channel, lost: failed.promise, isOpen: true };
      // Made where missing; one that exists must be durable too.
      const made = exchange === "" ? channel.assertQueue(routingKey, { durable: true }) : channel.assertExchange(exchange, "topic", { durable: true });
      await answerOf<unknown>(made, { what: "declaring", signal, lost: failed.promise });
    } catch (error) {
      await this.#close();
      await model.close().catch(() => undefined);
      throw error;
    }
  }

  async #publish(channel: ConfirmChannel, item: OutboxItem): Promise<void> {
    const { exchange, routingKey } = this.#options;
    // Written by `toCloudEvent`.
    const { type, emittedtime } = JSON.parse(item.body) as CloudEvent;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    channel.publish(
      exchange,
      routingKey,
      Buffer.from(item.body),
      {
        persistent: true,
        mandatory: true,
        messageId: item.id,
        type,
        timestamp: Math.floor(Date.parse(emittedtime) / 1000),
        contentType: "application/cloudevents+json",
        appId: "vedette",
      },
      (error: unknown) => {
        if (error === null || error === undefined) {
          resolve(undefined);
        } else {
          reject(new DeliveryFailure("refused", `the broker refused it: ${error instanceof Error ? error.message : "no reason given"}`));
        }
      },
    );
    await promise;
    // A message that cannot be routed comes back before it is confirmed (rabbitmq.com/docs/confirms).
    if (this.#returned.delete(item.id)) {
      throw new DeliveryFailure("refused", `no queue is bound to ${exchange} for ${routingKey}`);
    }
  }

  async #close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#returned.clear();
    if (connection?.isOpen === true) {
      connection.isOpen = false;
      const closing = connection.model.close();
      // A broker that does not say goodbye is left all the same.
      await answerOf(closing, { what: "closing", signal: new AbortController().signal, timeoutMs: 2000, lost: connection.lost }).catch(() => undefined);
    }
  }
}
