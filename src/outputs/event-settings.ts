import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { Secret } from "../domain/secret.ts";
import { VedetteError } from "../errors.ts";
import { redactUrl } from "../runtime/redact.ts";
import { EventOutput } from "../events/event-output.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { Output } from "../contracts/output.ts";
import type { EventOutputOptions } from "../events/event-output.ts";

/** A text that is never shown again. */
export const secretText = z.string().min(1).transform((value) => new Secret(value));

/** Settings that every destination of events has. */
export const deliverySettings = {
  maxAgeH: z.number().positive().default(168).describe("Events that have waited longer become dead letters, in hours"),
  maxEvents: z.int().positive().default(100_000).describe("When more wait, the oldest become dead letters"),
  maxAttempts: z.int().positive().default(50).describe("An event refused so often becomes a dead letter; a destination that does not answer is tried until maxAgeH"),
  tlsCa: z.string().optional().describe("File with the certificates to trust (PEM), instead of the system's"),
};

/** The values of {@link deliverySettings}. */
export interface DeliverySettings {
  readonly url: string;
  /** Queue, key or topic, when the address does not say it. */
  readonly name?: string;
  readonly maxAgeH: number;
  readonly maxEvents: number;
  readonly maxAttempts: number;
}

/** An address taken apart: what may be shown, and what may not. */
export interface EventAddress {
  /** Without user name and password. */
  readonly url: URL;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
}

/** Takes user name and password out of an address. Throws `E_CONFIG`. */
export function parseEventAddress(address: string): EventAddress {
  const url = URL.parse(address);
  if (url === null || url.hostname === "") {
    throw new VedetteError("E_CONFIG", { where: redactUrl(address), reason: "expected an address such as mqtt://HOST:PORT/TOPIC" });
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  return {
    url,
    user: username === "" ? undefined : decodeURIComponent(username),
    password: password === "" ? undefined : new Secret(decodeURIComponent(password)),
  };
}

/** The path of an address, decoded: a topic, subject, key or vhost. */
export function pathOf(url: URL): string {
  return decodeURIComponent(url.pathname.replace(/^\//, ""));
}

/** The file of trusted certificates. Throws `E_CONFIG`. */
export function readCa(path: string | undefined, { baseDir }: KindContext): string | undefined {
  if (path === undefined) {
    return undefined;
  }
  try {
    return readFileSync(resolve(baseDir, path), "utf8");
  } catch (error) {
    throw new VedetteError("E_CONFIG", { where: "tlsCa", reason: `${path} cannot be read` }, { cause: error });
  }
}

/** An output that delivers events through the outbox of this data folder. */
export function eventOutput(config: DeliverySettings, context: KindContext, create: EventOutputOptions["create"]): Output {
  return new EventOutput({
    name: config.name === undefined ? shownAddress(config.url) : `${shownAddress(config.url)} (${config.name})`,
    stream: context.stream,
    dataDir: context.dataDir,
    clock: context.clock,
    log: context.log,
    limits: { maxAgeMs: config.maxAgeH * 3_600_000, maxEvents: config.maxEvents },
    maxAttempts: config.maxAttempts,
    create,
  });
}

/**
 * The address as people may see it. Some receivers carry their secret in the path: long pieces of it are masked, and a
 * digest keeps two such addresses apart.
 */
function shownAddress(address: string): string {
  const redacted = redactUrl(address);
  const masked = redacted.replace(/(?<=[^/]\/)[\w-]{16,}(?=\/|$|\?)/g, "***");
  return masked === redacted ? redacted : `${masked} #${createHash("sha256").update(redacted).digest("hex").slice(0, 6)}`;
}
