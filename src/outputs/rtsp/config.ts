import { z } from "zod";

/** Settings of a served RTSP stream. */
export const rtspOutputSchema = z
  .strictObject({
    kind: z.literal("rtsp"),
    host: z.string().min(1).default("127.0.0.1").describe("Address to listen on; others than loopback need a user name and password, or --allow-anonymous"),
    port: z.int().min(0).max(65535).default(8554).describe("Port to listen on; 0 takes a free one. Outputs with the same host and port share a server"),
    path: z
      .string()
      .regex(/^\/[^\s?#]*$/, "expected a path that begins with /")
      .default("/ds")
      .describe("Path of the stream: rtsp://HOST:PORT/PATH"),
    view: z.enum(["original", "annotated"]).default("annotated").describe("Which picture viewers see who do not ask with ?view="),
    metadata: z.boolean().default(true).describe("Also offers the objects of each analysed frame as an ONVIF metadata track"),
    username: z.string().min(1).optional().describe("User name that viewers must give (Digest)"),
    password: z.string().min(1).optional().describe("Password that viewers must give"),
    maxConnections: z.int().min(1).max(10_000).default(256).describe("Connections at most; beyond it, the oldest that does not play is closed for a new one"),
    sessionTimeoutS: z.int().min(5).max(3600).default(60).describe("A viewer that neither reads nor says anything for so long is disconnected"),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: "username and password belong together",
  });

/** Settings after parsing. */
export type RtspOutputConfig = z.output<typeof rtspOutputSchema>;
