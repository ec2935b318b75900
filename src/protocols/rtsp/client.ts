import { authorize, strongestChallenge } from "./authentication.ts";
import type { Challenge, Credentials } from "./authentication.ts";
import type { HeaderFields, InterleavedFrame, RtspRequest, RtspResponse } from "./message.ts";
import { header, writeRequest, writeResponse } from "./message.ts";
import { RtspParser } from "./parser.ts";
import type { RtspLimits } from "./parser.ts";
import { parseSession } from "./headers.ts";

/** What a client works with. */
export interface RtspClientOptions {
  readonly send: (bytes: Uint8Array) => void;
  readonly onInterleaved: (frame: InterleavedFrame) => void;
  /** Random text for Digest; fresh each time. */
  readonly cnonce: () => string;
  readonly credentials: Credentials | undefined;
  readonly userAgent: string;
  readonly limits: RtspLimits;
}

/** The server refused the credentials, or asked for some where there are none. */
export class RtspUnauthorized extends Error {
  override readonly name = "RtspUnauthorized";
}

/**
 * The client's side of a control connection without the connection: bytes go in through {@link receive} and out through
 * `send`. Numbers the requests, answers challenges, keeps the session. Every request settles, by its response or by
 * {@link fail}.
 */
export class RtspClient {
  readonly #options: RtspClientOptions;
  readonly #parser: RtspParser;
  readonly #waiting = new Map<number, PromiseWithResolvers<RtspResponse>>();
  #sequence = 0;
  #challenge: Challenge | undefined;
  #digestCount = 0;
  #session: string | undefined;
  #sessionTimeoutS = 60;
  #failure: Error | undefined;

  constructor(options: RtspClientOptions) {
    this.#options = options;
    this.#parser = new RtspParser(options.limits);
  }

  /** Seconds after which the server closes a session from which nothing came. */
  get sessionTimeoutS(): number {
    return this.#sessionTimeoutS;
  }

  /** Takes bytes of the connection. Throws `RtspSyntaxError`: the connection is of no more use then. */
  receive(bytes: Uint8Array): void {
    for (const item of this.#parser.push(bytes)) {
      if (item.kind === "interleaved") {
        this.#options.onInterleaved(item);
      } else if (item.kind === "response") {
        this.#settle(item);
      } else {
        this.#refuse(item);
      }
    }
  }

  /** The connection is gone: what waits is rejected, and so is what is asked from now on. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) {
      reject(this.#failure);
    }
    this.#waiting.clear();
  }

  /** Asks and waits for the answer, once more with credentials when the server wants them. */
  async request(method: string, uri: string, headers: HeaderFields = [], body?: Uint8Array): Promise<RtspResponse> {
    const first = await this.#exchange(method, uri, headers, body);
    if (first.status !== 401) {
      return first;
    }
    const challenge = strongestChallenge(first.headers.get("www-authenticate") ?? []);
    // The same question again after an answer means no, unless the nonce has only become stale.
    const isStale = (first.headers.get("www-authenticate") ?? []).some((line) => /stale\s*=\s*"?true/i.test(line));
    if (challenge === undefined || this.#options.credentials === undefined || (this.#challenge !== undefined && !isStale && this.#isSame(challenge))) {
      throw new RtspUnauthorized(challenge === undefined ? "401 without a challenge that is understood" : "401 Unauthorized");
    }
    this.#challenge = challenge;
    this.#digestCount = 0;
    const second = await this.#exchange(method, uri, headers, body);
    if (second.status === 401) {
      throw new RtspUnauthorized("401 Unauthorized");
    }
    return second;
  }

  #isSame(challenge: Challenge): boolean {
    return JSON.stringify(challenge) === JSON.stringify(this.#challenge);
  }

  async #exchange(method: string, uri: string, headers: HeaderFields, body: Uint8Array | undefined): Promise<RtspResponse> {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    const sequence = ++this.#sequence;
    const answer = Promise.withResolvers<RtspResponse>();
    this.#waiting.set(sequence, answer);
    const all: (readonly [string, string])[] = [["CSeq", String(sequence)], ["User-Agent", this.#options.userAgent]];
    const { credentials } = this.#options;
    if (this.#challenge !== undefined && credentials !== undefined) {
      const count = ++this.#digestCount;
      all.push(["Authorization", authorize(this.#challenge, credentials, { method, uri, count, cnonce: this.#options.cnonce() })]);
    }
    if (this.#session !== undefined) {
      all.push(["Session", this.#session]);
    }
    this.#options.send(writeRequest(method, uri, [...all, ...headers], body));
    return answer.promise;
  }

  #settle(response: RtspResponse): void {
    const given = Number(header(response, "cseq"));
    // Some cameras leave CSeq out of errors: then it answers the oldest question.
    const sequence = this.#waiting.has(given) ? given : this.#waiting.keys().next().value;
    const session = parseSession(header(response, "session"));
    if (session !== undefined) {
      this.#session = session.id;
      this.#sessionTimeoutS = session.timeoutS;
    }
    if (sequence !== undefined && response.status >= 200) {
      this.#waiting.get(sequence)?.resolve(response);
      this.#waiting.delete(sequence);
    }
  }

  /** Servers may ask too (OPTIONS to see who lives); more than that is not offered. */
  #refuse(request: RtspRequest): void {
    const status = request.method === "OPTIONS" || request.method === "GET_PARAMETER" ? 200 : 501;
    this.#options.send(writeResponse(status, [["CSeq", header(request, "cseq") ?? "0"]]));
  }
}
