import type { Engine, EngineReply, EngineRequest } from "../../contracts/engine.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { InputSpec, Model } from "../../domain/model.ts";
import { VedetteError } from "../../errors.ts";
import { findingOf } from "../../protocols/torchserve/bodies.ts";
import { RemoteCalls } from "../remote-calls.ts";
import { loadCredentials, type RemoteConfig } from "../remote-config.ts";
import { GrpcServer } from "../remote-grpc.ts";
import { HttpServer } from "../remote-http.ts";
import { jpegsOf } from "../remote-tensors.ts";
import { grpcClient, httpClient, type TorchServeClient, type TorchServeModel } from "./torchserve-client.ts";

/** The kind's own configuration, as parsed. */
export interface TorchServeConfig extends RemoteConfig {
  readonly clientBatch: number;
  readonly jpegQuality: number;
}

/**
 * A model behind TorchServe. Frames go as JPEGs, one asynchronous request each, so that the server can batch them; with
 * `clientBatch` they go together. The handler's JSON becomes the finding: boxes are taken to be in source pixels.
 */
export class TorchServeEngine implements Engine {
  readonly description: string;
  readonly input: InputSpec;
  readonly parallelism: number;
  readonly batchSizes: readonly number[];
  readonly wantsJpeg: { readonly quality: number };
  readonly #config: TorchServeConfig;
  readonly #model: Model;
  readonly #served: TorchServeModel;
  readonly #calls: RemoteCalls<TorchServeClient>;

  private constructor(config: TorchServeConfig, model: Model, calls: RemoteCalls<TorchServeClient>) {
    this.#config = config;
    this.#model = model;
    this.#calls = calls;
    this.#served = { name: config.model ?? model.name, version: config.version };
    this.input = model.input;
    this.parallelism = config.executors;
    this.batchSizes = Array.from({ length: config.clientBatch }, (_, i) => i + 1);
    this.wantsJpeg = { quality: config.jpegQuality };
    const batching = config.clientBatch > 1 ? `client batches of ${config.clientBatch}` : "one frame a request";
    this.description = `torchserve+${config.transport}${config.tls ? "s" : ""}: ${config.addresses.join(",")}, model ${this.#served.name}, ${batching}`;
  }

  /** Asks whether the server is up. Its inference address does not tell about models; a missing one shows with the first frame. */
  static async open(config: TorchServeConfig, model: Model, context: KindContext, signal: AbortSignal): Promise<TorchServeEngine> {
    signal.throwIfAborted();
    const loaded = await loadCredentials("torchserve", config, context.baseDir);
    const clients = config.addresses.map((address) =>
      config.transport === "http"
        ? httpClient(new HttpServer("torchserve", address, loaded, config.compression))
        : grpcClient(new GrpcServer("torchserve", address, loaded, config.compression)),
    );
    const calls = new RemoteCalls<TorchServeClient>(clients, { engine: "torchserve", clock: context.clock, log: context.log, timeoutMs: config.timeoutMs, retryForMs: config.retryForMs });
    try {
      const health = await calls.call((client, callSignal) => client.ping(callSignal), signal);
      if (health !== "Healthy") {
        context.log.warn("TorchServe is not healthy", { health });
      }
      return new TorchServeEngine(config, model, calls);
    } catch (error) {
      await calls[Symbol.asyncDispose]();
      throw error;
    }
  }

  async infer(batch: readonly EngineRequest[], signal: AbortSignal): Promise<readonly EngineReply[]> {
    const jpegs = jpegsOf(batch, "torchserve");
    const startMs = performance.now();
    const answers = await this.#calls.call((client, callSignal) => this.#predict(client, jpegs, callSignal), signal);
    const inferMs = performance.now() - startMs;
    return answers.map((answer) => {
      const fromMs = performance.now();
      const finding = findingOf(answer, this.#model.labels, this.#model.threshold);
      return { finding, inferMs, interpretMs: performance.now() - fromMs };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls[Symbol.asyncDispose]();
  }

  async #predict(client: TorchServeClient, jpegs: readonly Uint8Array[], signal: AbortSignal): Promise<readonly unknown[]> {
    const [only] = jpegs;
    if (this.#config.clientBatch === 1 && jpegs.length === 1 && only !== undefined) {
      return [await client.predict(this.#served, only, signal)];
    }
    try {
      return await client.predictBatch(this.#served, jpegs, signal);
    } catch (error) {
      throw error instanceof VedetteError && error.code === "E_WIRE"
        ? new VedetteError("E_ENGINE_FAILED", { engine: `torchserve ${client.address}`, reason: error.message }, { cause: error })
        : error;
    }
  }
}
