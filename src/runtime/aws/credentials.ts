import { VedetteError } from "../../errors.ts";

/** AWS credentials. They are held in memory only, and never logged. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Left out: they do not expire. */
  readonly expiration?: Date;
}

/** Gives credentials that are valid now; `forceRefresh` when the ones given last were refused. Throws `E_KVS_CREDENTIALS`. */
export type CredentialsProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<AwsCredentials>;

/** What the links of the SDK's default chain look at, by the names under which they log. */
const LINKS: Readonly<Record<string, string>> = {
  fromEnv: "environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)",
  fromSSO: "SSO",
  fromIni: "profiles (~/.aws/credentials, ~/.aws/config)",
  fromProcess: "credential_process of the profile",
  fromTokenFile: "web identity (AWS_WEB_IDENTITY_TOKEN_FILE)",
  remoteProvider: "container or instance role",
};

/**
 * The SDK's default chain: environment, profile, SSO, process, web identity, container and instance roles. Nothing else
 * gives a secret key to Vedette. `what`: for people, what the credentials are for.
 */
export function defaultCredentials(what: string): CredentialsProvider {
  const tried = new Set<string>();
  const note = (line: unknown): void => {
    const link = /defaultProvider::(\w+)/.exec(String(line))?.[1];
    if (link !== undefined) {
      tried.add(LINKS[link] ?? link);
    }
  };
  const silent = (): void => undefined;
  let provider: ((options?: { forceRefresh?: boolean }) => Promise<AwsCredentials>) | undefined;
  return async (options) => {
    if (provider === undefined) {
      // Loaded when needed: other commands do not pay for the SDK.
      const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
      provider = defaultProvider({ logger: { debug: note, info: silent, warn: silent, error: silent, trace: silent }, timeout: 1000, maxRetries: 1 });
    }
    try {
      return await provider(options === undefined ? undefined : { ...options });
    } catch (error) {
      const reason = error instanceof Error && !error.message.startsWith("Could not load credentials from any") ? `: ${error.message}` : "";
      throw new VedetteError("E_KVS_CREDENTIALS", { stream: what, tried: `${[...tried].join(", ")}${reason}` }, { cause: error });
    }
  };
}
