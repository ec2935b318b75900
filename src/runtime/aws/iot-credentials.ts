import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { VedetteError } from "../../errors.ts";
import type { AwsCredentials, CredentialsProvider } from "./credentials.ts";

/** A device that proves who it is by a certificate instead of keys. */
export interface IotIdentity {
  /** `https://ID.credentials.iot.REGION.amazonaws.com`, or only its host. */
  readonly endpoint: string;
  readonly roleAlias: string;
  readonly thingName: string;
  /** PEM files. */
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
}

/** Credentials are asked for anew this long before they expire. */
const EARLY_MS = 5 * 60_000;
const TIMEOUT_MS = 10_000;
const MAX_BODY_BYTES = 64 * 1024;

/**
 * The identity that the environment names, by the variables of the service's device samples; undefined when it names none.
 * https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html
 */
export function iotIdentityFromEnv(env: NodeJS.ProcessEnv): IotIdentity | undefined {
  const endpoint = env["AWS_IOT_CORE_CREDENTIAL_ENDPOINT"];
  const certificateFile = env["AWS_IOT_CORE_CERT"];
  const keyFile = env["AWS_IOT_CORE_PRIVATE_KEY"];
  const roleAlias = env["AWS_IOT_CORE_ROLE_ALIAS"];
  const thingName = env["AWS_IOT_CORE_THING_NAME"];
  if (endpoint === undefined || certificateFile === undefined || keyFile === undefined || roleAlias === undefined || thingName === undefined) {
    return undefined;
  }
  return { endpoint, certificateFile, keyFile, roleAlias, thingName, caFile: env["AWS_KVS_CACERT_PATH"] };
}

/** Temporary credentials of the AWS IoT credential provider, for a certificate (mutual TLS). Kept until shortly before they expire. */
export function iotCredentials(identity: IotIdentity, what: string, now: () => number): CredentialsProvider {
  let kept: AwsCredentials | undefined;
  return async (options) => {
    const isFresh = kept !== undefined && (kept.expiration === undefined || kept.expiration.getTime() - now() > EARLY_MS);
    if (kept === undefined || !isFresh || options?.forceRefresh === true) {
      try {
        kept = await ask(identity);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new VedetteError("E_KVS_CREDENTIALS", { stream: what, tried: `AWS IoT credential provider ${identity.endpoint}: ${reason}` }, { cause: error });
      }
    }
    return kept;
  };
}

async function ask(identity: IotIdentity): Promise<AwsCredentials> {
  const [cert, key, ca] = await Promise.all([
    readFile(identity.certificateFile),
    readFile(identity.keyFile),
    identity.caFile === undefined ? undefined : readFile(identity.caFile),
  ]);
  const base = /^https:\/\//.test(identity.endpoint) ? identity.endpoint : `https://${identity.endpoint}`;
  const url = new URL(`/role-aliases/${encodeURIComponent(identity.roleAlias)}/credentials`, base);
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const call = request(
      url,
      { cert, key, ...(ca === undefined ? {} : { ca }), headers: { "x-amzn-iot-thingname": identity.thingName }, timeout: TIMEOUT_MS, agent: false },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          body += part;
          if (body.length > MAX_BODY_BYTES) {
            call.destroy(new Error("the answer is too long"));
          }
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: body }));
        response.on("error", reject);
      },
    );
    call.on("timeout", () => call.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    call.on("error", reject);
    call.end();
  });
  if (status !== 200) {
    throw new Error(`it answered ${status} ${text.slice(0, 200)}`);
  }
  return parseCredentials(text);
}

function parseCredentials(text: string): AwsCredentials {
  const { credentials } = JSON.parse(text) as { credentials?: Partial<Record<string, string>> };
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials ?? {};
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined) {
    throw new Error("its answer holds no credentials");
  }
  return { accessKeyId, secretAccessKey, sessionToken, ...(expiration === undefined ? {} : { expiration: new Date(expiration) }) };
}
