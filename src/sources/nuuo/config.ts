import { z } from "zod";
import { Secret } from "../../domain/secret.ts";

/** Settings of a camera behind a NUUO recorder. */
export const nuuoSourceSchema = z.strictObject({
  kind: z.literal("nuuo"),
  host: z.string().min(1).describe("Name or address of the recorder"),
  port: z.int().min(1).max(65534).default(5250).describe("Its port; Crystal sends video from the one after it"),
  user: z.string().default("admin").describe("User name"),
  password: z
    .string()
    .default("admin")
    .transform((password) => new Secret(password))
    .describe("Password"),
  area: z
    .string()
    .default(".*")
    .refine(isPattern, "expected a regular expression")
    .describe("Which camera: a regular expression over the names of its areas, without regard to case"),
  exact: z.stringbool({ truthy: ["1", "true", ""], falsy: ["0", "false"] }).or(z.boolean()).default(false).describe("The whole name has to match"),
  profile: z.string().min(1).default("Original").describe("Original, Low or Minimum"),
  codec: z.string().optional().describe("h264 or mjpeg; the profile's first when left out"),
  model: z.enum(["titan", "crystal"]).optional().describe("Which recorder; found out by asking when left out"),
  timeoutMs: z.int().min(100).max(300_000).default(15_000).describe("Longest wait for an answer, and longest silence of a stream"),
});

/** Settings after parsing. */
export type NuuoSourceConfig = z.output<typeof nuuoSourceSchema>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "iu").source !== "";
  } catch {
    // Exactly what is asked here.
    return false;
  }
}

/** `nuuo://user:password@HOST:5250/AREA?profile=Low&exact=1`. Undefined when it is none. */
export function parseNuuoAddress(address: string): z.input<typeof nuuoSourceSchema> | undefined {
  const match = /^nuuo:\/\/(?:([^/?#]*)@)?(\[[0-9a-f:.%]+\]|[^:/?#@[\]]+)(?::(\d{1,5}))?(?:\/([^?]*))?(?:\?(.*))?$/is.exec(address);
  if (match === null) {
    return undefined;
  }
  const [, userinfo = "", host = "", port, area = "", search = ""] = match;
  const colon = userinfo.indexOf(":");
  const [user, password] = colon < 0 ? [userinfo, ""] : [userinfo.slice(0, colon), userinfo.slice(colon + 1)];
  return {
    // What is not known is told by the schema.
    ...(Object.fromEntries(new URLSearchParams(search)) as object),
    kind: "nuuo",
    host: host.replace(/^\[(.*)\]$/, "$1"),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === "" ? {} : { user: decode(user) }),
    ...(password === "" ? {} : { password: decode(password) }),
    ...(area === "" ? {} : { area: decode(area) }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign: meant as written.
    return text;
  }
}
