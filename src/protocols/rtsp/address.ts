import type { Credentials } from "./authentication.ts";

/** An `rtsp://` or `rtsps://` address taken apart. */
export interface RtspAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly credentials: Credentials | undefined;
  /** The address as it goes over the wire: without credentials, with exactly the path that was written. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Reads an address. Cameras have passwords and paths that are no proper URLs (`p@ss`, `?user=…|…`): the last `@` before
 * the path ends the credentials, and the path is sent as it was written. Undefined when it is none.
 */
export function parseRtspAddress(address: string): RtspAddress | undefined {
  const [, scheme, authority = "", rest = ""] = /^(rtsps?):\/\/([^/?#]*)([^#]*)/i.exec(address) ?? [];
  if (scheme === undefined) {
    return undefined;
  }
  const at = authority.lastIndexOf("@");
  const place = authority.slice(at + 1);
  const [, host = "", port] = /^(\[[0-9a-f:.%]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/i.exec(place) ?? [];
  const isTls = scheme.toLowerCase() === "rtsps";
  const number = port === undefined ? (isTls ? 322 : 554) : Number(port);
  if (host === "" || number > 65535 || /\s/.test(rest)) {
    return undefined;
  }
  const [path = "", query = ""] = rest.split(/\?(.*)/s);
  return {
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port: number,
    isTls,
    credentials: parseCredentials(authority, at),
    url: `${scheme.toLowerCase()}://${host}${port === undefined ? "" : `:${port}`}${rest}`,
    path,
    query: new URLSearchParams(query),
  };
}

function parseCredentials(authority: string, at: number): Credentials | undefined {
  if (at < 0) {
    return undefined;
  }
  const text = authority.slice(0, at);
  const colon = text.indexOf(":");
  const [user, password] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  return { user: decode(user), password: decode(password) };
}

/** Percent codes where they are some; a lone `%` is itself. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => {
    try {
      return decodeURIComponent(codes);
    } catch {
      // Not UTF-8: meant as written.
      return codes;
    }
  });
}
