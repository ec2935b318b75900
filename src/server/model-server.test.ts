import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { asset, needsAssets } from "../../test/support/assets.ts";
import { kindContext, needsGrpcPeers, sumInterpreter, sumModel } from "../../test/support/model-servers.ts";
import { kserveEngine } from "../engines/kserve/index.ts";
import { mediaTimeUs } from "../domain/time.ts";
import { Secret } from "../domain/secret.ts";
import { encodeClientBatch } from "../protocols/torchserve/bodies.ts";
import { systemClock } from "../runtime/clock.ts";
import { silentLogger } from "../runtime/log.ts";
import { createModelServer, type ModelServer, type ModelServerOptions } from "./model-server.ts";

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), "vedette-server-"));
after(() => rmSync(folder, { recursive: true }));

const LOOPBACK = "127.0.0.1:0";
const TORCHSERVE = { management: LOOPBACK, metrics: LOOPBACK, grpcInference: LOOPBACK, grpcManagement: LOOPBACK };

function start(options: Partial<ModelServerOptions> = {}): Promise<ModelServer> {
  const models = [
    { name: "mnist", version: "1", path: asset("models/mnist/mnist.onnx"), workers: 1 },
    { name: "mob", version: "1.0", path: asset("models/mobilenetv1-025/mobilenet_v1_025_224_fp32_dynbatch.onnx"), workers: 1 },
  ];
  return createModelServer({ models, http: LOOPBACK, grpc: LOOPBACK, torchserve: TORCHSERVE, clock: systemClock, log: silentLogger, ...options }, never);
}

const cat = (): Buffer => readFileSync(asset("media/photos/cat_720p.jpg"));
/** What a small network may take the cat for: index with background first, and name. */
const CATS: Readonly<Record<number, string>> = { 282: "tabby, tabby cat", 283: "tiger cat", 286: "Egyptian cat" };
const isCat = (label: unknown): boolean => Object.values(CATS).includes(String(label));

