import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../domain/secret.ts";

/**
 * A shared token in front of NVSS, which has none: the connecting side's first message is not a JPEG but this word and
 * the token. Only used when both sides were given one; without it the wire is plain NVSS.
 */
const PREFIX = "NVSS-TOKEN ";

/** Longest first message that may be a token. */
export const MAX_TOKEN_MESSAGE_BYTES = 4096;

/** The message that shows the token. */
export function encodeToken(token: Secret): Uint8Array {
  return Buffer.from(PREFIX + token.reveal());
}

/** Whether a first message shows the right token. Takes the same time whatever was sent. */
export function isToken(message: Uint8Array, token: Secret): boolean {
  return timingSafeEqual(digest(message), digest(encodeToken(token)));
}

function digest(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
