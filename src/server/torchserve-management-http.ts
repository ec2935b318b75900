import type { FastifyInstance, FastifyRequest } from "fastify";
import { clientSignal } from "./http-app.ts";
import { RequestError } from "./request-error.ts";
import { pretty } from "./torchserve-http.ts";
import type { TorchServeManagement } from "./torchserve-management.ts";

type ManagedRequest = FastifyRequest<{ Params: { readonly name: string; readonly version?: string }; Querystring: Readonly<Record<string, string | string[] | undefined>> }>;

/** TorchServe's management interface over REST. */
export function registerTorchServeManagement(app: FastifyInstance, management: TorchServeManagement): void {
  app.post("/models", async (request: ManagedRequest, reply) => {
    const url = text(request, "url");
    if (url === "") {
      throw new RequestError("invalid", "Parameter url is required.");
    }
    const delay = text(request, "max_batch_delay");
    const registration = {
      url,
      modelName: text(request, "model_name"),
      initialWorkers: number(request, "initial_workers", 0),
      batchSize: number(request, "batch_size", 0),
      responseTimeout: number(request, "response_timeout", 0),
      ...(delay === "" ? {} : { maxBatchDelay: number(request, "max_batch_delay", 0) }),
    };
    const status = await management.register(registration, clientSignal(reply));
    return reply.type("application/json").send(pretty({ status }));
  });
  app.get("/models", (request: ManagedRequest, reply) => reply.type("application/json").send(pretty(management.list(number(request, "limit", 100), number(request, "next_page_token", 0)))));
  for (const path of ["/models/:name", "/models/:name/:version"]) {
    app.get(path, (request: ManagedRequest, reply) => reply.type("application/json").send(pretty(management.describe(request.params.name, request.params.version ?? ""))));
    app.put(path, async (request: ManagedRequest, reply) => {
      const minWorkers = number(request, "min_worker", 1);
      const maxWorkers = number(request, "max_worker", minWorkers);
      const scaled = management.scale(request.params.name, request.params.version ?? "", minWorkers, maxWorkers, new AbortController().signal);
      if (text(request, "synchronous") === "true") {
        return reply.type("application/json").send(pretty({ status: await scaled }));
      }
      // What cannot begin is told at once; how it ends shows in the description.
      await Promise.race([scaled, new Promise((resolve) => setImmediate(resolve))]);
      scaled.catch(() => undefined);
      return reply.status(202).type("application/json").send(pretty({ status: "Processing worker updates..." }));
    });
    app.delete(path, (request: ManagedRequest, reply) => reply.type("application/json").send(pretty({ status: management.unregister(request.params.name, request.params.version ?? "") })));
  }
  app.put("/models/:name/:version/set-default", (request: ManagedRequest, reply) =>
    reply.type("application/json").send(pretty({ status: management.setDefault(request.params.name, request.params.version ?? "") })),
  );
}

function text(request: ManagedRequest, key: string): string {
  const value = request.query[key];
  return typeof value === "string" ? value : "";
}

function number(request: ManagedRequest, key: string, otherwise: number): number {
  const value = text(request, key);
  if (value === "") {
    return otherwise;
  }
  if (!/^\d{1,6}$/.test(value)) {
    throw new RequestError("invalid", `expected ${key} to be a number, got ${JSON.stringify(value.slice(0, 40))}`);
  }
  return Number(value);
}
