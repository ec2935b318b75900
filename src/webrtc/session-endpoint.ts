import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../contracts/clock.ts";
import { readBody } from "./read-body.ts";
import { parseIceFragment } from "./sdp-fragment.ts";
import type { IceSettings } from "./ice-settings.ts";

/** An offer with what the request around it says. */
export interface OfferRequest {
  readonly offer: string;
  readonly query: URLSearchParams;
  /** Whether the peer is on this machine. */
  readonly isLocalPeer: boolean;
  /** Says that the session is over, for whatever reason. */
  readonly onEnd: () => void;
}

/** A session that has begun. */
export interface OpenedSession extends AsyncDisposable {
  readonly answer: string;
  addCandidate(candidate: string, mid: string): Promise<void>;
}

/** An offer that is turned down, with the status and the words for it. */
export class OfferRefused extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** How an endpoint is set up. */
export interface SessionEndpointOptions {
  /** Path of the endpoint; sessions lie below it. */
  readonly path: string;
  readonly maxSessions: number;
  readonly ice: IceSettings;
  readonly clock: Clock;
  /** Begins a session. Throws {@link OfferRefused}. */
  readonly open: (request: OfferRequest) => Promise<OpenedSession>;
}

interface Session {
  readonly etag: string;
  readonly opened: OpenedSession;
}

/** Offers of real browsers have 10 to 20 KiB. */
const MAX_OFFER_BYTES = 128 << 10;
const MAX_FRAGMENT_BYTES = 16 << 10;
const SLOW_BODY_MS = 10_000;
const OFFER = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";

/**
 * Sessions over HTTP as WHIP has them (RFC 9725) and WHEP (draft-ietf-wish-whep): POST an offer and get the answer, PATCH
 * candidates, DELETE. Who may do so has been checked before.
 */
export class SessionEndpoint implements AsyncDisposable {
  readonly #options: SessionEndpointOptions;
  readonly #sessions = new Map<string, Session>();
  #opening = 0;
  readonly #closing = new AbortController();

