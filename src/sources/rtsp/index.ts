import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { parseRtspAddress } from "../../protocols/rtsp/address.ts";
import { RtspSource } from "./rtsp-source.ts";

const transport = z.enum(["auto", "tcp", "udp"]);

/** Settings of an RTSP source. */
export const rtspSourceSchema = z.strictObject({
  kind: z.literal("rtsp"),
  url: z
    .string()
    .refine((url) => parseRtspAddress(url) !== undefined, "expected rtsp://[user:password@]host[:port]/path")
    .describe("Address of the stream, with user name and password where it wants them: rtsp:// or, over TLS, rtsps://"),
  transport: transport.default("auto").describe("How media travels: `tcp` within the connection, `udp` beside it; `auto` takes TCP, and UDP from servers that refuse it"),
  stream: z.int().min(1).default(1).describe("Which of the description's video streams, from 1"),
  audio: z.boolean().default(true).describe("Also receives the first audio stream, to be carried along"),
  captureClock: z
    .enum(["auto", "camera", "arrival"])
    .default("auto")
    .describe("Whose clock says when a picture was captured: the camera's (sender reports), ours, or the camera's when it is not off by more than 10 s"),
  connectTimeoutMs: z.int().min(100).max(120_000).default(3000).describe("Longest wait for the connection, and for each answer"),
  readTimeoutMs: z.int().min(100).max(600_000).default(10_000).describe("A stream that sends nothing for so long has failed"),
  reorderMs: z.int().min(0).max(5000).default(100).describe("UDP: how long a packet that was overtaken is waited for"),
  tls: z
    .strictObject({
      rejectUnauthorized: z.boolean().default(true).describe("Refuses certificates that no known authority has signed"),
      ca: z.string().optional().describe("Certificates to trust, in PEM form"),
    })
    .prefault({})
    .describe("For rtsps://"),
});

/** Settings after parsing. */
export type RtspSourceConfig = z.output<typeof rtspSourceSchema>;

/**
 * `rtsp://` and `rtsps://`. Options of ours stand behind a `#`, which is never sent: `rtsp://camera/1#transport=udp&stream=2`.
 * `?transport=udp` is understood as well, and taken out of the address.
 */
export const rtspSource = defineSource({
  kind: "rtsp",
  schema: rtspSourceSchema,
  addresses: ["rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH", "rtsps://…", "rtsp://…#transport=udp&stream=2"],
  fromAddress: (address) => {
    if (!/^rtsps?:\/\//i.test(address)) {
      return undefined;
    }
    const [before = "", fragment = ""] = address.split(/#(.*)/s);
    const url = before.replace(/([?&])transport=(auto|tcp|udp)(&|$)/i, (_, lead: string, _value, tail: string) => (tail === "&" ? lead : ""));
    const inQuery = /[?&]transport=(auto|tcp|udp)(?:&|$)/i.exec(before)?.[1];
    const options = new URLSearchParams(fragment);
    const asked = transport.safeParse((options.get("transport") ?? inQuery)?.toLowerCase());
    const stream = Number(options.get("stream") ?? "1");
    return { kind: "rtsp" as const, url, ...(asked.success ? { transport: asked.data } : {}), ...(stream > 1 ? { stream } : {}) };
  },
  create: (config, context) => new RtspSource(config, context),
});
