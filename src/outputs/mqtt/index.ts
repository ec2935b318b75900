import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import { deliverySettings, eventOutput, parseEventAddress, pathOf, readCa } from "../event-settings.ts";
import { MqttDestination } from "./mqtt-destination.ts";

const topic = z.string().min(1).regex(/^[^+#\0]+$/, "a topic to publish to holds no + or #");

const schema = z.strictObject({
  kind: z.literal("mqtt"),
  url: z.string().regex(/^mqtts?:\/\//i, "expected mqtt://… or mqtts://…").describe("The broker: mqtt(s)://USER:PASSWORD@HOST:PORT, with the topic as path when `topic` is left out"),
  topic: topic.optional().describe("Where events are published; states for Home Assistant lie below it"),
  version: z.union([z.literal("3.1.1"), z.literal("5")]).default("5").describe("MQTT version"),
  qos: z.union([z.literal(1), z.literal(2)]).default(1).describe("Quality of service"),
  retain: z.boolean().default(false).describe("The broker keeps the newest event for later subscribers"),
  discovery: z.boolean().default(true).describe("Announce a binary sensor and a counter per rule to Home Assistant"),
  discoveryPrefix: topic.default("homeassistant").describe("Home Assistant's discovery prefix"),
  pulseS: z.number().positive().default(10).describe("How long a binary sensor stays on after an event that has no end of its own"),
  tlsRejectUnauthorized: z.boolean().default(true).describe("Refuse certificates that are not trusted"),
  ...deliverySettings,
});

/** `mqtt://HOST:PORT/TOPIC`: events to an MQTT broker, entities in Home Assistant. */
export const mqttOutput = defineOutput({
  kind: "mqtt",
  schema,
  addresses: ["mqtt://HOST:PORT/TOPIC"],
  fromAddress: (address) => (/^mqtts?:\/\//i.test(address) ? { kind: "mqtt" as const, url: address } : undefined),
  create: (config, context) => {
    const { url, user, password } = parseEventAddress(config.url);
    const options = {
      url: `${url.protocol}//${url.host}`,
      user,
      password,
      topic: config.topic ?? topic.catch(`vedette/${context.stream}`).parse(pathOf(url)),
      version: config.version === "5" ? (5 as const) : (4 as const),
      qos: config.qos,
      retain: config.retain,
      discoveryPrefix: config.discovery ? config.discoveryPrefix : undefined,
      pulseMs: config.pulseS * 1000,
      ca: readCa(config.tlsCa, context),
      rejectUnauthorized: config.tlsRejectUnauthorized,
      clock: context.clock,
    };
    return eventOutput({ ...config, name: options.topic }, context, (stream) => new MqttDestination(options, stream));
  },
});
