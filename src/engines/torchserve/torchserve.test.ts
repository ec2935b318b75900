import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, suite, test, type TestContext } from "node:test";
import type { Engine } from "../../contracts/engine.ts";
import { badRequest, kindContext, needsGrpcPeers, startModelServers, sumInterpreter, sumModel, sumRequest } from "../../../test/support/model-servers.ts";
import { engineContract } from "../engine.contract.ts";
import { loadCredentials, remoteFields } from "../remote-config.ts";
import { HttpServer } from "../remote-http.ts";
import { z } from "zod";
import { torchserveEngine } from "./index.ts";
import { ManagementClient } from "./management-client.ts";

const never = new AbortController().signal;

async function open(address: string, name: string, options: object = {}, signal = never): Promise<Engine> {
  const config = torchserveEngine.schema.parse({ ...torchserveEngine.fromAddress(address), ...options });
  const model = { ...sumModel(name), labels: ["label"] };
  return torchserveEngine.open(config, model, sumInterpreter(model), kindContext, signal);
}

let port = 0;
let stop: () => Promise<void> = () => Promise.resolve();
before(async () => {
  if (needsGrpcPeers.skip === false) {
    ({ port, stop } = await startModelServers());
  }
});
after(() => stop());

/** TorchServe's REST interface, strict about every field; the model's name says what its handler does. */
async function startTorchServe(): Promise<number> {
  const registered: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(request, response, Buffer.concat(chunks), registered));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/* eslint complexity: off -- the paths are a list */
function answer(request: IncomingMessage, response: ServerResponse, body: Buffer, registered: string[]): void {
  const url = new URL(request.url!, "http://x");
  const say = (status: number, value: unknown, headers = {}): void => void response.writeHead(status, headers).end(`${JSON.stringify(value, null, 2)}\n`);
  if (url.pathname === "/ping") {
    say(200, { status: "Healthy" });
    return;
  }
  if (url.pathname === "/models" && request.method === "POST") {
    assert.deepEqual(Object.fromEntries(url.searchParams), { url: "r.mar", model_name: "r", batch_size: "4", max_batch_delay: "50", initial_workers: "1", synchronous: "true" });
    registered.push("r");
    say(200, { status: 'Model "r" Version: 1.0 registered with 1 initial workers' });
    return;
  }
  if (url.pathname === "/models") {
    const from = Number(url.searchParams.get("next_page_token") ?? 0);
    say(200, from === 0 ? { nextPageToken: "1", models: [{ modelName: "a", modelUrl: "a.mar" }] } : { models: registered.map((modelName) => ({ modelName })) });
    return;
  }
  if (url.pathname === "/models/r") {
    const isDescribe = request.method === "GET";
    say(isDescribe ? 200 : 202, isDescribe ? [{ modelName: "r", minWorkers: 2 }] : { status: request.method === "PUT" ? "Processing worker updates..." : 'Model "r" unregistered' });
    return;
  }
  const [, name, version] = /^\/predictions\/([^/]+)(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
  if (name === "absent" || url.pathname === "/models/absent") {
    say(404, { code: 404, type: "ModelNotFoundException", message: "Model not found: absent" });
    return;
  }
  if (name === "no-worker") {
    say(503, { code: 503, type: "ServiceUnavailableException", message: 'Model "no-worker" has no worker to serve inference request.' }, { "retry-after": "1" });
    return;
  }
  assert.equal(version, undefined);
  if (request.headers["content-type"] === "application/json") {
    assert.equal(request.headers.accept, "text/plain");
    const batch = JSON.parse(body.toString()) as Record<string, string>;
    assert.deepEqual(Object.keys(batch), Object.keys(batch).map((_, i) => String(i)));
    const rows = Object.values(batch).map((value) => ({ label: Buffer.from(value, "base64").at(-1)! / 255 }));
    say(200, name === "one-short" ? rows.slice(1) : rows);
    return;
  }
  assert.equal(request.headers["content-type"], "image/jpeg");
  assert.equal(body.subarray(0, 2).toString("hex"), "ffd8");
  if (name === "detector") {
    say(200, [{ person: [1, 2, 3, 4], score: 0.75 }]);
    return;
  }
  if (name === "text") {
    return void response.end("three cats");
  }
  say(200, { label: body.at(-1)! / 255 });
}

const rest = startTorchServe();
const http = async (): Promise<string> => `torchserve+http://127.0.0.1:${await rest}`;

engineContract({ name: "torchserve+http, one frame a request", open: async (signal) => open(await http(), "resnet-18", {}, signal), request: (n) => sumRequest(n), badRequest });
engineContract({ name: "torchserve+http, client batches", open: async (signal) => open(await http(), "resnet-18", { clientBatch: 4 }, signal), request: (n) => sumRequest(n), badRequest });
engineContract({ name: "torchserve+grpc against grpcio", open: (signal) => open(`torchserve+grpc://127.0.0.1:${port}`, "resnet-18", { clientBatch: 2 }, signal), request: (n) => sumRequest(n), badRequest, skip: needsGrpcPeers.skip });

suite("torchserve", () => {
  const opened = async (t: TestContext, name: string, options: object = {}): Promise<Engine> => {
    const engine = await open(await http(), name, options);
    t.after(() => engine[Symbol.asyncDispose]());
    return engine;
  };

  test("answers become classes, detections, or data as it came", async (t) => {
    const finding = async (name: string): Promise<unknown> => (await (await opened(t, name)).infer([sumRequest(51)], never))[0]!.finding;
    assert.deepEqual(await finding("resnet-18"), { classes: [{ label: "label", classId: 0, score: 0.2 }] });
    assert.deepEqual(await finding("detector"), { detections: [{ label: "person", classId: -1, score: 0.75, box: [1, 2, 3, 4] }] });
    assert.deepEqual(await finding("text"), { data: "three cats" });
  });

  test("a missing model, no workers and short answers fail the frame with the server's words", async (t) => {
    await assert.rejects((await opened(t, "absent")).infer([sumRequest(1)], never), { code: "E_ENGINE_FAILED", message: /HTTP 404: Model not found: absent/ });
    await assert.rejects((await opened(t, "no-worker")).infer([sumRequest(1)], never), { code: "E_ENGINE_BUSY", message: /no worker to serve/ });
    const batches = await opened(t, "one-short", { clientBatch: 2 });
    await assert.rejects(batches.infer([sumRequest(1), sumRequest(2)], never), { code: "E_ENGINE_FAILED", message: /expected a list of 2, one for each picture, got a list of 1/ });
  });

  test("the management interface registers, scales, describes, lists and removes", async (t) => {
    const config = z.object(remoteFields).parse({ addresses: ["x:1"], transport: "http" });
    const server = new HttpServer("torchserve", `127.0.0.1:${await rest}`, await loadCredentials("torchserve", config, "."), "none");
    const management = new ManagementClient(server);
    t.after(() => management[Symbol.asyncDispose]());
    assert.equal(await management.register({ url: "r.mar", modelName: "r", batchSize: 4, maxBatchDelayMs: 50, initialWorkers: 1, synchronous: true }, never), 'Model "r" Version: 1.0 registered with 1 initial workers');
    assert.deepEqual(await management.list(never), ["a", "r"]);
    assert.equal(await management.scale("r", { min: 2 }, never), "Processing worker updates...");
    assert.deepEqual(await management.describe("r", "", never), [{ modelName: "r", minWorkers: 2 }]);
    assert.equal(await management.unregister("r", never), 'Model "r" unregistered');
    await assert.rejects(management.describe("absent", "", never), { message: /Model not found: absent/ });
  });
});
