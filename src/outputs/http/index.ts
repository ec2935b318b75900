import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import type { View } from "../../contracts/output.ts";
import { iceFields } from "../../webrtc/ice-settings.ts";

const DEFAULT_PORT = 8080;

const schema = z
  .strictObject({
    kind: z.literal("http"),
    host: z.string().min(1).default("127.0.0.1").describe("Address to listen on; others than loopback need a user name and password, or --allow-anonymous"),
    port: z.int().min(0).max(65535).default(DEFAULT_PORT).describe("Port to listen on; 0 takes a free one"),
    view: z.enum(["original", "annotated"]).default("annotated").describe("Which picture viewers see who do not ask with ?view="),
    quality: z.int().min(1).max(100).default(80).describe("JPEG quality for viewers who do not ask with ?quality="),
    username: z.string().min(1).optional().describe("User name that viewers must give"),
    password: z.string().min(1).optional().describe("Password that viewers must give"),
    origins: z
      .array(z.string().regex(/^https?:\/\/[^/]+$/, "expected an origin such as https://site.example"))
      .default([])
      .describe("Origins of other sites' pages that may use the endpoints; none by default"),
    maxSessions: z.int().min(1).max(1000).default(32).describe("Viewers over WebRTC at most, and as many over WebSocket"),
    ice: z.strictObject(iceFields).prefault({}).describe("How viewers over WebRTC reach this machine"),
    maxConnections: z.int().min(1).max(10_000).default(256).describe("Connections at most; more are closed at once"),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: "username and password belong together",
  });

/**
 * `http://HOST:PORT`: pages with the live picture at `/` and `/live`; `/whep`, `/mse`, `/video_feed`, `/snapshot.jpg` and
 * `/results`. `webrtc://` is another name for it.
 */
export const httpOutput = defineOutput({
  kind: "http",
  schema,
  addresses: ["http://HOST:PORT", "http://USER:PASSWORD@HOST:PORT", "webrtc://HOST:PORT"],
  fromAddress: (given) => {
    const address = given.replace(/^webrtc:\/\//i, "http://");
    if (!/^http:\/\//i.test(address)) {
      return undefined;
    }
    const whole = address.replace(/^http:\/\/:/i, "http://127.0.0.1:");
    const url = URL.parse(whole);
    if (url?.pathname !== "/" || url.hash !== "") {
      return undefined;
    }
    // URLs leave out port 80, as http's own: without a port ours is meant, with `:80` that one.
    const [, port = DEFAULT_PORT] = /^http:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(whole) ?? [];
    const { view, quality } = Object.fromEntries(url.searchParams);
    return {
      kind: "http" as const,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(port),
      ...(url.username !== "" && { username: unescaped(url.username), password: unescaped(url.password) }),
      // Both are checked by the schema, which says what was expected.
      ...(view !== undefined && { view: view as View }),
      ...(quality !== undefined && { quality: Number(quality) }),
    };
  },
  create: async ({ host, port, view, quality, username, password, ...limits }, { stream, clock, log, allowAnonymous }) => {
    const { HttpOutput } = await import("./http-output.ts");
    return new HttpOutput({
      stream,
      host,
      port,
      view,
      quality,
      credentials: username === undefined || password === undefined ? undefined : { username, password },
      allowAnonymous,
      ...limits,
      clock,
      log,
    });
  },
});

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign stands for itself.
    return text;
  }
}
