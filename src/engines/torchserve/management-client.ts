import { errorMessage } from "../../protocols/torchserve/bodies.ts";
import type { HttpServer } from "../remote-http.ts";

/** How a model is registered. Times in the units that TorchServe counts in. */
export interface RegisterOptions {
  /** Archive in the server's model store, or an address that the server may fetch from. */
  readonly url: string;
  readonly modelName?: string;
  readonly batchSize?: number;
  readonly maxBatchDelayMs?: number;
  readonly initialWorkers?: number;
  readonly responseTimeoutS?: number;
  readonly handler?: string;
  /** Waits until the workers run. */
  readonly synchronous?: boolean;
}

/** TorchServe's management interface: registers, scales, describes and removes models. Failures are coded errors. */
export class ManagementClient implements AsyncDisposable {
  readonly #server: HttpServer;

  /** Owns the server, which is the management address (8081 by default). */
  constructor(server: HttpServer) {
    this.#server = server;
  }

  /** Registers a model; returns the server's status line. */
  async register(options: RegisterOptions, signal: AbortSignal): Promise<string> {
    const query = {
      url: options.url,
      model_name: options.modelName,
      batch_size: options.batchSize,
      max_batch_delay: options.maxBatchDelayMs,
      initial_workers: options.initialWorkers,
      response_timeout: options.responseTimeoutS,
      handler: options.handler,
      synchronous: options.synchronous,
    };
    return statusOf(await this.#call("POST", "/models", query, signal));
  }

  /** Sets how many workers a model has; returns the server's status line. */
  async scale(model: string, workers: { readonly min: number; readonly max?: number; readonly synchronous?: boolean }, signal: AbortSignal): Promise<string> {
    const query = { min_worker: workers.min, max_worker: workers.max, synchronous: workers.synchronous };
    return statusOf(await this.#call("PUT", `/models/${encodeURIComponent(model)}`, query, signal));
  }

  /** What the server tells about a model: one entry for each version asked about. */
  async describe(model: string, version: string, signal: AbortSignal): Promise<unknown> {
    const path = `/models/${encodeURIComponent(model)}${version === "" ? "" : `/${encodeURIComponent(version)}`}`;
    return this.#call("GET", path, {}, signal);
  }

  /** Names of all registered models, page by page. */
  async list(signal: AbortSignal): Promise<readonly string[]> {
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#call("GET", "/models", { limit: 100, next_page_token: token }, signal);
      const { models, nextPageToken } = pageOf(page);
      names.push(...models);
      token = nextPageToken;
    } while (token !== undefined);
    return names;
  }

  /** Removes a model; returns the server's status line. */
  async unregister(model: string, signal: AbortSignal): Promise<string> {
    return statusOf(await this.#call("DELETE", `/models/${encodeURIComponent(model)}`, {}, signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  async #call(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    query: Readonly<Record<string, string | number | boolean | undefined>>,
    signal: AbortSignal,
  ): Promise<unknown> {
    const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)] as [string, string]]));
    const text = new URLSearchParams(given).toString();
    const reply = await this.#server.call({ method, path: text === "" ? path : `${path}?${text}` }, signal);
    const body = reply.body.toString();
    if (reply.status >= 300) {
      throw this.#server.failure(reply, errorMessage(body));
    }
    return JSON.parse(body) as unknown;
  }
}

function statusOf(answer: unknown): string {
  return typeof answer === "object" && answer !== null && "status" in answer ? String(answer.status) : JSON.stringify(answer);
}

function pageOf(answer: unknown): { readonly models: readonly string[]; readonly nextPageToken: string | undefined } {
  const page = typeof answer === "object" && answer !== null ? (answer as Readonly<Record<string, unknown>>) : {};
  const models: unknown = page["models"];
  const token = page["nextPageToken"];
  return {
    models: Array.isArray(models) ? models.map((model: unknown) => (typeof model === "object" && model !== null && "modelName" in model ? String(model.modelName) : "")) : [],
    nextPageToken: typeof token === "string" && token !== "" ? token : undefined,
  };
}
