import type { FastifyInstance } from "fastify";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { Secret } from "../domain/secret.ts";
import { VedetteError } from "../errors.ts";
import { encodeError } from "../protocols/torchserve/bodies.ts";
import { checkExposure, parseListen } from "./access.ts";
import { ffmpegPictures } from "./decode-picture.ts";
import { GrpcApp, type GrpcTls } from "./grpc-app.ts";
import { createHttpApp } from "./http-app.ts";
import { modelMetrics } from "./model-metrics.ts";
import { ModelRegistry, type ModelSource } from "./model-registry.ts";
import { addOipGrpc } from "./oip-grpc.ts";
import { registerOipHttp } from "./oip-http.ts";
import { examineFile, onnxTensorEngines, openModel, type OpenTensorEngine } from "./open-model.ts";
import { PictureReader } from "./picture-reader.ts";
import type { RequestError } from "./request-error.ts";
import { DEFAULT_LIMITS, type ServingLimits } from "./served-model.ts";
import { registerTfServingHttp } from "./tfserving-http.ts";
import { addTfServingGrpc } from "./tfserving-service.ts";
import { addTorchServeInference, addTorchServeManagement } from "./torchserve-grpc.ts";
import { registerTorchServeHttp, torchServeErrorType } from "./torchserve-http.ts";
import type { TorchServeListeners } from "./torchserve-listeners.ts";
import { TorchServeManagement } from "./torchserve-management.ts";
import { registerTorchServeManagement } from "./torchserve-management-http.ts";

