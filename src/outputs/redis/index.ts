import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import { deliverySettings, eventOutput, parseEventAddress, pathOf, readCa } from "../event-settings.ts";
import { RedisDestination } from "./redis-destination.ts";

const schema = z.strictObject({
  kind: z.literal("redis"),
  url: z.string().regex(/^rediss?:\/\//i, "expected redis://… or rediss://…").describe("The server: redis(s)://USER:PASSWORD@HOST:PORT, with the stream's key as path when `key` is left out"),
  key: z.string().min(1).optional().describe("Key of the stream that receives the events"),
  db: z.int().min(0).default(0).describe("Number of the database"),
  maxLength: z.int().positive().optional().describe("About how many entries the stream keeps; all when left out"),
  ...deliverySettings,
});

/** `redis://HOST:PORT/KEY`: events to a Redis stream. */
export const redisOutput = defineOutput({
  kind: "redis",
  schema,
  addresses: ["redis://HOST:PORT/KEY"],
  fromAddress: (address) => {
    if (!/^rediss?:\/\//i.test(address)) {
      return undefined;
    }
    const query = URL.parse(address)?.searchParams;
    const number = (name: string): number | undefined => (query?.has(name) === true ? Number(query.get(name)) : undefined);
    return { kind: "redis" as const, url: address.replace(/\?.*$/, ""), db: number("db"), maxLength: number("maxlen") };
  },
  create: (config, context) => {
    const { url, user, password } = parseEventAddress(config.url);
    const options = {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? 6379 : Number(url.port),
      user,
      password,
      db: config.db,
      key: config.key ?? (pathOf(url) === "" ? `vedette:${context.stream}` : pathOf(url)),
      maxLength: config.maxLength,
      tls: url.protocol === "rediss:" ? { ca: readCa(config.tlsCa, context) } : undefined,
    };
    return eventOutput({ ...config, name: options.key }, context, () => new RedisDestination(options));
  },
});
