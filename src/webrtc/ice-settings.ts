import { isIP } from "node:net";
import { z } from "zod";

const port = z.int().min(1024).max(65535);

/** How peers are reached: the fields that the kinds of WebRTC have in common. */
export const iceFields = {
  stun: z.array(z.string().regex(/^stuns?:\S+$/, "expected stun:HOST[:PORT]")).default([]).describe("STUN servers, which tell a machine behind address translation its public address: stun:HOST:PORT"),
  turn: z
    .array(z.strictObject({ url: z.string().regex(/^turns?:\S+$/, "expected turn:HOST[:PORT]"), username: z.string(), credential: z.string() }))
    .default([])
    .describe("TURN servers, which relay where no direct way is open"),
  announce: z
    .array(z.string().refine((text) => isIP(text) !== 0, "expected an IP address"))
    .default([])
    .describe("Addresses under which others reach this machine, when it does not have them itself: 1:1 address translation, containers"),
  udpPorts: z.tuple([port, port]).optional().describe("First and last UDP port used; any free one when left out"),
};

/** How peers are reached (RFC 8445). */
export interface IceSettings {
  readonly stun: readonly string[];
  readonly turn: readonly { readonly url: string; readonly username: string; readonly credential: string }[];
  readonly announce: readonly string[];
  readonly udpPorts?: readonly [number, number] | undefined;
}

/** The answer with host candidates for the announced addresses, next to those of the machine itself. */
export function announceAddresses(sdp: string, addresses: readonly string[]): string {
  if (addresses.length === 0) {
    return sdp;
  }
  const seen = new Set<string>();
  return sdp
    .split("\r\n")
    .flatMap((line) => {
      const match = /^(a=candidate:)(\S+)( \d+ udp \d+ )(\S+)( \d+ typ host.*)$/i.exec(line);
      const [, start = "", foundation = "", before = "", , after = ""] = match ?? [];
      if (match === null) {
        return [line];
      }
      const more = addresses.map((address, index) => `${start}${foundation}${index}${before}${address}${after}`);
      return [line, ...more.filter((candidate) => !seen.has(candidate) && seen.add(candidate))];
    })
    .join("\r\n");
}
