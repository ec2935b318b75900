import { createHash, timingSafeEqual } from "node:crypto";

/** A user's name and password. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** What a server asks for (RFC 7617, RFC 7616 in the form that RTSP uses). */
export type Challenge =
  | { readonly scheme: "basic"; readonly realm: string }
  | {
      readonly scheme: "digest";
      readonly realm: string;
      readonly nonce: string;
      readonly algorithm: "MD5" | "SHA-256";
      readonly opaque: string | undefined;
      /** True when the server offers quality of protection `auth`. */
      readonly qop: boolean;
    };

const HASHES = { MD5: "md5", "SHA-256": "sha256" } as const;

/** The strongest challenge of a response's `WWW-Authenticate` lines that is understood here. */
export function strongestChallenge(lines: readonly string[]): Challenge | undefined {
  const challenges = lines.flatMap(parseChallenges);
  const rank = (challenge: Challenge): number => (challenge.scheme === "basic" ? 0 : challenge.algorithm === "MD5" ? 1 : 2);
  return challenges.sort((a, b) => rank(b) - rank(a))[0];
}

/** One line may hold several challenges, separated as their parameters are: a word without `=` begins one. */
function parseChallenges(line: string): Challenge[] {
  return line
    .split(/(?:^|,)\s*(?=(?:Basic|Digest)\b)/i)
    .map(parseChallenge)
    .filter((challenge) => challenge !== undefined);
}

function parseChallenge(text: string): Challenge | undefined {
  const [, scheme = "", rest = ""] = /^\s*(\w+)\s*([\s\S]*)$/.exec(text) ?? [];
  const parameters = parseParameters(rest);
  const realm = parameters.get("realm") ?? "";
  if (scheme.toLowerCase() === "basic") {
    return { scheme: "basic", realm };
  }
  const nonce = parameters.get("nonce");
  const algorithm = (parameters.get("algorithm") ?? "MD5").toUpperCase();
  if (scheme.toLowerCase() !== "digest" || nonce === undefined || (algorithm !== "MD5" && algorithm !== "SHA-256")) {
    return undefined;
  }
  const qop = (parameters.get("qop") ?? "").split(/[\s,]+/).includes("auth");
  return { scheme: "digest", realm, nonce, algorithm, opaque: parameters.get("opaque"), qop };
}

/** `name="value"` and `name=value`, separated by commas; names in small letters. */
function parseParameters(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const match of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))/g)) {
    parameters.set((match[1] ?? "").toLowerCase(), (match[2] ?? match[3] ?? "").replace(/\\(.)/g, "$1"));
  }
  return parameters;
}

/** The `Authorization` line that answers a challenge. `count` and `cnonce` are used when the server offers `qop`. */
export function authorize(
  challenge: Challenge,
  credentials: Credentials,
  request: { readonly method: string; readonly uri: string; readonly count: number; readonly cnonce: string },
): string {
  if (challenge.scheme === "basic") {
    return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`;
  }
  const { realm, nonce, algorithm, opaque, qop } = challenge;
  const nc = request.count.toString(16).padStart(8, "0");
  const response = digest({ ...request, realm, nonce, algorithm, credentials, ...(qop ? { nc, cnonce: request.cnonce } : {}) });
  const fields = [
    `username="${quote(credentials.user)}"`,
    `realm="${quote(realm)}"`,
    `nonce="${quote(nonce)}"`,
    `uri="${quote(request.uri)}"`,
    ...(algorithm === "MD5" ? [] : [`algorithm=${algorithm}`]),
    `response="${response}"`,
    ...(opaque === undefined ? [] : [`opaque="${quote(opaque)}"`]),
    ...(qop ? [`qop=auth, nc=${nc}, cnonce="${quote(request.cnonce)}"`] : []),
  ];
  return `Digest ${fields.join(", ")}`;
}

function quote(text: string): string {
  return text.replace(/["\\]/g, "\\$&").replace(/[\r\n]/g, " ");
}

interface DigestInput {
  readonly method: string;
  readonly uri: string;
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: "MD5" | "SHA-256";
  readonly credentials: Credentials;
  readonly nc?: string;
  readonly cnonce?: string;
}

/** RFC 7616 §3.4.1, without `qop` as in RFC 2069 where the server offers none. */
function digest(input: DigestInput): string {
  const hash = (text: string): string => createHash(HASHES[input.algorithm]).update(text).digest("hex");
  const who = hash(`${input.credentials.user}:${input.realm}:${input.credentials.password}`);
  const what = hash(`${input.method}:${input.uri}`);
  return input.nc === undefined || input.cnonce === undefined
    ? hash(`${who}:${input.nonce}:${what}`)
    : hash(`${who}:${input.nonce}:${input.nc}:${input.cnonce}:auth:${what}`);
}

/** `WWW-Authenticate` lines of a server: SHA-256 first, then MD5 for older clients (the first understood is taken). */
export function challengeLines(realm: string, nonce: string): string[] {
  return [
    `Digest realm="${quote(realm)}", nonce="${nonce}", algorithm=SHA-256`,
    `Digest realm="${quote(realm)}", nonce="${nonce}"`,
  ];
}

/**
 * Whether an `Authorization` line proves one of the users. Only Digest is taken: Basic would show the password to
 * everyone on the way. Compares in constant time.
 */
export function isAuthorized(
  line: string | undefined,
  expected: { readonly method: string; readonly realm: string; readonly nonce: string; readonly users: readonly Credentials[] },
): boolean {
  const [, fields] = /^Digest\s+([\s\S]*)$/i.exec(line ?? "") ?? [];
  if (fields === undefined) {
    return false;
  }
  const given = parseParameters(fields);
  const algorithm = (given.get("algorithm") ?? "MD5").toUpperCase();
  const credentials = expected.users.find(({ user }) => user === given.get("username"));
  if (credentials === undefined || given.get("nonce") !== expected.nonce || (algorithm !== "MD5" && algorithm !== "SHA-256")) {
    return false;
  }
  const { method, realm, nonce } = expected;
  const [nc, cnonce] = [given.get("nc"), given.get("cnonce")];
  const hasQop = given.get("qop") === "auth" && nc !== undefined && cnonce !== undefined;
  const want = digest({ method, realm, nonce, algorithm, credentials, uri: given.get("uri") ?? "", ...(hasQop ? { nc, cnonce } : {}) });
  const got = Buffer.from(given.get("response") ?? "");
  return got.length === want.length && timingSafeEqual(got, Buffer.from(want));
}
