import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import { Secret } from "../../domain/secret.ts";
import { deliverySettings, eventOutput, parseEventAddress, pathOf, readCa, secretText } from "../event-settings.ts";
import { NatsDestination } from "./nats-destination.ts";

const subject = z.string().regex(/^[^\s.*>]+(\.[^\s.*>]+)*$/, "expected a subject such as vedette.gate, without spaces and wildcards");

const schema = z.strictObject({
  kind: z.literal("nats"),
  url: z.string().regex(/^(nats|tls):\/\//i, "expected nats://… or tls://…").describe("The server: nats://USER:PASSWORD@HOST:PORT, nats://TOKEN@HOST:PORT, with the subject as path when `subject` is left out"),
  subject: subject.optional().describe("Where events are published"),
  createStream: z.boolean().default(true).describe("Create a JetStream stream when none takes the subject"),
  streamName: z.string().regex(/^[^\s.*>/\\]+$/).optional().describe("Name of the stream to create; follows from the subject when left out"),
  token: secretText.optional().describe("Token"),
  ...deliverySettings,
});

/** `nats://HOST:PORT/SUBJECT`: events to NATS JetStream. */
export const natsOutput = defineOutput({
  kind: "nats",
  schema,
  addresses: ["nats://HOST:PORT/SUBJECT"],
  fromAddress: (address) => (/^nats:\/\//i.test(address) ? { kind: "nats" as const, url: address } : undefined),
  create: (config, context) => {
    const { url, user, password } = parseEventAddress(config.url);
    const where = config.subject ?? (pathOf(url) === "" ? `vedette.${context.stream.replaceAll(/[\s.*>]/g, "_")}` : subject.parse(pathOf(url).replaceAll("/", ".")));
    // A name without a password is a token, as the clients of NATS read it.
    const token = config.token ?? (user !== undefined && password === undefined ? new Secret(user) : undefined);
    const options = {
      server: url.port === "" ? `${url.hostname}:4222` : url.host,
      user: token === undefined ? user : undefined,
      password,
      token,
      subject: where,
      stream: config.createStream ? (config.streamName ?? where.replaceAll(/[^\w-]/g, "_")) : undefined,
      tls: url.protocol === "tls:" || config.tlsCa !== undefined ? { ca: readCa(config.tlsCa, context) } : undefined,
    };
    return eventOutput({ ...config, name: where }, context, () => new NatsDestination(options));
  },
});
