import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { SUM_INPUT, sumRequest } from "../../test/support/model-servers.ts";
import type { Engine } from "../contracts/engine.ts";
import type { InputSpec } from "../domain/model.ts";
import { VedetteError } from "../errors.ts";
import { silentLogger } from "../runtime/log.ts";
import { FallbackEngine } from "./fallback-engine.ts";

const never = new AbortController().signal;

/** An engine that answers with its name, while `mood` lets it. */
function named(name: string, input: InputSpec = SUM_INPUT) {
  const state = { mood: "well" as "well" | "failing" | "hanging", calls: 0, isDisposed: false };
  const engine: Engine = {
    description: `${name}: test`,
    input,
    parallelism: 2,
    batchSizes: name === "remote" ? [1, 2, 4] : [1, 4, 8],
    infer: (batch, signal) => {
      state.calls++;
      if (state.mood === "failing") {
        return Promise.reject(new VedetteError("E_ENGINE_UNREACHABLE", { engine: name, reason: "told to" }));
      }
      if (state.mood === "hanging") {
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      }
      return Promise.resolve(batch.map(() => ({ finding: { data: name }, inferMs: 1, interpretMs: 0 })));
    },
    [Symbol.asyncDispose]: () => {
      state.isDisposed = true;
      return Promise.resolve();
    },
  };
  return { engine, state };
}

async function setUp(openPrimary?: (engine: Engine) => Promise<Engine>, input?: InputSpec) {
  const clock = new FakeClock();
  const [remote, embedded] = [named("remote", input), named("onnx")];
  const engine = await FallbackEngine.open(
    { openPrimary: () => openPrimary?.(remote.engine) ?? Promise.resolve(remote.engine), fallback: embedded.engine, patienceMs: 100, clock, log: silentLogger },
    never,
  );
  const ask = async (): Promise<unknown> => (await engine.infer([sumRequest(1)], never))[0]?.finding.data;
  return { clock, engine, remote: remote.state, embedded: embedded.state, ask };
}

test("uses the preferred engine, the other when it fails, and the preferred one again by itself", async () => {
  const { engine, remote, embedded, ask } = await setUp();
  assert.equal(await ask(), "remote");
  assert.deepEqual(engine.batchSizes, [1, 4]);
  remote.mood = "failing";
  assert.equal(await ask(), "onnx");
  remote.mood = "well";
  assert.equal(await ask(), "remote");
  await engine[Symbol.asyncDispose]();
  assert.ok(remote.isDisposed && embedded.isDisposed);
});

test("a hanging engine costs a frame no more than the patience", async () => {
  const { clock, remote, ask } = await setUp();
  remote.mood = "hanging";
  const answer = ask();
  await clock.advance(100);
  assert.equal(await answer, "onnx");
  assert.equal(clock.timers, 0);
});

test("starts without the preferred engine, and takes it when it can be opened", async () => {
  let attempts = 0;
  const { clock, engine, ask } = await setUp((remote) => (++attempts < 3 ? Promise.reject(new VedetteError("E_ENGINE_UNREACHABLE", { engine: "remote", reason: "down" })) : Promise.resolve(remote)));
  assert.match(engine.description, /not reached yet; else onnx/);
  assert.equal(await ask(), "onnx");
  await clock.advance(500);
  assert.equal(await ask(), "onnx");
  await clock.advance(1000);
  assert.equal(await ask(), "remote");
});

test("an abort is the caller's: nothing falls back", async () => {
  const { remote, embedded, engine } = await setUp();
  remote.mood = "hanging";
  const controller = new AbortController();
  const answer = engine.infer([sumRequest(1)], controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(answer, { message: "enough" });
  assert.equal(embedded.calls, 0);
});

test("engines that take different inputs are refused", async () => {
  await assert.rejects(setUp(undefined, { ...SUM_INPUT, width: 9 }), { code: "E_CONFIG", message: /same input, got .*9×2.* and .*4×2/ });
});
