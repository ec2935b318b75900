import { z } from "zod";
import { Secret } from "../../domain/secret.ts";

/** Settings of an ONVIF source. */
export const onvifSourceSchema = z.strictObject({
  kind: z.literal("onvif"),
  host: z.string().min(1).describe("Name or address of the device"),
  port: z.int().min(1).max(65535).optional().describe("Port of its web server; 80, or 443 with tls"),
  tls: z.boolean().default(false).describe("Talk to the device over TLS"),
  rejectUnauthorized: z.boolean().default(true).describe("With tls: refuse certificates that no known authority has signed"),
  path: z.string().startsWith("/").default("/onvif/device_service").describe("Path of its device service"),
  profile: z.string().default("").describe("Token, name or number (from 1) of the profile; empty for the device's first"),
  user: z.string().optional().describe("User name, for ONVIF and for the stream"),
  password: z
    .string()
    .transform((password) => new Secret(password))
    .optional()
    .describe("Password"),
  timeoutMs: z.int().min(100).max(120_000).default(5000).describe("Longest wait for each answer"),
  options: z.string().default("").describe("What is added to the stream's address after `#`: transport=udp"),
});

/** Settings after parsing. */
export type OnvifSourceConfig = z.output<typeof onvifSourceSchema>;

/** `onvif://user:password@HOST:PORT/PROFILE#transport=udp`, or `onvifs://` over TLS. Undefined when it is none. */
export function parseOnvifAddress(address: string): z.input<typeof onvifSourceSchema> | undefined {
  const match = /^onvif(s?):\/\/(?:([^/?#]*)@)?(\[[0-9a-f:.%]+\]|[^:/?#@[\]]+)(?::(\d{1,5}))?(?:\/([^#]*))?(?:#(.*))?$/is.exec(address);
  if (match === null) {
    return undefined;
  }
  const [, secure, userinfo, host = "", port, profile = "", options = ""] = match;
  const [user, password] = userinfo === undefined ? [] : splitOnce(userinfo, ":");
  return {
    kind: "onvif",
    host: host.replace(/^\[(.*)\]$/, "$1"),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(secure === "" ? {} : { tls: true }),
    profile: decode(profile),
    ...(user === undefined ? {} : { user: decode(user) }),
    ...(password === undefined ? {} : { password: decode(password) }),
    options,
  };
}

function splitOnce(text: string, separator: string): [string, string?] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign: meant as written.
    return text;
  }
}
