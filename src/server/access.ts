import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Secret } from "../domain/secret.ts";
import { VedetteError } from "../errors.ts";
import { RequestError } from "./request-error.ts";

/** `HOST:PORT` as its parts; a bare `:PORT` means all addresses. */
export function parseListen(address: string): { readonly host: string; readonly port: number } {
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  if (port === "" || Number(port) > 65_535) {
    throw new VedetteError("E_USAGE", { reason: `expected HOST:PORT, got ${JSON.stringify(address)}` });
  }
  return { host: host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** Throws `E_NOT_LOOPBACK` for a listener that others can reach while nobody needs a token. */
export function checkExposure(address: string, tokens: readonly Secret[], allowAnonymous: boolean): void {
  const { host } = parseListen(address);
  const isLoopback = host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  if (!isLoopback && tokens.length === 0 && !allowAnonymous) {
    throw new VedetteError("E_NOT_LOOPBACK", { address });
  }
}

/** Checks an `Authorization` header against the tokens; without tokens everybody may. Throws `unauthenticated`. */
export function checkToken(header: string | undefined, tokens: readonly Secret[]): void {
  if (tokens.length === 0) {
    return;
  }
  const given = /^Bearer (\S+)$/i.exec(header ?? "")?.[1];
  if (given === undefined) {
    throw new RequestError("unauthenticated", "a token is required: Authorization: Bearer …");
  }
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  // Digests are of one length, and comparing all of them takes the same time whichever fits.
  const fits = tokens.map((token) => timingSafeEqual(digest(token.reveal()), digest(given)));
  if (!fits.includes(true)) {
    throw new RequestError("unauthenticated", "the token is not valid");
  }
}
