import { timingSafeEqual, createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { isLoopback } from "../../runtime/listen.ts";

/** Name and password that a viewer must give (HTTP Basic, RFC 7617). */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Who may look. */
export interface AccessRules {
  /** The host that is listened on. */
  readonly host: string;
  readonly credentials: Credentials | undefined;
  /** Origins of other pages that may use this one's endpoints. */
  readonly origins: readonly string[];
}

/** Why a request is turned away. */
export interface Refusal {
  readonly status: 401 | 403 | 404 | 503;
  readonly reason: string;
}

/**
 * Turns away what a web page of somebody else could make a browser send: a listener on loopback answers only to names
 * of this machine (a foreign name that resolves to 127.0.0.1 is DNS rebinding), and scripts of other origins get nothing.
 */
export function refuse(request: IncomingMessage, rules: AccessRules): Refusal | undefined {
  const host = request.headers.host ?? "";
  const name = hostName(host);
  if (isLoopback(rules.host) && name !== rules.host && !isLoopback(name)) {
    return { status: 403, reason: `this listener answers to names of its own machine only, not to "${name}"` };
  }
  const { origin } = request.headers;
  if (origin !== undefined && !isOwnOrigin(origin, host) && !rules.origins.includes(origin)) {
    return { status: 403, reason: "requests from pages of other origins are refused" };
  }
  if (rules.credentials !== undefined && !isAuthorized(request.headers.authorization, rules.credentials)) {
    return { status: 401, reason: "a user name and a password are needed" };
  }
  return undefined;
}

/** Says no to a WebSocket that is asked for, and closes the connection. */
export function refuseUpgrade(socket: Duplex, { status, reason }: Refusal): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${reason}\n`);
}

/** Whether a request comes from a page of this very listener. */
export function isOwnOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** `name:port` or `[v6]:port` without the port. */
function hostName(host: string): string {
  const [, v6, name = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (v6 ?? name).toLowerCase();
}

function isAuthorized(header: string | undefined, { username, password }: Credentials): boolean {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? "") ?? [];
  const given = Buffer.from(encoded ?? "", "base64").toString("utf8");
  // Digests have one length, so comparing takes the same time whatever was given.
  return encoded !== undefined && timingSafeEqual(digest(given), digest(`${username}:${password}`));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
