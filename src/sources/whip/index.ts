import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { iceFields } from "../../webrtc/ice-settings.ts";

const DEFAULT_PORT = 8080;

/**
 * `whip://HOST:PORT[/PATH]` waits for a browser, OBS or any other WHIP client to send its camera to
 * `http://HOST:PORT/PATH`. With an `http` output on the same address, its `/live` page has a button for that.
 *
 * ```yaml
 * source: { kind: whip, host: 127.0.0.1, port: 8080 }
 * ```
 */
export const whipSource = defineSource({
  kind: "whip",
  schema: z.strictObject({
    kind: z.literal("whip"),
    host: z.string().min(1).default("127.0.0.1").describe("Address to listen on; others than loopback need a token, or --allow-anonymous"),
    port: z.int().min(0).max(65535).default(DEFAULT_PORT).describe("Port to listen on; may be that of an http output"),
    path: z.string().regex(/^\/[\w./-]*[\w.-]$/, "expected a path such as /whip").default("/whip").describe("Where cameras are sent to"),
    token: z.string().min(1).optional().describe("Bearer token that cameras must show"),
    origins: z
      .array(z.string().regex(/^https?:\/\/[^/]+$/, "expected an origin such as https://site.example"))
      .default([])
      .describe("Origins of other sites' pages that may send a camera; none by default"),
    captureClock: z.enum(["auto", "camera", "arrival"]).default("auto").describe("Whose clock says when a picture was captured: as for rtsp"),
    reorderMs: z.int().min(0).max(2000).default(150).describe("How long a missing packet is waited for, which a retransmission may bring"),
    ice: z.strictObject(iceFields).prefault({}).describe("How cameras reach this machine"),
  }),
  addresses: ["whip://HOST:PORT[/PATH] (waits for a camera)", "whip://TOKEN@HOST:PORT"],
  fromAddress: (address) => {
    if (!/^whip:\/\//i.test(address)) {
      return undefined;
    }
    const url = URL.parse(address.replace(/^whip:\/\/:/i, "whip://127.0.0.1:"));
    if (url === null) {
      return undefined;
    }
    return {
      kind: "whip" as const,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      ...(/^\/?$/.test(url.pathname) ? {} : { path: url.pathname }),
      ...(url.username === "" ? {} : { token: decodeURIComponent(url.username) }),
    };
  },
  create: async (config, context) => {
    const { WhipSource } = await import("./whip-source.ts");
    return new WhipSource(config, context);
  },
});