suite("model server", needsAssets, () => {
  let server: ModelServer;
  const store = join(folder, "store");
  before(async () => {
    mkdirSync(store);
    server = await start({ modelStore: store });
  });
  after(() => server[Symbol.asyncDispose]());

  const call = async (path: string, init: RequestInit = {}, listener = "http"): Promise<{ status: number; text: string; json: () => unknown; headers: Headers }> => {
    const response = await fetch(`http://127.0.0.1:${server.ports[listener]!}${path}`, init);
    const text = await response.text();
    return { status: response.status, text, json: () => JSON.parse(text) as unknown, headers: response.headers };
  };
  const manage = (method: string, path: string): ReturnType<typeof call> => call(path, { method }, "management");

  test("grpcio's clients of KServe, TensorFlow Serving and TorchServe are served", needsGrpcPeers, async () => {
    const ports = ["grpc", "grpcInference", "grpcManagement"].map((name) => String(server.ports[name]));
    const { stdout } = await promisify(execFile)("/usr/bin/python3", ["test/support/protocols/model_client.py", ...ports, asset("media/photos/cat_720p.jpg")], { timeout: 60_000 });
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    const zero = [-0.0449, 0.0078, 0.0681, 0.03, -0.1264, 0.1402, -0.0553, -0.0494, 0.0843, -0.0545];
    assert.deepEqual(seen["raw"], ["seven", "FP32", [1, 10], zero]);
    assert.deepEqual(seen["predict"], [1, zero]);
    const [binaryShape, ...classes] = seen["binary"] as [number[], number, number];
    assert.deepEqual([binaryShape, classes[1]], [[2, 1001], classes[0]]);
    const label = CATS[classes[0]];
    assert.ok(label !== undefined, `class ${classes[0]}`);
    const { raw: _raw, predict: _predict, binary: _binary, ...rest } = seen;
    assert.deepEqual(rest, {
      live: true, ready: true, modelReady: [true, false], server: "vedette",
      metadata: ["Input3", "FP32", [1, 1, 28, 28], [1, 10]],
      typedAgrees: true,
      stream: ["a", "bRequest for unknown model: 'nope' is not found", "c"],
      errors: [
        "NOT_FOUND: Request for unknown model: 'nope' is not found",
        "NOT_FOUND: Request for unknown model: 'mnist' version 9 is not found, there is 1",
        'INVALID_ARGUMENT: input "Input3": expected 784 bytes for int8 [1, 1, 28, 28], got 3136 bytes',
        'INVALID_ARGUMENT: input "Input3": expected 3136 bytes for float32 [1, 1, 28, 28], got 3135 bytes',
        "INVALID_ARGUMENT: Missing input with specific name - Required input: Input3",
        "INVALID_ARGUMENT: Invalid input shape - Expected: (1,1,28,28); Actual: (2,1,28,28); input name: Input3",
        "INVALID_ARGUMENT: inference.ModelInferRequest at byte 3: expected more bytes, got the end",
        "UNIMPLEMENTED: The server does not implement the method /inference.GRPCInferenceService/Absent",
      ],
      unloaded: ["UNAVAILABLE: Model 'mnist' version 1 is not ready: unloaded", ["mnist UNAVAILABLE", "mob READY"]],
      loaded: true,
      signature: [1, [-1, 224, 224, 3]],
      predictErrors: [
        "NOT_FOUND: Model with requested name is not found",
        "INVALID_ARGUMENT: Invalid precision - Expected: float32; Actual: int32; input name: Input3",
        "INVALID_ARGUMENT: Missing input with specific name - Required input: Input3",
        "INVALID_ARGUMENT: Image parsing failed: expected a JPEG or PNG, got 10 bytes of something else",
      ],
      status: [1, "AVAILABLE", "OK"],
      ping: { status: "Healthy" }, prediction: label, streamed: [label], sequence: ["1 0", "2 5"],
      torchErrors: ["NOT_FOUND: Model not found: nope", "INVALID_ARGUMENT: Image parsing failed: expected a JPEG or PNG, got 1 bytes of something else"],
      list: ["mnist", "mob"], describe: "1.0",
      manageErrors: ["NOT_FOUND: Model not found: nope", "INVALID_ARGUMENT: expected the name of a file in the model store, got a path or an address"],
    });
  });

  test("one Vedette is another's engine, over gRPC, streams and HTTP", async (t) => {
    const input = { ...sumModel("mnist").input, name: "Input3", width: 28, height: 28, layout: "NCHW" as const, color: "GRAY" as const };
    const model = sumModel("mnist", input);
    const geometry = { sourceWidth: 28, sourceHeight: 28, inputWidth: 28, inputHeight: 28, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
    const pixels = { data: new Uint8Array(784), width: 28, height: 28, channels: 1 as const, geometry };
    for (const [address, stream] of [[`kserve+grpc://127.0.0.1:${server.ports["grpc"]!}`, false], [`kserve+grpc://127.0.0.1:${server.ports["grpc"]!}`, true], [`kserve+http://127.0.0.1:${server.ports["http"]!}`, false]] as const) {
      const engine = await kserveEngine.open(kserveEngine.schema.parse({ ...kserveEngine.fromAddress(address), stream }), model, sumInterpreter(model), kindContext, never);
      t.after(() => engine[Symbol.asyncDispose]());
      const replies = await Promise.all(Array.from({ length: 8 }, () => engine.infer([{ pixels, ptsUs: mediaTimeUs(0) }], never)));
      const [first] = (replies[0]![0]!.finding.data as { first: number[] }).first;
      assert.equal(first!.toFixed(4), "-0.0449");
    }
  });

  test("KServe over HTTP: health, metadata, JSON, classification, repository", async () => {
    const inputs = [{ name: "Input3", datatype: "FP32", shape: [1, 1, 28, 28], data: new Array(784).fill(0) }];
    const infer = (body: object): ReturnType<typeof call> => call("/v2/models/mnist/infer", { method: "POST", body: JSON.stringify(body) });
    assert.deepEqual((await call("/v2/health/ready")).json(), { ready: true });
    assert.deepEqual((await call("/v2/models/mnist/versions/1/ready")).json(), { name: "mnist", ready: true });
    const best = (await infer({ id: "x", inputs, outputs: [{ name: "Plus214_Output_0", parameters: { classification: 2 } }] })).json() as { id: string; outputs: { data: string[] }[] };
    assert.equal(best.id, "x");
    assert.match(best.outputs[0]!.data[0]!, /^0\.140219:5/);
    const wrong = await infer({ inputs, outputs: [{ name: "y" }] });
    assert.deepEqual([wrong.status, wrong.json()], [400, { error: "unexpected inference output 'y' for model 'mnist', it has Plus214_Output_0" }]);
    assert.equal((await call("/v2/models/nope/infer", { method: "POST", body: "{}" })).status, 404);
    assert.equal((await call("/v2/models/mnist/infer", { method: "POST", body: "{" })).status, 400);
    assert.deepEqual((await call("/v2/repository/index", { method: "POST" })).json(), [
      { name: "mnist", version: "1", state: "READY", reason: "" },
      { name: "mob", version: "1.0", state: "READY", reason: "" },
    ]);
    assert.equal((await call("/v2/repository/models/nope/load", { method: "POST" })).status, 404);
  });

  test("TensorFlow Serving's REST: status, metadata, rows, b64 pictures", async () => {
    assert.match((await call("/v1/models/mob/versions/1")).text, /"AVAILABLE"/);
    assert.match((await call("/v1/models/mob/metadata")).text, /"dtype":"DT_FLOAT"/);
    const body = JSON.stringify({ instances: [{ b64: cat().toString("base64") }] });
    const { predictions } = (await call("/v1/models/mob:predict", { method: "POST", body })).json() as { predictions: number[][] };
    assert.ok(predictions[0]!.indexOf(Math.max(...predictions[0]!)) in CATS);
    const wrong = await call("/v1/models/mnist/versions/1:predict", { method: "POST", body: '{"instances":[[1]]}' });
    assert.deepEqual([wrong.status, wrong.json()], [400, { error: "Invalid input shape - Expected: (1,1,28,28); Actual: (1,1); input name: Input3" }]);
    assert.equal((await call("/v1/models/mnist:regress", { method: "POST" })).status, 404);
  });

  test("TorchServe's predictions: raw, form and client-batched bodies; its headers and errors", async () => {
    const raw = await call("/predictions/mob", { method: "POST", body: cat() });
    assert.deepEqual([raw.status, raw.headers.get("content-type")?.split(";")[0]], [200, "application/json"]);
    assert.ok(isCat(Object.keys(raw.json() as object)[0]), raw.text);
    assert.match(raw.headers.get("x-request-id")!, /^[\da-f-]{36}$/);
    const form = new FormData();
    form.set("data", new Blob([cat()]), "cat.jpg");
    assert.equal((await call("/predictions/mob/1.0", { method: "POST", body: form })).text, raw.text);
    const batch = await call("/predictions/mob", { method: "POST", body: encodeClientBatch([cat(), cat(), cat()]), headers: { "content-type": "application/json" } });
    assert.deepEqual(batch.json(), [raw.json(), raw.json(), raw.json()]);
    assert.equal((await call("/models/mob/invoke", { method: "POST", body: cat() })).text, raw.text);
    const absent = await call("/predictions/foo", { method: "POST", body: cat() });
    assert.deepEqual([absent.status, absent.json()], [404, { code: 404, type: "ModelNotFoundException", message: "Model not found: foo" }]);
    const version = await call("/predictions/mob/7.0", { method: "POST", body: cat() });
    assert.deepEqual(version.json(), { code: 404, type: "ModelVersionNotFoundException", message: "Model version: 7.0 does not exist for model: mob" });
    assert.equal((await call("/predictions/mob", { method: "POST", body: cat().subarray(0, 40) })).status, 400);
    assert.equal((await call("/predictions/mob", { method: "POST" })).status, 400);
    assert.deepEqual((await call("/ping")).json(), { status: "Healthy" });
  });

  test("a 60,000 × 60,000 PNG is refused before it is decoded", async () => {
    const png = Buffer.concat([Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), Buffer.from([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0])]);
    const { status, json } = await call("/predictions/mob", { method: "POST", body: png });
    assert.deepEqual([status, (json() as { message: string }).message], [413, "expected a picture of at most 64000000 pixels, got 60000×60000"]);
  });

  test("bodies are bounded, compressed ones too, unknown encodings refused", async () => {
    const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024));
    const headers = { "content-encoding": "gzip" };
    assert.equal((await call("/predictions/mob", { method: "POST", body: bomb, headers })).status, 413);
    assert.equal((await call("/predictions/mob", { method: "POST", body: gzipSync(cat()), headers })).status, 200);
    assert.equal((await call("/predictions/mob", { method: "POST", body: cat(), headers })).status, 400);
    assert.equal((await call("/predictions/mob", { method: "POST", body: cat(), headers: { "content-encoding": "br" } })).status, 400);
  });

  test("management: register from the store, describe, list in pages, scale, default, unregister", async () => {
    copyFileSync(asset("models/vww-96/vww_96_fp32_dynbatch.onnx"), join(store, "vww.onnx"));
    assert.deepEqual((await manage("POST", "/models?url=vww.onnx")).json(), { status: 'Model "vww" Version: 1.0 registered with 0 initial workers. Use scale workers API to add workers for the model.' });
    assert.equal((await manage("POST", "/models?url=vww.onnx")).status, 409);
    assert.equal((await call("/predictions/vww", { method: "POST", body: cat() })).status, 503);
    assert.deepEqual((await manage("PUT", "/models/vww?min_worker=1&synchronous=true")).json(), { status: "Workers scaled to 1 for model: vww" });
    assert.equal((await call("/v2/models/vww/ready")).status, 200);
    assert.deepEqual((await manage("GET", "/models?limit=2")).json(), { nextPageToken: "2", models: [{ modelName: "mnist", modelUrl: "mnist.onnx" }, { modelName: "mob", modelUrl: "mobilenet_v1_025_224_fp32_dynbatch.onnx" }] });
    const [description] = (await manage("GET", "/models/vww")).json() as { modelVersion: string; workers: unknown[] }[];
    assert.deepEqual([description!.modelVersion, description!.workers.length], ["1.0", 1]);
    assert.equal((await manage("PUT", "/models/vww/1.0/set-default")).status, 200);
    assert.equal((await manage("PUT", "/models/vww?min_worker=2&max_worker=1&synchronous=true")).status, 400);
    assert.deepEqual((await manage("DELETE", "/models/vww")).json(), { status: 'Model "vww" unregistered' });
    assert.equal((await manage("GET", "/models/vww")).status, 404);
    for (const url of ["", "../x.onnx", "/etc/passwd", "http://example.com/x.mar", "file:///x", "absent.mar", ".hidden"]) {
      const { status } = await manage("POST", `/models?url=${encodeURIComponent(url)}`);
      assert.ok(status === 400 || status === 404, `${url}: ${status}`);
    }
  });

  test(".mar archives with ONNX are served, Python ones refused with what to do", async () => {
    const pack = (name: string, manifest: object, files: Record<string, string | Buffer>): void => {
      const source = join(folder, name);
      mkdirSync(join(source, "MAR-INF"), { recursive: true });
      writeFileSync(join(source, "MAR-INF/MANIFEST.json"), JSON.stringify({ runtime: "python", model: manifest }));
      Object.entries(files).forEach(([file, content]) => writeFileSync(join(source, file), content));
      execFileSync("/usr/bin/python3", ["-c", "import shutil, sys; shutil.move(shutil.make_archive(sys.argv[1], 'zip', sys.argv[2]), sys.argv[1])", join(store, `${name}.mar`), source]);
    };
    const onnx = readFileSync(asset("models/squeezenet1.0/squeezenet_fp32_dynbatch.onnx"));
    const names = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [String(i), [`n${i}`, `class ${i}`]]));
    pack("squeeze", { modelName: "squeeze", modelVersion: "2.5", serializedFile: "m.onnx", handler: "image_classifier" }, { "m.onnx": onnx, "index_to_name.json": JSON.stringify(names) });
    pack("custom", { modelName: "custom", modelVersion: "1.0", serializedFile: "m.pt", handler: "handler.py" }, { "m.pt": "x", "handler.py": "x" });
    const registered = await manage("POST", "/models?url=squeeze.mar&initial_workers=1&synchronous=true");
    assert.deepEqual(registered.json(), { status: 'Model "squeeze" Version: 2.5 registered with 1 initial workers' });
    const answer = (await call("/predictions/squeeze/2.5", { method: "POST", body: cat() })).json() as Record<string, number>;
    assert.equal(Object.keys(answer).length, 5);
    assert.ok(Object.entries(answer).every(([label, score]) => /^class \d+$/.test(label) && score >= 0 && score <= 1));
    const refused = await manage("POST", "/models?url=custom.mar&initial_workers=1");
    assert.match((refused.json() as { message: string }).message, /its handler handler\.py is Python code, which is not run here: export the model with torch\.onnx\.export/);
    await manage("DELETE", "/models/squeeze");
  });

  test("a version is swapped, and the server closed, without losing a request", async () => {
    const body = cat();
    let isSwapping = true;
    const statuses: number[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (isSwapping) {
        statuses.push((await call("/predictions/mob", { method: "POST", body })).status);
      }
    });
    for (let i = 0; i < 3; i++) {
      assert.equal((await call("/v2/repository/models/mob/load", { method: "POST" })).status, 200);
    }
    isSwapping = false;
    await Promise.all(clients);
    assert.ok(statuses.length >= 4);
    assert.deepEqual([...new Set(statuses)], [200]);
  });

  test("metrics name requests, times, batches", async () => {
    const { text } = await call("/metrics", {}, "metrics");
    assert.match(text, /ts_inference_requests_total\{model_name="mnist",model_version="1"\} \d+/);
    assert.match(text, /ts_queue_latency_microseconds\{model_name="mob",model_version="1\.0",quantile="0\.95"\} \d+/);
  });
});

