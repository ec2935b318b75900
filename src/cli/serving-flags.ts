import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { usage } from "./report-error.ts";
import { Secret } from "../domain/secret.ts";
import { VedetteError } from "../errors.ts";
import { TORCHSERVE_LISTENERS } from "../server/torchserve-listeners.ts";
import type { ModelServerOptions } from "../server/model-server.ts";
import type { TorchServeListeners } from "../server/torchserve-listeners.ts";

/** The flags of `vedette serve` that make it a model server. */
export interface ServingFlags {
  readonly model: readonly string[];
  readonly allModels?: boolean;
  /** False: no such listener. */
  readonly http: string | false;
  readonly grpc: string | false;
  readonly torchserve?: string | boolean;
  readonly modelStore?: string;
  readonly tokenEnv?: string;
  readonly tokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly workers: number;
  readonly maxBatch: number;
  readonly maxBatchDelay: number;
  readonly queue: number;
  readonly requestTimeout: number;
  readonly maxBodyMb: number;
}

/** Adds the flags of {@link ServingFlags}. */
export function servingOptions(command: Command): Command {
  return command
    .option("-m, --model <name=file>", "serve this model: NAME=FILE or NAME:VERSION=FILE; an ONNX file, manifest, .mar archive or catalogue name (repeatable)", collect, [])
    .option("--all-models", "serve the models of the configuration file too")
    .option("--http <host:port>", "KServe, TensorFlow Serving and TorchServe over HTTP", "127.0.0.1:8080")
    .option("--no-http", "not over HTTP")
    .option("--grpc <host:port>", "KServe and TensorFlow Serving over gRPC", "127.0.0.1:9000")
    .option("--no-grpc", "not over gRPC")
    .option("--torchserve [host:ports]", "TorchServe's further listeners: management, metrics, gRPC inference, gRPC management (127.0.0.1:8081,8082,7070,7071)")
    .option("--model-store <folder>", "where TorchServe's management may register models from")
    .option("--token-env <name>", "environment variable with the bearer token that clients must show")
    .option("--token-file <file>", "file with such tokens, one a line")
    .option("--tls-cert <file>", "certificate of the listeners, PEM: they speak TLS then")
    .option("--tls-key <file>", "its key")
    .option("--tls-client-ca <file>", "certificates that clients' are checked against (mutual TLS)")
    .option("--workers <n>", "copies of each network; 0: as this machine's cores allow", Number, 0)
    .option("--max-batch <n>", "most requests computed together", Number, 16)
    .option("--max-batch-delay <ms>", "how long the first of them waits for others", Number, 0)
    .option("--queue <n>", "requests that may wait for a model; more are answered 503", Number, 100)
    .option("--request-timeout <ms>", "how long a request may take, waiting included", Number, 120_000)
    .option("--max-body-mb <n>", "largest request", Number, 64);
}

/** Models named on the command line: `NAME=FILE` or `NAME:VERSION=FILE`. Throws `E_USAGE`. */
export function parseServedModels(flags: Pick<ServingFlags, "model">): readonly { readonly name: string; readonly version: string; readonly file: string }[] {
  return flags.model.map((text) => {
    const [, name, version = "1", file] = /^([\w.-]+)(?::([\w.-]+))?=(.+)$/.exec(text) ?? [];
    if (name === undefined || file === undefined) {
      throw usage(`--model: expected NAME=FILE or NAME:VERSION=FILE, got ${JSON.stringify(text)}`);
    }
    return { name, version, file };
  });
}

/** What the flags say about listeners, tokens and limits. Throws `E_USAGE`, and `E_ENGINE_CREDENTIALS` for files that cannot be read. */
export async function listenersFromFlags(flags: ServingFlags): Promise<Omit<ModelServerOptions, "models" | "clock" | "log" | "allowAnonymous">> {
  atLeast(flags, "workers", 0);
  const limits = {
    queueSize: positive(flags, "queue"),
    maxBatch: positive(flags, "maxBatch"),
    maxBatchDelayMs: atLeast(flags, "maxBatchDelay", 0),
    timeoutMs: positive(flags, "requestTimeout"),
  };
  const tls = await tlsFromFlags(flags);
  return {
    limits,
    maxBodyBytes: positive(flags, "maxBodyMb") * 1024 * 1024,
    tokens: await tokensFromFlags(flags),
    ...(flags.http === false ? {} : { http: flags.http }),
    ...(flags.grpc === false ? {} : { grpc: flags.grpc }),
    ...(flags.torchserve === undefined || flags.torchserve === false ? {} : { torchserve: torchServeListeners(flags.torchserve) }),
    ...(flags.modelStore === undefined ? {} : { modelStore: resolve(flags.modelStore) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** `HOST:P1,P2,P3,P4` as TorchServe's further listeners. */
function torchServeListeners(text: string | true): TorchServeListeners {
  if (text === true) {
    return TORCHSERVE_LISTENERS;
  }
  const [, host, ports = ""] = /^(.+):([\d,]+)$/.exec(text) ?? [];
  const [management, metrics, grpcInference, grpcManagement, more] = ports.split(",").map((port) => `${host ?? ""}:${port}`);
  if (host === undefined || management === undefined || metrics === undefined || grpcInference === undefined || grpcManagement === undefined || more !== undefined) {
    throw usage(`--torchserve: expected HOST and four ports, 127.0.0.1:8081,8082,7070,7071, got ${JSON.stringify(text)}`);
  }
  return { management, metrics, grpcInference, grpcManagement };
}

async function tokensFromFlags({ tokenEnv, tokenFile }: ServingFlags): Promise<readonly Secret[]> {
  const fromEnv = tokenEnv === undefined ? [] : [process.env[tokenEnv] ?? ""];
  const fromFile = tokenFile === undefined ? [] : (await read(tokenFile)).toString("utf8").split("\n");
  const tokens = [...fromEnv, ...fromFile].map((token) => token.trim()).filter((token) => token !== "");
  if (tokens.length === 0 && (tokenEnv !== undefined || tokenFile !== undefined)) {
    // An empty token would let everybody in who was meant to stay out.
    throw new VedetteError("E_ENGINE_CREDENTIALS", { engine: "model server", reason: `${tokenFile ?? `the environment variable ${tokenEnv ?? ""}`} holds no token` });
  }
  return tokens.map((token) => new Secret(token));
}

async function tlsFromFlags({ tlsCert, tlsKey, tlsClientCa }: ServingFlags): Promise<ModelServerOptions["tls"]> {
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) {
    return undefined;
  }
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usage("--tls-cert and --tls-key go together");
  }
  const [cert, key] = await Promise.all([read(tlsCert), read(tlsKey)]);
  return { cert, key, ...(tlsClientCa === undefined ? {} : { ca: await read(tlsClientCa) }) };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new VedetteError("E_ENGINE_CREDENTIALS", { engine: "model server", reason: `${path} cannot be read` }, { cause: error });
  }
}

type NumberFlag = "workers" | "maxBatch" | "maxBatchDelay" | "queue" | "requestTimeout" | "maxBodyMb";

function positive(flags: ServingFlags, name: NumberFlag): number {
  return atLeast(flags, name, 1);
}

function atLeast(flags: ServingFlags, name: NumberFlag, least: number): number {
  const value = flags[name];
  if (!Number.isInteger(value) || value < least) {
    throw usage(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: expected a whole number of at least ${least}`);
  }
  return value;
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
