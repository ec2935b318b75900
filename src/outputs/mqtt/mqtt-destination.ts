import { availabilityTopic, discoveryMessages, ruleTopics, stateAfter } from "./home-assistant.ts";
import { DeliveryFailure } from "../../events/destination.ts";
import { answerOf } from "../../events/patience.ts";
import type { Secret } from "../../domain/secret.ts";
import type { IClientOptions, MqttClient } from "mqtt";
import type { EntityOptions, MqttMessage } from "./home-assistant.ts";
import type { Clock } from "../../contracts/clock.ts";
import type { CloudEvent } from "../../events/cloud-event.ts";
import type { Destination } from "../../events/destination.ts";
import type { DestinationContext } from "../../events/event-output.ts";
import type { OutboxItem } from "../../events/outbox.ts";

/** What {@link MqttDestination} needs to know. */
export interface MqttOptions {
  /** `mqtt://` or `mqtts://`, without credentials and topic. */
  readonly url: string;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly topic: string;
  /** 4 is MQTT 3.1.1. */
  readonly version: 4 | 5;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Home Assistant's prefix; undefined leaves discovery out. */
  readonly discoveryPrefix: string | undefined;
  /** How long a sensor stays on after an event that has no end of its own. */
  readonly pulseMs: number;
  readonly ca: string | undefined;
  readonly rejectUnauthorized: boolean;
  readonly clock: Clock;
}

/** Reason codes (MQTT 5 §2.4) that speak of the message itself: topic name invalid, packet too large, payload format invalid. */
const MESSAGE_IS_BAD = new Set([0x90, 0x95, 0x99]);

/** One open connection, and how it ends. */
interface Connection {
  readonly client: MqttClient;
  readonly lost: Promise<Error>;
}

/**
 * Events to an MQTT broker, each confirmed (QoS 1). A broker keeps the order of one connection's messages on a topic
 * (MQTT 5 §4.6), so several may be under way.
 */
export class MqttDestination implements Destination {
  readonly batchSize = 10;
  readonly #options: MqttOptions;
  readonly #context: DestinationContext;
  readonly #entities: EntityOptions | undefined;
  readonly #announced = new Set<string>();
  readonly #pulses = new Map<string, Disposable>();
  #connection: Connection | undefined;

  constructor(options: MqttOptions, context: DestinationContext) {
    this.#options = options;
    this.#context = context;
    const { topic, discoveryPrefix: prefix } = options;
    this.#entities = prefix === undefined ? undefined : { stream: context.stream, topic, prefix };
  }

  async connect(signal: AbortSignal): Promise<void> {
    if (this.#connection?.client.connected === true) {
      return;
    }
    await this.#close(false);
    this.#connection = await this.#open(signal);
    this.#announced.clear();
    await this.#publish([{ topic: availabilityTopic(this.#options.topic), payload: "online", retain: true }], signal);
    await this.#announce(this.#context.rules, signal);
  }

