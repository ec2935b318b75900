import { defineSource } from "../../contracts/kinds.ts";
import { rtspSourceSchema, rtspTransport } from "./config.ts";
import { RtspSource } from "./rtsp-source.ts";

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
    const asked = rtspTransport.safeParse((options.get("transport") ?? inQuery)?.toLowerCase());
    const stream = Number(options.get("stream") ?? "1");
    return { kind: "rtsp" as const, url, ...(asked.success ? { transport: asked.data } : {}), ...(stream > 1 ? { stream } : {}) };
  },
  create: (config, context) => new RtspSource(config, context),
});
