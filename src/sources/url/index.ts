import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { UrlSource } from "./url-source.ts";
import { schemeOf } from "./schemes.ts";

const schema = z.strictObject({
  kind: z.literal("url"),
  url: z
    .string()
    .refine((url) => schemeOf(url) !== undefined, "expected an http, https, srt, rtmp, rtmps or udp address")
    .describe("Address of a stream: HTTP (MJPEG, HLS, progressive), SRT, RTMP or MPEG-TS over UDP"),
  timeoutMs: z.number().int().min(100).default(10_000).describe("How long a connection or a read may take"),
  live: z.boolean().optional().describe("Whether late pictures are dropped. Left out: yes, unless the stream has a known length"),
});

/** A stream behind a URL. */
export const urlSource = defineSource({
  kind: "url",
  schema,
  addresses: ["http(s)://…", "srt://…", "rtmp(s)://…", "udp://…"],
  fromAddress: (address) => (schemeOf(address) === undefined ? undefined : { kind: "url" as const, url: address }),
  create: (config, context) => new UrlSource({ url: config.url, timeoutMs: config.timeoutMs, live: config.live, clock: context.clock }),
});
