import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { PrivateAddressError, post } from "./post.ts";
import { signatureHeaders } from "./signature.ts";
import { CLOUD_EVENT_TYPE } from "../../events/cloud-event.ts";
import { DeliveryFailure } from "../../events/destination.ts";
import type { PostAnswer } from "./post.ts";
import type { Clock } from "../../contracts/clock.ts";
import type { Secret } from "../../domain/secret.ts";
import type { Destination } from "../../events/destination.ts";
import type { OutboxItem } from "../../events/outbox.ts";

/** What {@link WebhookDestination} needs to know. */
export interface WebhookOptions {
  /** Without user name and password. */
  readonly url: URL;
  /** `user:password` for HTTP Basic. */
  readonly credentials: Secret | undefined;
  /** Signs every request. */
  readonly secret: Secret | undefined;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly timeoutMs: number;
  readonly maxRedirects: number;
  readonly allowPrivateRedirects: boolean;
  readonly ca: string | undefined;
  readonly clock: Clock;
}

/** Answers that a gateway gives for a receiver that is down, or that ask to come back later: tried until too old. */
const COME_BACK = new Set([408, 425, 429, 502, 503, 504]);
/** 303 asks for a GET of something else (RFC 9110 §15.4.4): not followed. */
const REDIRECTS = new Set([301, 302, 307, 308]);

/** One event, one signed POST. */
export class WebhookDestination implements Destination {
  readonly batchSize = 1;
  readonly #options: WebhookOptions;
  /** For the configured host; redirects get connections of their own. */
  readonly #agent: Agent;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#agent = new (options.url.protocol === "https:" ? TlsAgent : Agent)({ keepAlive: true, maxSockets: 1 });
  }

  connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return Promise.resolve();
  }

  async send([item]: readonly OutboxItem[], signal: AbortSignal): Promise<void> {
    if (item !== undefined) {
      check(await this.#follow(item, signal), this.#options.clock.now());
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    return Promise.resolve();
  }

  async #follow(item: OutboxItem, signal: AbortSignal): Promise<PostAnswer> {
    const { timeoutMs, maxRedirects, allowPrivateRedirects, ca } = this.#options;
    let url = this.#options.url;
    for (let redirects = 0; ; redirects++) {
      const headers = this.#headers(item, url.origin === this.#options.url.origin);
      const answer = await this.#post(url, { headers, body: item.body, timeoutMs, ca, publicOnly: redirects > 0 && !allowPrivateRedirects, agent: redirects > 0 ? undefined : this.#agent }, signal);
      if (!REDIRECTS.has(answer.status) || answer.location === undefined) {
        return answer;
      }
      if (redirects >= maxRedirects) {
        throw new DeliveryFailure("refused", `more than ${maxRedirects} redirects`);
      }
      url = target(answer.location, url);
    }
  }

  async #post(url: URL, options: Parameters<typeof post>[1], signal: AbortSignal): Promise<PostAnswer> {
    try {
      return await post(url, options, signal);
    } catch (error) {
      if (error instanceof PrivateAddressError) {
        throw new DeliveryFailure("refused", `redirected to a private address (${error.message}); allowPrivateRedirects permits that`, { cause: error });
      }
      throw error;
    }
  }

  #headers(item: OutboxItem, isOwnOrigin: boolean): Record<string, string> {
    const { credentials, secret, headers, clock } = this.#options;
    return {
      // Names of other headers come from the configuration; ours win.
      ...(isOwnOrigin ? Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.reveal()])) : {}),
      ...(isOwnOrigin && credentials !== undefined ? { authorization: `Basic ${Buffer.from(credentials.reveal()).toString("base64")}` } : {}),
      "content-type": CLOUD_EVENT_TYPE,
      "user-agent": "vedette",
      ...signatureHeaders(item.id, Math.floor(clock.now() / 1000), item.body, secret),
    };
  }
}

function target(location: string, from: URL): URL {
  const url = URL.parse(location, from.href);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new DeliveryFailure("refused", `redirected to ${JSON.stringify(location.slice(0, 100))}, which is no web address`);
  }
  if (from.protocol === "https:" && url.protocol === "http:") {
    throw new DeliveryFailure("refused", "redirected from https to http");
  }
  url.username = "";
  url.password = "";
  return url;
}

function check({ status, retryAfter, text }: PostAnswer, nowMs: number): void {
  if (status >= 200 && status < 300) {
    return;
  }
  const said = text.trim().replaceAll(/\s+/g, " ").slice(0, 120);
  const reason = `answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (COME_BACK.has(status)) {
    throw new DeliveryFailure("unreachable", reason, { retryAfterMs: parseRetryAfter(retryAfter, nowMs) });
  }
  // 401, 403 and 404 are mended by people within minutes; the rest of 4xx says that this very event is wrong.
  const isForGood = status >= 400 && status < 500 && ![401, 403, 404, 407].includes(status);
  throw new DeliveryFailure(isForGood ? "rejected" : "refused", reason);
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function parseRetryAfter(value: string | undefined, nowMs: number): number {
  if (value === undefined) {
    return 0;
  }
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