  constructor(options: SessionEndpointOptions) {
    this.#options = options;
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Whether a path belongs to this endpoint. */
  owns(path: string): boolean {
    return path === this.#options.path || path.startsWith(`${this.#options.path}/`);
  }

  /** Answers one request. */
  async answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const below = url.pathname.slice(this.#options.path.length + 1);
    const methods = url.pathname === this.#options.path ? this.#endpointMethods(request, response, url) : this.#sessionMethods(request, response, below);
    const answer = methods?.[request.method ?? ""];
    if (methods === undefined) {
      refuse(response, 404, "there is no such session (any more)");
    } else if (answer === undefined) {
      response.setHeader("Allow", Object.keys(methods).join(", "));
      refuse(response, 405, `expected ${Object.keys(methods).join(", ")}`);
    } else {
      try {
        await answer();
      } catch (error) {
        if (!(error instanceof OfferRefused)) {
          throw error;
        }
        refuse(response, error.status, error.message);
      }
    }
  }

  /** Ends all sessions, and takes no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#sessions.keys()].map((id) => this.#end(id)));
  }

  #endpointMethods(request: IncomingMessage, response: ServerResponse, url: URL): Record<string, () => Promise<void> | void> {
    return {
      OPTIONS: () => {
        response.setHeader("Allow", "OPTIONS, POST");
        response.setHeader("Accept-Post", OFFER);
        this.#linkServers(response);
        response.statusCode = 204;
        response.end();
      },
      POST: () => this.#open(request, response, url),
    };
  }

  #sessionMethods(request: IncomingMessage, response: ServerResponse, id: string): Record<string, () => Promise<void> | void> | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) {
      return undefined;
    }
    return {
      OPTIONS: () => {
        response.setHeader("Allow", "OPTIONS, PATCH, DELETE");
        response.setHeader("Accept-Patch", FRAGMENT);
        response.statusCode = 204;
        response.end();
      },
      PATCH: () => this.#patch(request, response, session),
      DELETE: async () => {
        await this.#end(id);
        response.statusCode = 200;
        response.end();
      },
    };
  }

  async #open(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    expectType(request, OFFER);
    const { maxSessions, path, open, clock } = this.#options;
    if (this.#hasClosed() || this.#sessions.size + this.#opening >= maxSessions) {
      response.setHeader("Retry-After", "5");
      throw new OfferRefused(503, this.#hasClosed() ? "the stream has ended" : `there are ${maxSessions} sessions already`);
    }
    this.#opening += 1;
    try {
      const offer = await bodyOf(request, MAX_OFFER_BYTES, clock);
      const id = randomUUID();
      const isOver = Promise.withResolvers<undefined>();
      const opened = await open({ offer, query: url.searchParams, isLocalPeer: isLocal(request.socket.remoteAddress), onEnd: () => isOver.resolve(undefined) });
      const session = { etag: `"${randomUUID()}"`, opened };
      this.#sessions.set(id, session);
      void isOver.promise.then(() => this.#end(id));
      if (this.#hasClosed() || response.destroyed) {
        await this.#end(id);
        throw new OfferRefused(503, "the stream has ended");
      }
      response.statusCode = 201;
      response.setHeader("Content-Type", OFFER);
      response.setHeader("Location", `${path}/${id}`);
      response.setHeader("ETag", session.etag);
      response.setHeader("Accept-Patch", FRAGMENT);
      this.#linkServers(response);
      response.end(opened.answer);
    } finally {
      this.#opening -= 1;
    }
  }

  async #patch(request: IncomingMessage, response: ServerResponse, { etag, opened }: Session): Promise<void> {
    expectType(request, FRAGMENT);
    const expected = request.headers["if-match"];
    if (expected === undefined) {
      throw new OfferRefused(428, "If-Match is needed, with the ETag of the answer");
    }
    const fragment = parseIceFragment(await bodyOf(request, MAX_FRAGMENT_BYTES, this.#options.clock));
    if (fragment === undefined) {
      throw new OfferRefused(400, "the body is no ICE fragment");
    }
    if (expected === "*") {
      throw new OfferRefused(422, "ICE restarts are not done: begin a new session");
    }
    if (expected !== etag) {
      throw new OfferRefused(412, "the ETag is that of another ICE session");
    }
    for (const { candidate, mid } of fragment.candidates) {
      try {
        await opened.addCandidate(candidate, mid);
      } catch {
        throw new OfferRefused(400, `no candidate for media ${mid}: ${candidate.slice(0, 100)}`);
      }
    }
    response.statusCode = 204;
    response.end();
  }

  #hasClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #end(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    await session?.opened[Symbol.asyncDispose]();
  }

  /** How clients learn which servers to use (RFC 9725 §4.6). Those with credentials are not told to everybody. */
  #linkServers(response: ServerResponse): void {
    const links = this.#options.ice.stun.map((url) => `<${url}>; rel="ice-server"`);
    if (links.length > 0) {
      response.setHeader("Link", links);
    }
  }
}

/** Whether an address is this machine's own loopback. */
function isLocal(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.)/.test(address);
}

function expectType(request: IncomingMessage, type: string): void {
  const given = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (given !== type) {
    throw new OfferRefused(415, `expected Content-Type: ${type}`);
  }
}

async function bodyOf(request: IncomingMessage, maxBytes: number, clock: Clock): Promise<string> {
  const body = await readBody(request, maxBytes, SLOW_BODY_MS, clock);
  if (body === undefined) {
    throw new OfferRefused(413, `at most ${maxBytes >> 10} KiB are taken`);
  }
  return body;
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  if (!response.headersSent) {
    response.statusCode = status;
    response.setHeader("Content-Type", "text/plain; charset=utf-8");
    if (status === 413 || status === 408) {
      // What is still coming of the body is not read.
      response.setHeader("Connection", "close");
    }
    response.end(`${reason}\n`);
  }
}
