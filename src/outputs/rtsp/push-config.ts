import { z } from "zod";
import { parseRtspAddress } from "../../protocols/rtsp/address.ts";

/** Settings of a stream pushed to another RTSP server. */
export const rtspPushSchema = z.strictObject({
  kind: z.literal("rtsp-push"),
  url: z
    .string()
    .refine((url) => parseRtspAddress(url) !== undefined, "expected rtsp://[user:password@]host[:port]/path")
    .describe("Where to: an rtsp:// or rtsps:// address of a server that takes ANNOUNCE and RECORD"),
  view: z.enum(["original", "annotated"]).default("annotated").describe("Which picture is sent"),
  metadata: z.boolean().default(false).describe("Also sends the objects of each analysed frame as an ONVIF metadata track; not every server takes it"),
  tls: z
    .strictObject({
      rejectUnauthorized: z.boolean().default(true).describe("Refuses certificates that no known authority has signed"),
      ca: z.string().optional().describe("Certificates to trust, in PEM form"),
    })
    .prefault({})
    .describe("For rtsps://"),
});

/** Settings after parsing. */
export type RtspPushConfig = z.output<typeof rtspPushSchema>;
