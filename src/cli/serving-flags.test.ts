import assert from "node:assert/strict";
import { test } from "node:test";
import { listenersFromFlags, parseServedModels } from "./serving-flags.ts";
import type { ServingFlags } from "./serving-flags.ts";

const FLAGS: ServingFlags = { model: [], http: "127.0.0.1:8080", grpc: "127.0.0.1:9000", workers: 0, maxBatch: 16, maxBatchDelay: 0, queue: 100, requestTimeout: 120_000, maxBodyMb: 64 };

test("models: a name, perhaps a version, and a file, which may hold = and :", () => {
  assert.deepEqual(parseServedModels({ model: ["a=x.onnx", "b:2=/y=1:2.mar"] }), [
    { name: "a", version: "1", file: "x.onnx" },
    { name: "b", version: "2", file: "/y=1:2.mar" },
  ]);
  for (const wrong of ["nothing", "=x", "a=", "a b=x"]) {
    assert.throws(() => parseServedModels({ model: [wrong] }), /expected NAME=FILE or NAME:VERSION=FILE/);
  }
});

test("TorchServe's listeners: the usual ports, or four others", async () => {
  assert.deepEqual((await listenersFromFlags({ ...FLAGS, torchserve: true })).torchserve, {
    management: "127.0.0.1:8081", metrics: "127.0.0.1:8082", grpcInference: "127.0.0.1:7070", grpcManagement: "127.0.0.1:7071",
  });
  assert.deepEqual((await listenersFromFlags({ ...FLAGS, torchserve: "[::1]:1,2,3,4" })).torchserve, { management: "[::1]:1", metrics: "[::1]:2", grpcInference: "[::1]:3", grpcManagement: "[::1]:4" });
  assert.equal((await listenersFromFlags(FLAGS)).torchserve, undefined);
  await assert.rejects(listenersFromFlags({ ...FLAGS, torchserve: "127.0.0.1:1,2" }), /expected HOST and four ports/);
});

test("what is left out is not opened; what is wrong is told", async () => {
  const listeners = await listenersFromFlags({ ...FLAGS, http: false, maxBatch: 4 });
  assert.deepEqual([listeners.http, listeners.grpc, listeners.limits?.maxBatch, listeners.tokens], [undefined, "127.0.0.1:9000", 4, []]);
  await assert.rejects(listenersFromFlags({ ...FLAGS, maxBatch: 0 }), /--max-batch: expected a whole number of at least 1/);
  await assert.rejects(listenersFromFlags({ ...FLAGS, queue: Number.NaN }), /--queue/);
  await assert.rejects(listenersFromFlags({ ...FLAGS, tokenEnv: "VEDETTE_TEST_NO_SUCH_VARIABLE" }), /holds no token/, "an empty token lets nobody in by accident");
  await assert.rejects(listenersFromFlags({ ...FLAGS, tokenFile: "/nonexistent/tokens" }), /cannot be read/);
  await assert.rejects(listenersFromFlags({ ...FLAGS, tlsCert: "x" }), /go together/);
});
