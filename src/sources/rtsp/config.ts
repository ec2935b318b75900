import { z } from "zod";
import { parseRtspAddress } from "../../protocols/rtsp/address.ts";

/** How media may travel. */
export const rtspTransport = z.enum(["auto", "tcp", "udp"]);

/** Settings of an RTSP source. */
export const rtspSourceSchema = z.strictObject({
  kind: z.literal("rtsp"),
  url: z
    .string()
    .refine((url) => parseRtspAddress(url) !== undefined, "expected rtsp://[user:password@]host[:port]/path")
    .describe("Address of the stream, with user name and password where it wants them: rtsp:// or, over TLS, rtsps://"),
  transport: rtspTransport.default("auto").describe("How media travels: `tcp` within the connection, `udp` beside it; `auto` takes TCP, and UDP from servers that refuse it"),
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
