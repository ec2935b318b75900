import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/**
 * Reads a Kinesis video stream: what comes from now on, from a time on (GetMedia), or what was stored between two times
 * (HLS). `kvs://STREAM?region=…&start=2026-11-20T18:00:00Z`.
 */
export const kvsSource = defineSource({
  kind: "kvs",
  schema: z.strictObject({
    kind: z.literal("kvs"),
    stream: z.string().regex(/^[a-zA-Z0-9_.-]{1,256}$/, "expected a stream name: 1 to 256 of a-z, A-Z, 0-9, _ . -").describe("Name of the Kinesis video stream"),
    region: z.string().min(1).optional().describe("AWS region; AWS_REGION, AWS_DEFAULT_REGION or the profile's when left out, else us-east-1"),
    endpoint: z.url().optional().describe("Address of the control plane, for private endpoints and test servers"),
    start: z.union([z.literal(["now", "earliest"]), time]).default("now").describe("Where to begin: now, earliest, or a time (ISO 8601)"),
    end: time.optional().describe("Where to end; read over HLS then"),
    by: z.enum(["producer", "server"]).default("producer").describe("Whose clock the times are of"),
    via: z.enum(["auto", "media", "hls"]).default("auto").describe("GetMedia, or HLS; auto: HLS where an end is given"),
  }),
  addresses: ["kvs://STREAM[?region=REGION][&start=TIME][&end=TIME]"],
  fromAddress: (address) => {
    const found = /^kvs:\/\/([^/?#]*)\/?(?:\?(.*))?$/i.exec(address);
    return found === null ? undefined : { kind: "kvs" as const, stream: found[1] ?? "", ...Object.fromEntries(new URLSearchParams(found[2] ?? "")) };
  },
  create: async (config, context) => {
    const { KvsSource } = await import("./kvs-source.ts");
    return new KvsSource(config, context);
  },
});