test("tokens: required on every path and call when set; listeners beyond loopback need them", needsAssets, async (t) => {
  await assert.rejects(start({ http: "0.0.0.0:0" }), { code: "E_NOT_LOOPBACK" });
  const server = await start({ tokens: [new Secret("s3cret")], http: "0.0.0.0:0" });
  t.after(() => server[Symbol.asyncDispose]());
  const get = async (authorization?: string): Promise<number> => (await fetch(`http://127.0.0.1:${server.ports["http"]!}/v2`, { headers: authorization === undefined ? {} : { authorization } })).status;
  assert.deepEqual([await get(), await get("Bearer wrong"), await get("Basic s3cret"), await get("Bearer s3cret")], [401, 401, 401, 200]);
  const model = sumModel("mnist", { ...sumModel("mnist").input, name: "Input3", width: 28, height: 28, layout: "NCHW", color: "GRAY" });
  const address = `kserve+grpc://127.0.0.1:${server.ports["grpc"]!}`;
  await assert.rejects(kserveEngine.open(kserveEngine.schema.parse(kserveEngine.fromAddress(address)), model, sumInterpreter(model), kindContext, never), { code: "E_ENGINE_CREDENTIALS" });
});

test("a model that cannot be loaded, and a port in use, are told at the start and leave nothing behind", needsAssets, async () => {
  const path = join(folder, "broken.onnx");
  writeFileSync(path, "no model");
  await assert.rejects(start({ models: [{ name: "broken", version: "1", path, workers: 1 }] }), { code: "E_MODEL_BROKEN" });
  const server = await start({ models: [], torchserve: TORCHSERVE });
  await assert.rejects(start({ models: [], http: `127.0.0.1:${server.ports["http"]!}` }), { code: "E_ADDRESS_IN_USE" });
  await assert.rejects(start({ models: [], grpc: `127.0.0.1:${server.ports["grpc"]!}` }), { code: "E_ADDRESS_IN_USE" });
  await server[Symbol.asyncDispose]();
});
