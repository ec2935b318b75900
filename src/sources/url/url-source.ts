import type { Clock } from "../../contracts/clock.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import { VedetteError } from "../../errors.ts";
import { openMedia } from "../../media/index.ts";
import { redactUrl } from "../../runtime/redact.ts";
import { schemeOf } from "./schemes.ts";

/** What {@link UrlSource} needs to know. */
export interface UrlSourceOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** Undefined: live unless the stream has a known length. */
  readonly live: boolean | undefined;
  readonly clock: Clock;
}

/** Reads a stream from a URL. */
export class UrlSource implements Source {
  readonly name: string;
  readonly #options: UrlSourceOptions;

  constructor(options: UrlSourceOptions) {
    this.name = redactUrl(options.url);
    this.#options = options;
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    const { url, timeoutMs, live, clock } = this.#options;
    const scheme = schemeOf(url);
    if (scheme === undefined) {
      throw new VedetteError("E_SOURCE_SCHEME", { source: this.name, expected: "http(s)://, srt://, rtmp(s):// or udp://" });
    }
    return openMedia(url, {
      isLive: live ?? "unless-finite",
      protocols: scheme.protocols,
      formatOptions: Object.fromEntries(scheme.timeouts.map((option) => [option, String(option === "connect_timeout" ? timeoutMs : timeoutMs * 1000)])),
      signal,
      name: this.name,
      clock,
    });
  }
}
