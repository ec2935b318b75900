import assert from "node:assert/strict";
import { after, before, suite, test, type TestContext } from "node:test";
import type { Engine } from "../../contracts/engine.ts";
import type { InputSpec } from "../../domain/model.ts";
import { badRequest, kindContext, needsGrpcPeers, startModelServers, SUM_INPUT, sumInterpreter, sumModel, sumRequest } from "../../../test/support/model-servers.ts";
import { engineContract } from "../engine.contract.ts";
import { tfservingEngine } from "./index.ts";

const never = new AbortController().signal;
/** As the OVMS application sends pictures: NHWC, BGR, float 0…255, at their own size. */
const AS_IT_IS: InputSpec = { ...SUM_INPUT, name: "data", fit: "none" };

let port = 0;
let stop: () => Promise<void> = () => Promise.resolve();
before(async () => {
  if (needsGrpcPeers.skip === false) {
    ({ port, stop } = await startModelServers());
  }
});
after(() => stop());

async function open(name: string, options: object = {}, signal = never): Promise<Engine> {
  const config = tfservingEngine.schema.parse({ ...tfservingEngine.fromAddress(`tfserving+grpc://127.0.0.1:${port}`), ...options });
  const model = sumModel(name, AS_IT_IS);
  return tfservingEngine.open(config, model, sumInterpreter(model), kindContext, signal);
}

for (const [name, model, options] of [["arrays", "sum", { batch: 4 }], ["JPEGs", "binary", { binaryInput: true }]] as const) {
  engineContract({
    name: `tfserving+grpc with ${name}, against grpcio`,
    open: (signal) => open(model, options, signal),
    request: (n) => sumRequest(n),
    badRequest,
    skip: needsGrpcPeers.skip,
  });
}

suite("tfserving+grpc against grpcio", needsGrpcPeers, () => {
  const opened = async (t: TestContext, name: string, options: object = {}): Promise<Engine> => {
    const engine = await open(name, options);
    t.after(() => engine[Symbol.asyncDispose]());
    return engine;
  };
  const sums = async (engine: Engine, sizes: readonly [number, number][]): Promise<number[]> => {
    const replies = await engine.infer(sizes.map(([width, height]) => sumRequest(2, width, height)), never);
    return replies.map(({ finding }) => (finding.data as { sums: number[] }).sums[0]!);
  };

  test("pictures go at their own size, also when a batch mixes sizes", async (t) => {
    const engine = await opened(t, "sum", { batch: 4, version: "1" });
    assert.deepEqual(await sums(engine, [[4, 2], [6, 5], [4, 2]]), [48, 180, 48]);
    assert.match(engine.description, /model sum version 1, array input/);
  });

  test("version 0 means the latest, as in the OVMS application", async (t) => {
    assert.deepEqual(await sums(await opened(t, "sum", { version: "0" }), [[4, 2]]), [48]);
    await assert.rejects((await opened(t, "sum", { version: "3" })).infer([sumRequest(1)], never), { code: "E_ENGINE_FAILED", message: /no such version/ });
  });

  test("JPEGs go as DT_STRING; the model's size is what findings are read at", async (t) => {
    const engine = await opened(t, "binary", { binaryInput: true });
    assert.deepEqual(engine.wantsJpeg, { quality: 95 });
    const [reply] = await engine.infer([sumRequest(9)], never);
    assert.deepEqual((reply!.finding.data as { sums: number[] }).sums, [9]);
  });

  const lies: [model: string, code: string, message: RegExp][] = [
    ["liar", "E_ENGINE_MODEL", /expected output sum float32 \[\?, 1\] for a batch of 1, got float32 \[1, 2\]/],
    ["short", "E_ENGINE_FAILED", /tensor "sum": expected 4 bytes/],
    ["wrong-type", "E_ENGINE_MODEL", /got int32/],
    ["nameless", "E_ENGINE_MODEL", /got other/],
    ["busy", "E_ENGINE_BUSY", /queue is full/],
  ];
  for (const [model, code, message] of lies) {
    test(`a server that answers "${model}" fails the frame, with the reason`, async (t) => {
      await assert.rejects((await opened(t, model)).infer([sumRequest(1)], never), { code, message });
    });
  }

  test("models that are absent, or have inputs that nobody named, fail at the start", async (t) => {
    await assert.rejects(opened(t, "absent"), { message: /Model with requested name is not found/ });
    assert.ok(await opened(t, "two-inputs"), "one of them is named as the model's input");
    const model = sumModel("two-inputs", { ...AS_IT_IS, name: "picture" });
    const config = tfservingEngine.schema.parse(tfservingEngine.fromAddress(`tfserving+grpc://127.0.0.1:${port}`));
    await assert.rejects(tfservingEngine.open(config, model, sumInterpreter(model), kindContext, never), {
      code: "E_ENGINE_MODEL",
      message: /expected one input, or one named picture, got data, more|got more, data/,
    });
  });
});

test("only gRPC is spoken", () => {
  assert.throws(() => tfservingEngine.fromAddress("tfserving+http://a:1"), { code: "E_ENGINE_ADDRESS" });
});