  async send(items: readonly OutboxItem[], signal: AbortSignal): Promise<void> {
    const { topic, qos, retain, version } = this.#options;
    const { client, lost } = this.#connected();
    const acks = items.map((item) =>
      client.publishAsync(topic, item.body, {
        qos,
        retain,
        ...(version === 5 ? { properties: { contentType: "application/cloudevents+json", userProperties: { id: item.id } } } : {}),
      }),
    );
    acks.forEach((ack) => void ack.catch(() => undefined));
    for (const [delivered, ack] of acks.entries()) {
      try {
        await answerOf(ack, { what: "publishing", signal, lost });
      } catch (error) {
        throw publishFailure(error, delivered);
      }
    }
    await this.#showStates(items, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pulse of this.#pulses.values()) {
      pulse[Symbol.dispose]();
    }
    this.#pulses.clear();
    await this.#close(true);
  }

  #connected(): Connection {
    if (this.#connection === undefined) {
      throw new DeliveryFailure("unreachable", "not connected");
    }
    return this.#connection;
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const { url, user, password, version, topic, ca, rejectUnauthorized } = this.#options;
    const { connect } = await import("mqtt");
    const options: IClientOptions = {
      protocolVersion: version,
      clean: true,
      clientId: `vedette-${Math.random().toString(36).slice(2, 12)}`,
      // The delivery tries again, with its own waits.
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      keepalive: 15,
      rejectUnauthorized,
      will: { topic: availabilityTopic(topic), payload: Buffer.from("offline"), qos: 1, retain: true },
      ...(ca === undefined ? {} : { ca }),
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password: password.reveal() }),
    };
    const client = connect(url, options);
    const failed = Promise.withResolvers<Error>();
    const opened = Promise.withResolvers<undefined>();
    client.on("error", (error) => failed.resolve(error));
    client.on("close", () => failed.resolve(new Error("the connection was closed")));
    client.once("connect", () => opened.resolve(undefined));
    try {
      await answerOf(opened.promise, { what: "connecting", signal, lost: failed.promise });
      return { client, lost: failed.promise };
    } catch (error) {
      client.end(true);
      throw error;
    }
  }

  async #close(isPolite: boolean): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) {
      return;
    }
    const { client, lost } = connection;
    const { topic } = this.#options;
    if (isPolite && client.connected) {
      const farewell = client.publishAsync(availabilityTopic(topic), "offline", { qos: 1, retain: true }).then(() => client.endAsync());
      // The will says the same when this does not get through.
      await answerOf(farewell, { what: "closing", signal: new AbortController().signal, timeoutMs: 2000, lost }).catch(() => undefined);
    }
    await client.endAsync(true).catch(() => undefined);
  }

  async #publish(messages: readonly MqttMessage[], signal: AbortSignal): Promise<void> {
    const { client, lost } = this.#connected();
    const all = Promise.all(messages.map(({ topic, payload, retain }) => client.publishAsync(topic, payload, { qos: 1, retain })));
    await answerOf(all, { what: "publishing", signal, lost });
  }

  /** Makes entities of rules that this connection has not spoken of: off, and counted so far. */
  async #announce(rules: readonly string[], signal: AbortSignal): Promise<void> {
    const entities = this.#entities;
    const fresh = rules.filter((rule) => !this.#announced.has(rule));
    if (entities === undefined || fresh.length === 0) {
      return;
    }
    const messages = fresh.flatMap((rule) => {
      const topics = ruleTopics(rule, entities.topic);
      return [
        ...discoveryMessages(rule, entities),
        { topic: topics.state, payload: "OFF", retain: true },
        { topic: topics.count, payload: String(this.#context.countOf(rule)), retain: true },
      ];
    });
    await this.#publish(messages, signal);
    fresh.forEach((rule) => this.#announced.add(rule));
  }

  async #showStates(items: readonly OutboxItem[], signal: AbortSignal): Promise<void> {
    const entities = this.#entities;
    if (entities === undefined) {
      return;
    }
    const last = new Map(items.map((item) => [item.rule, item]));
    try {
      await this.#announce([...last.keys()], signal);
      for (const [rule, item] of last) {
        // Written by `toCloudEvent`.
        const state = stateAfter(JSON.parse(item.body) as CloudEvent);
        const topics = ruleTopics(rule, entities.topic);
        await this.#publish(
          [
            { topic: topics.state, payload: state === "off" ? "OFF" : "ON", retain: true },
            { topic: topics.count, payload: String(item.count), retain: true },
          ],
          signal,
        );
        this.#endLater(rule, state === "pulse", topics.state);
      }
    } catch (error) {
      // The events themselves are delivered.
      throw new DeliveryFailure("unreachable", error instanceof Error ? error.message : String(error), { delivered: items.length, cause: error });
    }
  }

  #endLater(rule: string, isPulse: boolean, topic: string): void {
    this.#pulses.get(rule)?.[Symbol.dispose]();
    this.#pulses.delete(rule);
    if (isPulse) {
      const end = (): void => {
        this.#pulses.delete(rule);
        // A connection that is gone says OFF when it is back.
        this.#connection?.client.publish(topic, "OFF", { qos: 1, retain: true }, () => undefined);
      };
      this.#pulses.set(rule, this.#options.clock.timer(this.#options.pulseMs, end));
    }
  }
}

function publishFailure(error: unknown, delivered: number): DeliveryFailure {
  const { code, message } = error as { readonly code?: unknown; readonly message: string };
  // Only brokers' reason codes are numbers.
  const problem = typeof code !== "number" ? "unreachable" : MESSAGE_IS_BAD.has(code) ? "rejected" : "refused";
  return new DeliveryFailure(problem, message, { delivered, cause: error });
}
