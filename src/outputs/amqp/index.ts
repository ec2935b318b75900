import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import { Secret } from "../../domain/secret.ts";
import { deliverySettings, eventOutput, parseEventAddress, pathOf, readCa } from "../event-settings.ts";
import { AmqpDestination } from "./amqp-destination.ts";

const schema = z.strictObject({
  kind: z.literal("amqp"),
  url: z.string().regex(/^amqps?:\/\//i, "expected amqp://… or amqps://…").describe("The broker: amqp(s)://USER:PASSWORD@HOST:PORT/VHOST"),
  queue: z.string().min(1).max(255).default("vedette").describe("Durable queue that receives the events; created where missing"),
  exchange: z.string().min(1).max(127).optional().describe("Durable topic exchange to publish to instead; created where missing"),
  routingKey: z.string().max(255).optional().describe("With an exchange; the stream's name when left out"),
  ...deliverySettings,
});

/** `amqp://HOST:PORT/VHOST?queue=NAME`: events to an AMQP 0-9-1 broker such as RabbitMQ. */
export const amqpOutput = defineOutput({
  kind: "amqp",
  schema,
  addresses: ["amqp://HOST:PORT/VHOST?queue=NAME"],
  fromAddress: (address) => {
    if (!/^amqps?:\/\//i.test(address)) {
      return undefined;
    }
    const query = URL.parse(address)?.searchParams ?? new URLSearchParams();
    const [queue, exchange, routingKey] = ["queue", "exchange", "key"].map((name) => query.get(name) ?? undefined);
    return { kind: "amqp" as const, url: address.replace(/\?.*$/, ""), queue, exchange, routingKey };
  },
  create: (config, context) => {
    const { url, user, password } = parseEventAddress(config.url);
    const isTls = url.protocol === "amqps:";
    const { queue, exchange, routingKey } = config;
    const options = {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (isTls ? 5671 : 5672) : Number(url.port),
      vhost: pathOf(url) === "" ? "/" : pathOf(url),
      // What brokers come with (AMQP URI specification, §2.2).
      user: user ?? "guest",
      password: password ?? new Secret("guest"),
      exchange: exchange ?? "",
      routingKey: exchange === undefined ? queue : (routingKey ?? context.stream),
      tls: isTls ? { ca: readCa(config.tlsCa, context) } : undefined,
    };
    return eventOutput({ ...config, name: exchange === undefined ? queue : `${exchange}/${options.routingKey}` }, context, () => new AmqpDestination(options));
  },
});
