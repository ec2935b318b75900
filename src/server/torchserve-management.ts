import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelRegistry, ModelSource } from "./model-registry.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel, ServingLimits } from "./served-model.ts";

/** How a model is registered, as TorchServe names it. */
export interface RegisterRequest {
  readonly url: string;
  readonly modelName: string;
  readonly initialWorkers: number;
  /** Most requests computed together; 0 or left out: the server's limit. */
  readonly batchSize?: number;
  /** Milliseconds that the first of them waits for others; left out: the server's. */
  readonly maxBatchDelay?: number;
  /** Seconds that a request may take; 0 or left out: the server's limit. */
  readonly responseTimeout?: number;
}

/**
 * What TorchServe's management interface does, for REST and gRPC alike. Archives come from the model store alone: the
 * request names a file in it, never a path or an address.
 */
export class TorchServeManagement {
  readonly #registry: ModelRegistry;
  readonly #modelStore: string | undefined;
  readonly #examine: (path: string) => Promise<{ readonly name: string; readonly version: string }>;

  /** `examine` tells an archive's or file's own name and version. */
  constructor(registry: ModelRegistry, modelStore: string | undefined, examine: (path: string) => Promise<{ name: string; version: string }>) {
    this.#registry = registry;
    this.#modelStore = modelStore;
    this.#examine = examine;
  }

  /** Registers a model; with workers it is loaded at once. Returns the status line. */
  async register(request: RegisterRequest, signal: AbortSignal): Promise<string> {
    if (this.#modelStore === undefined) {
      throw new RequestError("forbidden", "no model store: start the server with one to register models");
    }
    if (!/^[\w][\w.-]*$/.test(request.url)) {
      throw new RequestError("invalid", "expected the name of a file in the model store, got a path or an address");
    }
    const path = join(this.#modelStore, request.url);
    if (!(await stat(path).then((found) => found.isFile(), () => false))) {
      throw new RequestError("not_found", `Model archive file not found: ${request.url}`);
    }
    const own = await this.#examine(path);
    const name = request.modelName === "" ? own.name : request.modelName;
    if (this.#registry.versions(name).includes(own.version)) {
      throw new RequestError("conflict", `Model version ${own.version} is already registered for model ${name}`);
    }
    this.#registry.add({ name, version: own.version, path, workers: request.initialWorkers, limits: limitsOf(request) });
    const status = `Model "${name}" Version: ${own.version} registered with ${request.initialWorkers} initial workers`;
    if (request.initialWorkers === 0) {
      return `${status}. Use scale workers API to add workers for the model.`;
    }
    try {
      await this.#registry.load(name, signal);
    } catch (error) {
      this.#registry.remove(name, own.version);
      throw error;
    }
    return status;
  }

  /** Gives a model this many copies of its network; 0 unloads it. Returns the status line. */
  async scale(name: string, version: string, minWorkers: number, maxWorkers: number, signal: AbortSignal): Promise<string> {
    if (maxWorkers < minWorkers) {
      throw new RequestError("invalid", "max_worker cannot be less than min_worker.");
    }
    const sources = this.#sources(name, version);
    for (const source of sources) {
      if (minWorkers === 0) {
        this.#registry.unload(name, source.version);
      } else {
        this.#registry.add({ ...source, workers: minWorkers });
      }
    }
    if (minWorkers > 0) {
      await this.#registry.load(name, signal);
    }
    return `Workers scaled to ${minWorkers} for model: ${name}${version === "" ? "" : `, version: ${version}`}`;
  }

  /** A page of models. `limit` is 1 to 1000; the token says where the next page begins. */
  list(limit: number, token: number): { readonly nextPageToken?: string; readonly models: readonly { modelName: string; modelUrl: string }[] } {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000 || !Number.isInteger(token) || token < 0) {
      throw new RequestError("invalid", `expected limit 1 to 1000 and next_page_token 0 or more, got ${limit} and ${token}`);
    }
    const names = [...new Set(this.#registry.index().map(({ name }) => name))].sort();
    const models = names.slice(token, token + limit).map((modelName) => ({ modelName, modelUrl: this.#urlOf(modelName) }));
    return token + limit < names.length ? { nextPageToken: String(token + limit), models } : { models };
  }

  /** Everything about the default version, one version, or `all`. */
  describe(name: string, version: string): readonly Record<string, unknown>[] {
    const wanted = version === "" ? (this.#registry.defaultVersion(name) ?? "") : version;
    const sources = this.#sources(name, wanted === "all" ? "" : wanted);
    return sources.map((source) => {
      const served = this.#registry.served().find((model) => model.name === name && model.version === source.version);
      return { modelName: name, modelVersion: source.version, modelUrl: this.#urlOf(name), engine: "ONNX", runtime: "vedette", ...describeServed(served) };
    });
  }

  /** Makes a version the default one; returns the status line. */
  setDefault(name: string, version: string): string {
    this.#registry.setDefault(name, version);
    return `Default version successfully updated for model "${name}" to "${version}"`;
  }

  /** Removes a model or a version; requests under way are finished. Returns the status line. */
  unregister(name: string, version: string): string {
    this.#registry.remove(name, version === "" ? undefined : version);
    return `Model "${name}" unregistered`;
  }

  #sources(name: string, version: string): readonly ModelSource[] {
    const entries = this.#registry.index().filter((entry) => entry.name === name && (version === "" || entry.version === version));
    if (entries.length === 0) {
      throw new RequestError("not_found", this.#registry.versions(name).length === 0 ? `Model not found: ${name}` : `Model version: ${version} does not exist for model: ${name}`);
    }
    return entries.map(({ source }) => source);
  }

  /** The file's name alone: where it lies is nobody's business. */
  #urlOf(name: string): string {
    const path = this.#registry.index().find((entry) => entry.name === name)?.source.path ?? "";
    return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  }
}

/** What the request says about batches and time. gRPC cannot leave a number out: 0 stands for that where it makes no sense. */
function limitsOf({ batchSize = 0, maxBatchDelay, responseTimeout = 0 }: RegisterRequest): Partial<ServingLimits> {
  if (batchSize > 1024 || (maxBatchDelay ?? 0) > 600_000 || responseTimeout > 86_400) {
    throw new RequestError("invalid", `expected batch_size up to 1024, max_batch_delay up to 600000 ms and response_timeout up to 86400 s, got ${batchSize}, ${maxBatchDelay ?? 0} and ${responseTimeout}`);
  }
  return {
    ...(batchSize > 0 ? { maxBatch: batchSize } : {}),
    ...(maxBatchDelay !== undefined ? { maxBatchDelayMs: maxBatchDelay } : {}),
    ...(responseTimeout > 0 ? { timeoutMs: responseTimeout * 1000 } : {}),
  };
}

function describeServed(served: ServedModel | undefined): Record<string, unknown> {
  const workers = served?.workers ?? 0;
  const { waiting = 0 } = served?.stats ?? {};
  return {
    minWorkers: workers,
    maxWorkers: workers,
    batchSize: served?.limits.maxBatch ?? 1,
    maxBatchDelay: served?.limits.maxBatchDelayMs ?? 0,
    responseTimeout: Math.round((served?.limits.timeoutMs ?? 0) / 1000),
    loadedAtStartup: true,
    workers: Array.from({ length: workers }, (_, i) => ({ id: String(9000 + i), startTime: served?.loadedAt.toISOString(), status: "READY", memoryUsage: 0, pid: process.pid, gpu: false, gpuUsage: "N/A" })),
    jobQueueStatus: { remainingCapacity: (served?.limits.queueSize ?? 0) - waiting, pendingRequests: waiting },
  };
}
