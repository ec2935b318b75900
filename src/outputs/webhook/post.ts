import { lookup as resolveName } from "node:dns";
import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { isIP } from "node:net";
import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import { isPrivateAddress } from "../../runtime/private-address.ts";

/** One request. */
export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For everything up to the end of the answer. */
  readonly timeoutMs: number;
  /** Refuses to connect to addresses that are not public. */
  readonly publicOnly: boolean;
  /** PEM, besides nobody else. */
  readonly ca?: string | undefined;
  /** Keeps connections for the next request; one of its own when left out. */
  readonly agent?: Agent | undefined;
}

/** What came back. */
export interface PostAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly retryAfter: string | undefined;
  /** The beginning of the answer, for messages. */
  readonly text: string;
}

/** So much of an answer is read; a longer one is cut off by closing the connection. */
const MAX_ANSWER_BYTES = 16 * 1024;

/** Thrown where `publicOnly` forbids the address that a name stands for. */
export class PrivateAddressError extends Error {
  override readonly name = "PrivateAddressError";
}

/**
 * Sends one POST. The name is resolved once and the connection goes to the very address that was looked at: a name that
 * answers differently the next time (DNS rebinding) gains nothing.
 */
export function post(url: URL, options: PostOptions, signal: AbortSignal): Promise<PostAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PostAnswer>();
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (options.publicOnly && isIP(host) !== 0 && isPrivateAddress(host)) {
    return Promise.reject(new PrivateAddressError(`${host} is a private address`));
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]);
  const settings: RequestOptions & { ca?: string } = {
    method: "POST",
    headers: { ...options.headers, "content-length": String(Buffer.byteLength(options.body)) },
    signal: limit,
    agent: options.agent ?? false,
    ...(options.publicOnly ? { lookup: publicLookup } : {}),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  };
  const answer = (response: IncomingMessage, text: string): void => {
    const { location, "retry-after": retryAfter } = response.headers;
    resolve({ status: response.statusCode ?? 0, location, retryAfter, text });
  };
  let hasAnswered = false;
  const request = (url.protocol === "https:" ? requestTls : requestPlain)(url, settings, (response) => {
    hasAnswered = true;
    // The status is known: an answer that breaks off or trickles changes nothing about it.
    request.on("error", () => answer(response, ""));
    readStart(response).then(
      (text) => answer(response, text),
      () => answer(response, ""),
    );
  });
  request.on("error", (error: NodeJS.ErrnoException) => {
    if (request.reusedSocket && error.code === "ECONNRESET" && !limit.aborted) {
      // The other side closed a connection that had been idle: nothing was wrong with the request.
      resolve(post(url, { ...options, agent: undefined }, signal));
    } else if (!hasAnswered) {
      reject(limit.aborted && !signal.aborted ? new Error(`no answer within ${options.timeoutMs / 1000} s`, { cause: error }) : error);
    }
  });
  request.end(options.body);
  return promise;
}

/** The beginning of an answer. Leaving the loop early closes the connection; reading to the end leaves it for the next. */
async function readStart(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    sizeBytes += part.length;
    if (sizeBytes >= MAX_ANSWER_BYTES) {
      break;
    }
  }
  return Buffer.concat(parts).subarray(0, MAX_ANSWER_BYTES).toString("utf8");
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolveName(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, []);
      return;
    }
    const bad = addresses.find(({ address }) => isPrivateAddress(address));
    if (bad !== undefined) {
      callback(new PrivateAddressError(`${hostname} stands for the private address ${bad.address}`), []);
    } else if (options.all === true) {
      callback(null, addresses);
    } else {
      callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
    }
  });
};
