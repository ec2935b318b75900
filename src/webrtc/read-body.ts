import type { IncomingMessage } from "node:http";
import type { Clock } from "../contracts/clock.ts";

/** A request's body as text; undefined when it is longer than `maxBytes` or does not come in time. */
export async function readBody(request: IncomingMessage, maxBytes: number, timeoutMs: number, clock: Clock): Promise<string | undefined> {
  if (Number(request.headers["content-length"] ?? "0") > maxBytes) {
    return undefined;
  }
  using _timer = clock.timer(timeoutMs, () => request.destroy());
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        return undefined;
      }
      chunks.push(chunk);
    }
  } catch {
    // The peer went away, or was too slow: there is nobody to tell.
    return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}
