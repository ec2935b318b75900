import type { KindContext } from "../../contracts/kinds.ts";
import type { Source, SourceSession } from "../../contracts/source.ts";
import { VedetteError } from "../../errors.ts";
import type { OnvifProfile } from "../../protocols/onvif/services.ts";
import type { OnvifSourceConfig } from "./config.ts";
import { OnvifClient } from "./onvif-client.ts";

/** A profile of an ONVIF device: asks where its stream is, each time it connects, and opens that. */
export class OnvifSource implements Source {
  readonly name: string;
  readonly #config: OnvifSourceConfig;
  readonly #client: OnvifClient;
  readonly #sourceAt: NonNullable<KindContext["sourceAt"]>;

  constructor(config: OnvifSourceConfig, context: Pick<KindContext, "clock"> & { readonly sourceAt: NonNullable<KindContext["sourceAt"]> }) {
    this.#config = config;
    this.#client = clientOf(config, () => context.clock.now());
    this.name = `${this.#client.name}/${encodeURIComponent(config.profile)}`;
    this.#sourceAt = context.sourceAt;
  }

  async open(signal: AbortSignal): Promise<SourceSession> {
    const profile = this.#choose(await this.#client.profiles(signal));
    const uri = await this.#client.streamUri(profile.token, signal);
    const source = await this.#sourceAt(this.#withCredentials(uri));
    return source.open(signal);
  }

  #choose(profiles: readonly OnvifProfile[]): OnvifProfile {
    const { profile: asked } = this.#config;
    const wanted = asked.toLowerCase();
    const found =
      asked === ""
        ? profiles[0]
        : (profiles.find(({ token }) => token === asked) ?? profiles.find(({ name }) => name.toLowerCase() === wanted) ?? (/^\d{1,4}$/.test(asked) ? profiles[Number(asked) - 1] : undefined));
    if (found === undefined) {
      const offered = profiles.slice(0, 20).map(({ token, name }) => (token === name ? token : `${token} (${name})`));
      throw new VedetteError("E_SOURCE_NO_STREAM", { source: this.name, reason: `no profile ${JSON.stringify(asked)}, it has ${offered.join(", ")}` });
    }
    return found;
  }

  #withCredentials(uri: string): string {
    const { user, password, options } = this.#config;
    const who = user === undefined ? "" : `${encodeURIComponent(user)}${password === undefined ? "" : `:${encodeURIComponent(password.reveal())}`}@`;
    return `${uri.replace(/#.*$/s, "").replace(/^(\w+:\/\/)/, `$1${who.replace(/\$/g, "$$$$")}`)}${options === "" ? "" : `#${options}`}`;
  }
}

/** The client for what is configured. */
export function clientOf(config: OnvifSourceConfig, now: () => number): OnvifClient {
  const { host, port, tls, path, user, password, timeoutMs, rejectUnauthorized } = config;
  const credentials = user === undefined ? undefined : { user, password: password?.reveal() ?? "" };
  return new OnvifClient({ host, port: port ?? (tls ? 443 : 80), isTls: tls, path, credentials, timeoutMs, rejectUnauthorized }, now);
}
