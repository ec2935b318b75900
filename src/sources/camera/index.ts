import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { Secret } from "../../domain/secret.ts";
import { requireSourceAt } from "../source-at.ts";
import { CAMERA_VENDORS, TEMPLATES } from "./templates.ts";
import type { CameraTemplate } from "./templates.ts";

const schema = z
  .strictObject({
    kind: z.literal("camera"),
    vendor: z.enum(CAMERA_VENDORS).describe("Who made it"),
    host: z.string().min(1).regex(/^[^\s/?#@]+$/, "expected a name or address").describe("Name or address of the camera or recorder"),
    port: z.coerce.number().int().min(1).max(65535).optional().describe("The maker's usual one when left out"),
    channel: z.coerce.number().int().min(1).max(999).default(1).describe("Channel of a recorder, from 1"),
    subtype: z.coerce.number().int().min(0).default(0).describe("0 for the main stream, 1 and up for smaller ones"),
    area: z.string().optional().describe("nuuo: name of the channel, a regular expression"),
    user: z.string().optional().describe("User name"),
    password: z
      .string()
      .transform((password) => new Secret(password))
      .optional()
      .describe("Password"),
    transport: z.enum(["auto", "tcp", "udp"]).optional().describe("How media travels"),
  })
  .refine(({ vendor, subtype }) => subtype <= TEMPLATES[vendor].highestSubtype, {
    path: ["subtype"],
    error: ({ input }) => `this maker has no stream ${String((input as { subtype?: unknown }).subtype)}`,
  });

/** `camera:dahua?host=10.0.0.7&channel=2&subtype=1`: a camera named by its maker, without knowing the path of its streams. */
export const cameraSource = defineSource({
  kind: "camera",
  schema,
  addresses: [`camera:${CAMERA_VENDORS.join("|")}?host=HOST&channel=1&subtype=0&user=…&password=…`],
  fromAddress: (address) => {
    const [, vendor, query = ""] = /^camera:([\w-]+)(?:\?(.*))?$/s.exec(address) ?? [];
    // What is missing or not known is told by the schema.
    return vendor === undefined ? undefined : ({ ...Object.fromEntries(new URLSearchParams(query)), kind: "camera", vendor: vendor.toLowerCase() } as unknown as z.input<typeof schema>);
  },
  create: (config, context) => requireSourceAt(context)(cameraAddress(config)),
});

/** The address behind a configuration. */
export function cameraAddress(config: z.output<typeof schema>): string {
  const { vendor, host, channel, subtype, area, user, password, transport } = config;
  const template: CameraTemplate = TEMPLATES[vendor];
  const port = config.port ?? template.port;
  const who = user === undefined ? "" : `${encodeURIComponent(user)}${password === undefined ? "" : `:${encodeURIComponent(password.reveal())}`}@`;
  const place = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const options = transport === undefined || template.scheme !== "rtsp" ? "" : `#transport=${transport}`;
  return `${template.scheme}://${who}${place}:${String(port)}${template.path({ host, port, channel, subtype, area })}${options}`;
}