/** What a model server is made of. Addresses are `HOST:PORT`; a listener that is left out is not opened. */
export interface ModelServerOptions {
  readonly models: readonly ModelSource[];
  readonly http?: string;
  readonly grpc?: string;
  readonly torchserve?: TorchServeListeners;
  readonly tls?: GrpcTls;
  /** Folder that models may be registered from; without it none may. */
  readonly modelStore?: string;
  /** Bearer tokens; any of them is taken. Required on listeners beyond loopback unless {@link allowAnonymous}. */
  readonly tokens?: readonly Secret[];
  readonly allowAnonymous?: boolean;
  readonly limits?: Partial<ServingLimits>;
  /** Largest body or message; 64 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Largest picture in pixels; 64 million by default. */
  readonly maxPixels?: number;
  readonly drainMs?: number;
  readonly openEngine?: OpenTensorEngine;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A model server that runs. Disposing it lets requests under way finish, then closes listeners and models. */
export interface ModelServer extends AsyncDisposable {
  readonly registry: ModelRegistry;
  /** Ports by listener: `http`, `grpc`, `management`, `metrics`, `grpcInference`, `grpcManagement`. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Loads the models, opens the listeners. Throws coded errors; nothing runs on then. */
export async function createModelServer(options: ModelServerOptions, signal: AbortSignal): Promise<ModelServer> {
  const server = new Composition(options);
  try {
    await server.start(signal);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Adds the model server's paths to a listener: KServe v2, TensorFlow Serving and TorchServe. The application must hand
 * bodies over as buffers and tell errors by {@link formatModelError}, as {@link createHttpApp} does.
 */
export function registerModelRoutes(app: FastifyInstance, registry: ModelRegistry, pictures: PictureReader): void {
  registerOipHttp(app, registry);
  registerTfServingHttp(app, registry, pictures);
  registerTorchServeHttp(app, registry, pictures);
}

/** A failure in the words of the protocol that the path belongs to. */
export function formatModelError(path: string, error: RequestError): { readonly body: string; readonly contentType: string } {
  const isJsonError = path.startsWith("/v1/") || path.startsWith("/v2");
  const body = isJsonError ? JSON.stringify({ error: error.message }) : encodeError(error.httpStatus, error.message, torchServeErrorType(error));
  return { body, contentType: "application/json" };
}

class Composition implements ModelServer {
  readonly registry: ModelRegistry;
  readonly ports: Record<string, number> = {};
  readonly #options: ModelServerOptions;
  readonly #apps: FastifyInstance[] = [];
  readonly #grpcs: GrpcApp[] = [];
  readonly #decoder: ReturnType<typeof ffmpegPictures>;
  readonly #pictures: PictureReader;
  #disposal: Promise<void> | undefined;

  constructor(options: ModelServerOptions) {
    this.#options = options;
    const { clock, log, openEngine = onnxTensorEngines(clock) } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.registry = new ModelRegistry({ open: (source, signal) => openModel(source, { limits, clock, openEngine }, signal), log, drainMs: options.drainMs ?? 30_000 });
    this.#decoder = ffmpegPictures(log);
    this.#pictures = new PictureReader(this.#decoder, options.maxPixels ?? 64_000_000);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { models, http, grpc, torchserve } = this.#options;
    for (const source of models) {
      this.registry.add(source);
    }
    for (const name of new Set(models.map((source) => source.name))) {
      await this.registry.load(name, signal);
    }
    if (http !== undefined) {
      await this.#listenHttp("http", http, (app) => {
        registerModelRoutes(app, this.registry, this.#pictures);
        app.get("/metrics", (_request, reply) => reply.type("text/plain; version=0.0.4").send(modelMetrics(this.registry)));
      });
    }
    if (grpc !== undefined) {
      await this.#listenGrpc("grpc", grpc, (app) => {
        addOipGrpc(app, this.registry);
        addTfServingGrpc(app, this.registry, this.#pictures);
      });
    }
    if (torchserve !== undefined) {
      await this.#listenTorchServe(torchserve);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= (async () => {
      await Promise.all([...this.#apps.map((app) => app.close()), ...this.#grpcs.map((app) => app[Symbol.asyncDispose]())]);
      await this.registry[Symbol.asyncDispose]();
      await this.#decoder[Symbol.asyncDispose]();
    })();
    return this.#disposal;
  }

  async #listenTorchServe(listeners: TorchServeListeners): Promise<void> {
    const management = new TorchServeManagement(this.registry, this.#options.modelStore, examineFile);
    await this.#listenHttp("management", listeners.management, (app) => {
      registerTorchServeManagement(app, management);
    });
    await this.#listenHttp("metrics", listeners.metrics, (app) => {
      app.get("/metrics", (_request, reply) => reply.type("text/plain; version=0.0.4").send(modelMetrics(this.registry)));
    });
    await this.#listenGrpc("grpcInference", listeners.grpcInference, (app) => {
      addTorchServeInference(app, this.registry, this.#pictures);
      addOipGrpc(app, this.registry, "org.pytorch.serve.grpc.openinference.GRPCInferenceService");
    });
    await this.#listenGrpc("grpcManagement", listeners.grpcManagement, (app) => {
      addTorchServeManagement(app, management);
    });
  }

  async #listenHttp(name: string, address: string, register: (app: FastifyInstance) => void): Promise<void> {
    const { tokens = [], allowAnonymous = false, maxBodyBytes = MAX_BODY_BYTES, tls } = this.#options;
    checkExposure(address, tokens, allowAnonymous);
    const app = createHttpApp({ tokens, maxBodyBytes, formatError: formatModelError, tls });
    this.#apps.push(app);
    register(app);
    const { host, port } = parseListen(address);
    try {
      await app.listen({ host, port });
    } catch (error) {
      const isInUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      throw new VedetteError(isInUse ? "E_ADDRESS_IN_USE" : "E_ADDRESS_REFUSED", { address, reason: error instanceof Error ? error.message : String(error) }, { cause: error });
    }
    const [bound] = app.addresses();
    this.ports[name] = typeof bound === "object" ? bound.port : port;
  }

  async #listenGrpc(name: string, address: string, register: (app: GrpcApp) => void): Promise<void> {
    const { tokens = [], allowAnonymous = false, maxBodyBytes = MAX_BODY_BYTES, tls } = this.#options;
    checkExposure(address, tokens, allowAnonymous);
    const app = new GrpcApp(tokens, maxBodyBytes);
    this.#grpcs.push(app);
    register(app);
    this.ports[name] = await app.listen(address, tls);
  }
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;
