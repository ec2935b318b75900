import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { bodyOf, clientSignal } from "./http-app.ts";
import type { ModelRegistry } from "./model-registry.ts";
import type { PictureReader } from "./picture-reader.ts";
import { predict } from "./predictions.ts";
import { RequestError } from "./request-error.ts";

type PredictionRequest = FastifyRequest<{ Params: { readonly name: string; readonly version?: string } }>;

/** TorchServe's inference interface: `/ping`, `/predictions`, SageMaker's `/invocations`, and the legacy path. */
export function registerTorchServeHttp(app: FastifyInstance, registry: ModelRegistry, pictures: PictureReader): void {
  const answer = async (request: PredictionRequest, reply: FastifyReply, name: string): Promise<FastifyReply> => {
    const signal = clientSignal(reply);
    const version = request.params.version ?? "";
    const body = await torchServeErrors(name, () =>
      registry.use(name, version, (served) => predict(served, bodyOf(request), request.headers["content-type"] ?? "", pictures, signal)),
    );
    return withHeaders(reply).type("application/json").send(body);
  };
  app.get("/ping", (_request, reply) => {
    const isHealthy = registry.index().every(({ state }) => state === "READY");
    return withHeaders(reply).status(isHealthy ? 200 : 500).type("application/json").send(pretty({ status: isHealthy ? "Healthy" : "Unhealthy" }));
  });
  app.post("/predictions/:name", (request: PredictionRequest, reply) => answer(request, reply, request.params.name));
  app.post("/predictions/:name/:version", (request: PredictionRequest, reply) => answer(request, reply, request.params.name));
  app.post("/models/:name/invoke", (request: PredictionRequest, reply) => answer(request, reply, request.params.name));
  app.post("/invocations", (request: PredictionRequest, reply) => {
    const names = [...new Set(registry.index().map(({ name }) => name))];
    const [only] = names;
    if (names.length !== 1 || only === undefined) {
      throw new RequestError("invalid", `expected one model to be served, there are ${names.length}: name it as /predictions/NAME`);
    }
    return answer(request, reply, only);
  });
}

/** TorchServe's management answers: indented JSON and a newline. */
export function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** TorchServe's words for what the registry says. */
export async function torchServeErrors<T>(name: string, run: () => Promise<T> | T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RequestError && error.kind === "not_found" && error.message.startsWith("Request for unknown model")) {
      const [, version] = / version (\S+) is not found/.exec(error.message) ?? [];
      throw new RequestError("not_found", version === undefined ? `Model not found: ${name}` : `Model version: ${version} does not exist for model: ${name}`, { cause: error });
    }
    throw error;
  }
}

/** The type of an error body, from what happened. */
export function torchServeErrorType(error: RequestError): string | undefined {
  if (error.message.startsWith("Model not found")) {
    return "ModelNotFoundException";
  }
  return error.message.startsWith("Model version") ? "ModelVersionNotFoundException" : undefined;
}

function withHeaders(reply: FastifyReply): FastifyReply {
  return reply.headers({
    "x-request-id": randomUUID(),
    pragma: "no-cache",
    "cache-control": "no-cache; no-store, must-revalidate, private",
    expires: "Thu, 01 Jan 1970 00:00:00 UTC",
  });
}
