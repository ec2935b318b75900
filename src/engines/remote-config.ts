import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { Secret } from "../domain/secret.ts";
import { VedetteError } from "../errors.ts";

/** What every remote engine can be told. */
export const remoteFields = {
  addresses: z.array(z.string().regex(/^[^\s/@]+$/)).min(1).describe("HOST:PORT of each server; calls go to the least busy that answers"),
  transport: z.enum(["grpc", "http"]).describe("How it is spoken to"),
  tls: z.boolean().default(false).describe("Encrypt the connection"),
  caFile: z.string().optional().describe("Certificates that the server's is checked against, PEM; by default the system's"),
  certFile: z.string().optional().describe("Our own certificate (mutual TLS), PEM"),
  keyFile: z.string().optional().describe("Its key, PEM"),
  serverName: z.string().optional().describe("Name that the server's certificate must have, when it is not that of the address"),
  tokenEnv: z.string().optional().describe("Environment variable that holds a bearer token"),
  tokenFile: z.string().optional().describe("File that holds a bearer token; read again for every connection attempt"),
  model: z.string().optional().describe("Name of the model on the server; by default the model's own"),
  version: z.string().default("").describe("Version of the model; empty: the server's choice, usually the latest"),
  executors: z.int().min(1).max(256).default(4).describe("Requests under way at once"),
  timeoutMs: z.int().min(1).default(10_000).describe("How long one request may take"),
  retryForMs: z.int().min(0).default(200).describe("How long after its start a request that failed may be sent again; frames older than that are dropped"),
  compression: z.enum(["none", "gzip"]).default("none").describe("Compress requests; pays on slow networks only"),
};

/** As parsed. */
export type RemoteConfig = z.output<z.ZodObject<typeof remoteFields>>;

/** Credentials as loaded. */
export interface Credentials {
  readonly tls: boolean;
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly serverName: string | undefined;
  readonly token: Secret | undefined;
}

/** The configuration behind `SCHEME+grpc://HOST:PORT[,HOST:PORT…]`, with `grpcs` and `https` for TLS; undefined: not this scheme. */
export function remoteFromAddress(
  scheme: string,
  address: string,
): { addresses: string[]; transport: "grpc" | "http"; tls: boolean } | undefined {
  const [, name, transport, secure, rest = ""] = /^([a-z]+)\+(grpc|http)(s?):\/\/(.*)$/.exec(address) ?? [];
  if (name !== scheme || (transport !== "grpc" && transport !== "http")) {
    return undefined;
  }
  const addresses = rest.replace(/\/$/, "").split(",");
  const wrong = addresses.find((one) => !/^(\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/.test(one));
  if (wrong !== undefined) {
    const reason = wrong.includes("@") ? "credentials are not taken from addresses (use tokenEnv or tokenFile)" : `expected HOST:PORT, got ${JSON.stringify(wrong)}`;
    throw new VedetteError("E_ENGINE_ADDRESS", { engine: `${scheme}+${transport}${secure ?? ""}`, reason });
  }
  return { addresses, transport, tls: secure === "s" };
}

/** Reads certificates and the token. Throws `E_ENGINE_CREDENTIALS`, never showing what a secret is. */
export async function loadCredentials(engine: string, config: RemoteConfig, baseDir: string): Promise<Credentials> {
  const read = async (path: string | undefined): Promise<Buffer | undefined> => {
    if (path === undefined) {
      return undefined;
    }
    try {
      return await readFile(resolve(baseDir, path));
    } catch (error) {
      throw new VedetteError("E_ENGINE_CREDENTIALS", { engine, reason: `${path} cannot be read` }, { cause: error });
    }
  };
  const [ca, cert, key, tokenFile] = await Promise.all([read(config.caFile), read(config.certFile), read(config.keyFile), read(config.tokenFile)]);
  const fromEnv = config.tokenEnv === undefined ? undefined : process.env[config.tokenEnv];
  if (config.tokenEnv !== undefined && (fromEnv === undefined || fromEnv === "")) {
    throw new VedetteError("E_ENGINE_CREDENTIALS", { engine, reason: `the environment variable ${config.tokenEnv} is not set` });
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new VedetteError("E_ENGINE_CREDENTIALS", { engine, reason: "certFile and keyFile go together" });
  }
  const token = fromEnv ?? tokenFile?.toString().trim();
  return { tls: config.tls, ca, cert, key, serverName: config.serverName, token: token === undefined ? undefined : new Secret(token) };
}
