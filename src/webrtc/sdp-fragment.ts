/** What a trickle-ICE fragment says (RFC 8840 §4). */
export interface IceFragment {
  /** Candidates with the media that each is for. */
  readonly candidates: readonly { readonly candidate: string; readonly mid: string }[];
  /** A name of another ICE session than before asks for a restart. */
  readonly username: string | undefined;
}

const MAX_CANDIDATES = 64;

/** Reads a fragment. Undefined when there is neither a candidate, nor their end, nor a new ICE session in it. */
export function parseIceFragment(text: string): IceFragment | undefined {
  const candidates: { candidate: string; mid: string }[] = [];
  let mid = "0";
  let username: string | undefined;
  let hasAny = false;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const [, name = "", value = ""] = /^a=([a-z-]+)(?::(.*))?$/i.exec(line) ?? [];
    hasAny ||= name === "candidate" || name === "end-of-candidates" || name === "ice-ufrag";
    if (name === "mid") {
      mid = value.trim();
    } else if (name === "ice-ufrag") {
      username = value.trim();
    } else if (name === "candidate" && candidates.length < MAX_CANDIDATES) {
      candidates.push({ candidate: `candidate:${value.trim()}`, mid });
    }
  }
  return hasAny ? { candidates, username } : undefined;
}
