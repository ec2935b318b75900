import type { IncomingMessage } from "node:http";
import { isLoopback } from "./listen.ts";

/** Who may ask. */
export interface OriginRules {
  /** The host that is listened on. */
  readonly host: string;
  /** Origins of other pages that may ask. */
  readonly origins: readonly string[];
}

/**
 * Why a request is turned away that a web page of somebody else could make a browser send: a listener on loopback answers
 * only to names of this machine (a foreign name that resolves to 127.0.0.1 is DNS rebinding), and scripts of other
 * origins get nothing. Undefined when it is welcome.
 */
export function foreignRequest(request: IncomingMessage, { host: own, origins }: OriginRules): string | undefined {
  const { origin, host = "" } = request.headers;
  const name = hostName(host);
  if (isLoopback(own) && name !== own && !isLoopback(name)) {
    return `this listener answers to names of its own machine only, not to "${name}"`;
  }
  const isOwn = origin === `http://${host}` || origin === `https://${host}`;
  return origin === undefined || isOwn || origins.includes(origin) ? undefined : "requests from pages of other origins are refused";
}

/** `name:port` or `[v6]:port` without the port. */
function hostName(host: string): string {
  const [, v6, name = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (v6 ?? name).toLowerCase();
}
