// The model server in the manner of Triton's perf_analyzer: closed loop, concurrency 1 … 32, windows until three agree.
import { availableParallelism } from "node:os";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Tensor } from "../src/domain/model.ts";
import { OnnxTensorEngine } from "../src/engines/onnx/tensor-engine.ts";
import { requestMessage, responseFromMessage } from "../src/protocols/oip/grpc.ts";
import { decodeResponse, encodeRequest, HEADER_LENGTH, headerLengthOf } from "../src/protocols/oip/http.ts";
import { ModelInferRequest, ModelInferResponse } from "../src/protocols/oip/messages.ts";
import { GrpcServer } from "../src/engines/remote-grpc.ts";
import { HttpServer } from "../src/engines/remote-http.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { Histogram } from "../src/runtime/histogram.ts";
import { silentLogger } from "../src/runtime/log.ts";
import { createModelServer } from "../src/server/model-server.ts";

const WINDOW_MS = 600;
const MOST_WINDOWS = 8;
const NO_CREDENTIALS = { tls: false, ca: undefined, cert: undefined, key: undefined, serverName: undefined, token: undefined };

type Call = (tensor: Tensor) => Promise<unknown>;

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly isStable: boolean;
}

/** `concurrency` callers, each with one call under way, until three windows in a row are within 10 % of their mean. */
async function measure(call: Call, tensor: () => Tensor, concurrency: number): Promise<Measured> {
  let done = 0;
  let histogram = new Histogram();
  let isRunning = true;
  const callers = Array.from({ length: concurrency }, async () => {
    while (isRunning) {
      const startMs = performance.now();
      await call(tensor());
      histogram.add(performance.now() - startMs);
      done++;
    }
  });
  await systemClock.sleep(WINDOW_MS / 2);
  const rates: number[] = [];
  let isStable = false;
  for (let window = 0; window < MOST_WINDOWS && !isStable; window++) {
    if (window === 0 || rates.length >= 3) {
      // Times are those of the last windows.
      histogram = new Histogram();
    }
    const from = { done, ms: performance.now() };
    await systemClock.sleep(WINDOW_MS);
    rates.push(((done - from.done) * 1000) / (performance.now() - from.ms));
    const last = rates.slice(-3);
    const mean = last.reduce((sum, rate) => sum + rate, 0) / last.length;
    isStable = last.length === 3 && last.every((rate) => Math.abs(rate - mean) <= 0.1 * mean);
  }
  isRunning = false;
  await Promise.all(callers);
  const last = rates.slice(-3);
  return { perSecond: last.reduce((sum, rate) => sum + rate, 0) / last.length, p50: histogram.percentile(0.5), p95: histogram.percentile(0.95), isStable };
}

/** `npm run bench -- serve [FILE.onnx]`: a model of at most 2 ms with one float32 input. */
export async function run(args: readonly string[]): Promise<void> {
  const assets = process.env["VEDETTE_TEST_ASSETS"] ?? "../shared/assets";
  const path = args[0] ?? join(assets, "models/mobilenetv1-025/mobilenet_v1_025_128_uint8_dynbatch.onnx");
  if (!existsSync(path)) {
    console.log(`skipped: no model at ${path} (set VEDETTE_TEST_ASSETS or name one)`);
    return;
  }
  const never = new AbortController().signal;
  const workers = Math.min(4, availableParallelism());
  const openEngine = (name: string, file: string, _workers: number, signal: AbortSignal): Promise<OnnxTensorEngine> =>
    OnnxTensorEngine.open({ name, file, provider: "cpu", device: 0, threads: 1, executors: workers, clock: systemClock }, signal);
  await using engine = await openEngine("direct", path, workers, never);
  const [spec] = engine.inputs;
  if (spec === undefined || (spec.type !== "float32" && spec.type !== "uint8")) {
    throw new Error("expected a model with a float32 or uint8 input");
  }
  const shape = spec.shape.map((size) => Math.max(1, size));
  const length = shape.reduce((product, size) => product * size, 1);
  const tensor = (): Tensor => ({ name: spec.name, type: spec.type, shape, data: spec.type === "uint8" ? new Uint8Array(length) : new Float32Array(length) });
  await using server = await createModelServer(
    { models: [{ name: "m", version: "1", path, workers }], http: "127.0.0.1:0", grpc: "127.0.0.1:0", openEngine, clock: systemClock, log: silentLogger },
    never,
  );
  await using grpc = new GrpcServer("bench", `127.0.0.1:${server.ports["grpc"] ?? 0}`, NO_CREDENTIALS, "none");
  await using http = new HttpServer("bench", `127.0.0.1:${server.ports["http"] ?? 0}`, NO_CREDENTIALS, "none");
  const infer = { path: "/inference.GRPCInferenceService/ModelInfer", request: ModelInferRequest, response: ModelInferResponse };
  const calls: [name: string, call: Call][] = [
    ["engine directly", (input) => engine.infer([input], never)],
    ["gRPC", async (input) => responseFromMessage(await grpc.unary(infer, requestMessage({ name: "m", version: "" }, { inputs: [input] }), never))],
    [
      "HTTP",
      async (input) => {
        const { parts, headerLength } = encodeRequest({ inputs: [input], isBinaryByDefault: true }, true);
        const headers = { [HEADER_LENGTH]: String(headerLength ?? 0), "content-type": "application/octet-stream" };
        const reply = await http.call({ method: "POST", path: "/v2/models/m/infer", headers, body: parts }, never);
        return decodeResponse(reply.body, headerLengthOf(reply.headers[HEADER_LENGTH]));
      },
    ],
  ];
  const rows: Record<string, string | number>[] = [];
  const direct = new Map<number, Measured>();
  for (const concurrency of [1, 2, 4, 8, 16, 32]) {
    for (const [name, call] of calls) {
      const measured = await measure(call, tensor, concurrency);
      const base = direct.get(concurrency) ?? measured;
      direct.set(concurrency, base);
      rows.push({
        concurrency,
        path: name,
        "req/s": Math.round(measured.perSecond),
        "of engine": `${Math.round((100 * measured.perSecond) / base.perSecond)} %`,
        "p50 ms": measured.p50.toFixed(2),
        "p95 ms": measured.p95.toFixed(2),
        "over engine p50 ms": (measured.p50 - base.p50).toFixed(2),
        stable: measured.isStable ? "yes" : "no",
      });
    }
  }
  console.log(`${path.slice(path.lastIndexOf("/") + 1)}, ${workers} executors × 1 thread, client and server in one process`);
  console.table(rows);
}

if (import.meta.main) {
  await run(process.argv.slice(2));
}
