import type { View } from "../../contracts/output.ts";
import { defineOutput } from "../../contracts/kinds.ts";
import { parseRtspAddress } from "../../protocols/rtsp/address.ts";
import { rtspOutputSchema } from "./config.ts";
import { rtspPushSchema } from "./push-config.ts";
import { RtspPushOutput } from "./push-output.ts";
import { RtspOutput } from "./rtsp-output.ts";

const DEFAULT_PORT = 8554;

/** `rtsp://HOST:PORT/PATH`: serves the stream by RTSP, in both views, with the objects as a metadata track. */
export const rtspOutput = defineOutput({
  kind: "rtsp",
  schema: rtspOutputSchema,
  addresses: ["rtsp://HOST:PORT/PATH", "rtsp://USER:PASSWORD@HOST:PORT/PATH?view=original"],
  fromAddress: (address) => {
    const parsed = parseRtspAddress(address.replace(/^rtsp:\/\/:/i, "rtsp://127.0.0.1:"));
    if (parsed === undefined || parsed.isTls) {
      return undefined;
    }
    const { host, port, path, query, credentials } = parsed;
    const view = query.get("view");
    return {
      kind: "rtsp" as const,
      host,
      port: /^rtsp:\/\/(?:[^/?#]*@)?(?:\[[^\]]*\]|[^:/?#]*):\d/i.test(address) ? port : DEFAULT_PORT,
      ...(path === "" || path === "/" ? {} : { path }),
      // Checked by the schema, which says what was expected.
      ...(view === null ? {} : { view: view as View }),
      ...(credentials === undefined ? {} : { username: credentials.user, password: credentials.password }),
    };
  },
  create: (config, { clock, log, allowAnonymous }) => new RtspOutput({ config, clock, log, allowAnonymous }),
});

/** `rtsp+push://HOST/PATH` (`rtsps+push://` over TLS): sends the stream to another RTSP server. */
export const rtspPushOutput = defineOutput({
  kind: "rtsp-push",
  schema: rtspPushSchema,
  addresses: ["rtsp+push://[USER:PASSWORD@]HOST[:PORT]/PATH"],
  fromAddress: (address) => (/^rtsps?\+push:\/\//i.test(address) ? { kind: "rtsp-push" as const, url: address.replace(/\+push/i, "") } : undefined),
  create: (config, { clock, log }) => new RtspPushOutput({ config, clock, log, random: Math.random }),
});
