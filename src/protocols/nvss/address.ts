import { z } from "zod";
import { Secret } from "../../domain/secret.ts";

/** Fields that every NVSS end has. */
export function nvssFields(defaultPort: number) {
  return {
    host: z.string().default("127.0.0.1").describe("Address to listen on, or to connect to"),
    port: z.int().min(0).max(65535).default(defaultPort).describe("TCP port"),
    token: z
      .string()
      .min(1)
      .optional()
      .transform((token) => (token === undefined ? undefined : new Secret(token)))
      .describe("Shared token that the connecting side must show; without it the wire is plain NVSS"),
    tls: z
      .strictObject({
        cert: z.string().optional().describe("Certificate of the listening side (PEM file)"),
        key: z.string().optional().describe("Its key (PEM file)"),
        ca: z.string().optional().describe("Certificate that the connecting side trusts (PEM file)"),
      })
      .optional()
      .describe("Speak TLS; the listening side needs cert and key"),
  };
}

/** What an address says: `nvss://[token@]HOST[:PORT]` listens, `nvss-connect://…` connects. */
export function nvssAddress<Kind extends string>(
  kind: Kind,
  address: string,
  ports: { readonly listen: number; readonly connect: number },
): { kind: Kind; host: string; port: number; connect: boolean; token?: string } | undefined {
  const match = /^nvss(-connect)?:\/\/(?:([^@/]*)@)?(\[[^\]]+\]|[^:/?#]+)?(?::(\d{1,5}))?\/?$/i.exec(address);
  if (match === null) {
    return undefined;
  }
  const [, connect, token, host = "127.0.0.1", port] = match;
  return {
    kind,
    host: host.replace(/^\[|\]$/g, ""),
    port: port === undefined ? (connect === undefined ? ports.listen : ports.connect) : Number(port),
    connect: connect !== undefined,
    ...(token === undefined || token === "" ? {} : { token: decodeURIComponent(token) }),
  };
}
