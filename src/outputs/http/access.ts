import { timingSafeEqual, createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { foreignRequest } from "../../runtime/web-origin.ts";

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

/** Turns away pages of other sites, and viewers without the credentials. */
export function refuse(request: IncomingMessage, rules: AccessRules): Refusal | undefined {
  const foreign = foreignRequest(request, rules);
  if (foreign !== undefined) {
    return { status: 403, reason: foreign };
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

function isAuthorized(header: string | undefined, { username, password }: Credentials): boolean {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? "") ?? [];
  const given = Buffer.from(encoded ?? "", "base64").toString("utf8");
  // Digests have one length, so comparing takes the same time whatever was given.
  return encoded !== undefined && timingSafeEqual(digest(given), digest(`${username}:${password}`));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
