import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { gunzipSync, gzipSync } from "node:zlib";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test, type TestContext } from "node:test";
import type { AddressInfo } from "node:net";
import type { Engine } from "../../contracts/engine.ts";
import { badRequest, kindContext, needsGrpcPeers, startModelServers, sumInterpreter, sumModel, sumRequest } from "../../../test/support/model-servers.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import { engineContract } from "../engine.contract.ts";
import { decodeRequest, encodeResponse, HEADER_LENGTH, headerLengthOf } from "../../protocols/oip/http.ts";
import type { z } from "zod";
import { kserveEngine } from "./index.ts";

const never = new AbortController().signal;

type Options = Partial<z.input<typeof kserveEngine.schema>>;

async function open(address: string, name: string, options: Options = {}, signal = never): Promise<Engine> {
  const config = kserveEngine.schema.parse({ ...kserveEngine.fromAddress(address), ...options });
  const model = sumModel(name);
  return kserveEngine.open(config, model, sumInterpreter(model), kindContext, signal);
}

/** The sum that frame `n` has: 24 values. */
const sumOf = (n: number): number => 24 * n;

async function sums(engine: Engine, frames: readonly number[], signal = never): Promise<number[]> {
  const replies = await engine.infer(frames.map((n) => sumRequest(n)), signal);
  return replies.map(({ finding }) => (finding.data as { sums: number[] }).sums[0]!);
}

let port = 0;
let stop: () => Promise<void> = () => Promise.resolve();
before(async () => {
  if (needsGrpcPeers.skip === false) {
    ({ port, stop } = await startModelServers());
  }
});
after(() => stop());

for (const [name, options] of [["one call each", {}], ["client batches", { batch: 4 }], ["a stream", { stream: true }]] as const) {
  engineContract({
    name: `kserve+grpc, ${name}, against grpcio`,
    open: (signal) => open(`kserve+grpc://127.0.0.1:${port}`, "sum", options, signal),
    request: (n) => sumRequest(n),
    badRequest,
    skip: needsGrpcPeers.skip,
  });
}

suite("kserve+grpc against grpcio", needsGrpcPeers, () => {
  const grpc = async (t: TestContext, name: string, options: Options = {}): Promise<Engine> => {
    const engine = await open(`kserve+grpc://127.0.0.1:${port}`, name, options);
    t.after(() => engine[Symbol.asyncDispose]());
    return engine;
  };

  test("sends what the model wants, and says where it computes", async (t) => {
    const engine = await grpc(t, "sum", { batch: 6, version: "1" });
    assert.deepEqual(engine.batchSizes, [1, 2, 4, 6]);
    assert.match(engine.description, /^kserve\+grpc: 127\.0\.0\.1:\d+, model sum version 1 \(test\)$/);
    assert.deepEqual(await sums(engine, [1, 2, 3, 4, 5, 6]), [1, 2, 3, 4, 5, 6].map(sumOf));
  });

  test("a model with a fixed batch gets one frame at a time", async (t) => {
    const engine = await grpc(t, "single", { batch: 8 });
    assert.deepEqual(engine.batchSizes, [1]);
    assert.deepEqual(await sums(engine, [3]), [72]);
  });

  test("BYTES inputs get JPEGs", async (t) => {
    const engine = await grpc(t, "jpeg", { batch: 2 });
    assert.deepEqual(engine.wantsJpeg, { quality: 90 });
    assert.deepEqual(await sums(engine, [7, 9]), [7, 9]);
  });

  test("gzip compression goes through", async (t) => {
    assert.deepEqual(await sums(await grpc(t, "sum", { compression: "gzip" }), [5]), [sumOf(5)]);
  });

  const lies: [model: string, code: string, message: RegExp][] = [
    ["liar", "E_ENGINE_MODEL", /expected output sum float32 \[\?, 1\] for a batch of 1, got float32 \[1, 2\]/],
    ["short", "E_ENGINE_FAILED", /output "sum": expected 4 bytes for float32 \[1, 1\], got 3 bytes/],
    ["wrong-type", "E_ENGINE_MODEL", /got int32 \[1, 1\]/],
    ["nameless", "E_ENGINE_MODEL", /expected output sum .*, got other/],
    ["internal", "E_ENGINE_FAILED", /INTERNAL: told to fail/],
    ["busy", "E_ENGINE_BUSY", /queue is full/],
  ];
  for (const [model, code, message] of lies) {
    test(`a server that answers "${model}" fails the frame, with the reason`, async (t) => {
      const engine = await grpc(t, model);
      await assert.rejects(engine.infer([sumRequest(1)], never), { code, message });
    });
  }

  test("NaN in outputs is the interpreter's business", async (t) => {
    assert.deepEqual(await sums(await grpc(t, "nan"), [1]), [NaN]);
  });

  test("a busy server is asked again while the frame is young", async (t) => {
    assert.deepEqual(await sums(await grpc(t, "busy-once"), [1]), [24]);
    const impatient = await grpc(t, "busy-once", { retryForMs: 0 });
    await assert.rejects(impatient.infer([sumRequest(1)], never), { code: "E_ENGINE_BUSY" });
  });

  test("a hanging server costs the time limit, then nothing: it is left alone", async (t) => {
    const engine = await grpc(t, "hang", { timeoutMs: 100, executors: 8 });
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => engine.infer([sumRequest(1)], never)));
    assert.ok(all.every((result) => result.status === "rejected" && (result.reason as { code: string }).code === "E_ENGINE_TIMEOUT"));
    const startMs = performance.now();
    await assert.rejects(engine.infer([sumRequest(1)], never), { code: "E_ENGINE_UNREACHABLE", message: /failed before, tried again in \d+ ms/ });
    assert.ok(performance.now() - startMs < 50);
  });

  test("a hanging stream is given up at the time limit", async (t) => {
    const engine = await grpc(t, "sum", { stream: true, timeoutMs: 2000 });
    assert.deepEqual(await sums(engine, [2]), [48]);
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => sums(engine, [n]))), [[24], [48], [72]]);
    const failing = await grpc(t, "internal", { stream: true });
    await assert.rejects(failing.infer([sumRequest(1)], never), { code: "E_ENGINE_FAILED", message: /told to fail/ });
  });

  test("a token comes from the environment and never shows", async (t) => {
    process.env["VEDETTE_TEST_TOKEN"] = "open sesame";
    t.after(() => delete process.env["VEDETTE_TEST_TOKEN"]);
    assert.deepEqual(await sums(await grpc(t, "secret", { tokenEnv: "VEDETTE_TEST_TOKEN" }), [1]), [24]);
    await assert.rejects(grpc(t, "secret"), { code: "E_ENGINE_CREDENTIALS", message: /a token is required/ });
    process.env["VEDETTE_TEST_TOKEN"] = "wrong password";
    await assert.rejects(grpc(t, "secret", { tokenEnv: "VEDETTE_TEST_TOKEN" }), (error: Error) => !JSON.stringify(error).includes("wrong") && !String(error.stack).includes("wrong password"));
    await assert.rejects(grpc(t, "secret", { tokenEnv: "VEDETTE_NOT_SET" }), { code: "E_ENGINE_CREDENTIALS", message: /VEDETTE_NOT_SET is not set/ });
  });

  test("an absent model or a model that does not fit fails at the start", async (t) => {
    await assert.rejects(grpc(t, "absent"), { code: "E_ENGINE_FAILED", message: /NOT_FOUND: Request for unknown model/ });
    const model = sumModel("sum", { ...sumModel("sum").input, width: 5 });
    const config = kserveEngine.schema.parse(kserveEngine.fromAddress(`kserve+grpc://127.0.0.1:${port}`));
    await assert.rejects(kserveEngine.open(config, model, sumInterpreter(model), kindContext, never), {
      code: "E_ENGINE_MODEL",
      message: /expected image float32 \[1, 2, 5, 3\], got image float32 \[\?, 2, 4, 3\]/,
    });
  });

  test("several addresses: calls go where they are answered", async (t) => {
    const engine = await open(`kserve+grpc://127.0.0.1:1,127.0.0.1:${port}`, "sum");
    t.after(() => engine[Symbol.asyncDispose]());
    for (let n = 0; n < 12; n++) {
      assert.deepEqual(await sums(engine, [n]), [sumOf(n)]);
    }
  });

  test("nobody there: said at once", async () => {
    await assert.rejects(open("kserve+grpc://127.0.0.1:1", "sum"), { code: "E_ENGINE_UNREACHABLE", message: /127\.0\.0\.1:1/ });
  });

  test("a server that comes back is used again", async (t) => {
    const first = await startModelServers();
    const engine = await open(`kserve+grpc://127.0.0.1:${first.port}`, "sum");
    t.after(() => engine[Symbol.asyncDispose]());
    assert.deepEqual(await sums(engine, [1]), [24]);
    await first.stop();
    await assert.rejects(sums(engine, [1]), { code: "E_ENGINE_UNREACHABLE" });
    const again = await startModelServers([String(first.port)]);
    t.after(() => again.stop());
    const deadline = Date.now() + 10_000;
    let answer: number[] = [];
    while (answer.length === 0 && Date.now() < deadline) {
      answer = await sums(engine, [2]).catch(() => []);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(answer, [48]);
  });
});

suite("kserve+grpcs: TLS and mutual TLS", { skip: needsGrpcPeers.skip === false ? needsPrograms("openssl").skip : needsGrpcPeers.skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-tls-"));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  before(() => {
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test ca");
    for (const name of ["server", "client"]) {
      openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:models.test");
      openssl("x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", `${name}.pem`, "-days", "2", "-copy_extensions", "copy");
    }
  });

  test("the server's certificate is checked, ours is shown", async (t) => {
    const server = await startModelServers(["--tls", file("server.pem"), file("server.key"), file("ca.pem")]);
    t.after(() => server.stop());
    const address = `kserve+grpcs://127.0.0.1:${server.port}`;
    const trusted = { caFile: file("ca.pem"), serverName: "models.test" };
    const engine = await open(address, "sum", { ...trusted, certFile: file("client.pem"), keyFile: file("client.key") });
    t.after(() => engine[Symbol.asyncDispose]());
    assert.deepEqual(await sums(engine, [1]), [24]);
    await assert.rejects(open(address, "sum", trusted), { code: "E_ENGINE_UNREACHABLE" });
    await assert.rejects(open(address, "sum", { serverName: "models.test" }), { code: "E_ENGINE_UNREACHABLE" });
    await assert.rejects(open(address, "sum", { ...trusted, certFile: file("client.pem") }), { code: "E_ENGINE_CREDENTIALS", message: /certFile and keyFile go together/ });
    await assert.rejects(open(address, "sum", { caFile: file("absent.pem") }), { code: "E_ENGINE_CREDENTIALS", message: /absent\.pem cannot be read/ });
  });
});

/* eslint complexity: off -- the faults are a list */
/** An HTTP server that is strict about every field; the model's name commands its faults. */
async function startHttp(t: { after(fn: () => void): void }): Promise<{ address: string; seen: { path: string; encoding: string | undefined; connection: number }[] }> {
  const seen: { path: string; encoding: string | undefined; connection: number }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      seen.push({ path: request.url!, encoding: request.headers["content-encoding"], connection: request.socket.remotePort! });
      const [, name = "", version, what] = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/infer)?$/.exec(request.url!) ?? [];
      const fail = (status: number, error: string, headers = {}): void => void response.writeHead(status, headers).end(JSON.stringify({ error }));
      if (name === "" || (version !== undefined && version !== "1")) {
        fail(404, "no such model");
        return;
      }
      if (what === undefined) {
        return void response.end(JSON.stringify({ name, versions: ["1"], platform: "test", inputs: [{ name: "image", datatype: "FP32", shape: [-1, 2, 4, 3] }], outputs: [{ name: "sum", datatype: "FP32", shape: [-1, 1] }] }));
      }
      if (name === "busy") {
        fail(503, "queue is full", { "retry-after": "2" });
        return;
      }
      if (name === "html") {
        return void response.writeHead(502, { "content-type": "text/html" }).end("<html>bad gateway</html>");
      }
      if (name === "reset") {
        return void request.socket.destroy();
      }
      if (name === "garbage") {
        return void response.end("{]");
      }
      if (name === "broken-off") {
        response.writeHead(200, { "content-length": "100" }).write("{");
        return void setImmediate(() => request.socket.destroy());
      }
      assert.equal(request.method, "POST");
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks);
      assert.equal(Number(request.headers["content-length"]), Buffer.concat(chunks).length);
      const { inputs, isBinaryByDefault } = decodeRequest(body, headerLengthOf(request.headers[HEADER_LENGTH]));
      assert.ok(isBinaryByDefault);
      assert.deepEqual(inputs.map(({ name: input, type, shape }) => [input, type, ...shape.slice(1)]), [["image", "float32", 2, 4, 3]]);
      const values = inputs[0]!.data as Float32Array;
      const batch = inputs[0]!.shape[0]!;
      const data = Float32Array.from({ length: batch }, (_, i) => values.subarray(i * 24, (i + 1) * 24).reduce((sum, value) => sum + value, 0));
      const answer = encodeResponse({ modelName: name, modelVersion: "1", id: "", parameters: {}, outputs: [{ name: "sum", type: "float32", shape: [batch, 1], data }] }, () => name !== "json");
      const raw = Buffer.concat(answer.parts);
      const packed = request.headers["accept-encoding"]?.includes("gzip") === true ? gzipSync(raw) : raw;
      response.writeHead(200, { ...(answer.headerLength === undefined ? {} : { [HEADER_LENGTH]: String(answer.headerLength) }), ...(packed === raw ? {} : { "content-encoding": "gzip" }) }).end(packed);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `kserve+http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const http = startHttp({ after: (fn) => after(fn) });
engineContract({
  name: "kserve+http with the binary extension",
  open: async (signal) => open((await http).address, "sum", { batch: 4 }, signal),
  request: (n) => sumRequest(n),
  badRequest,
});

suite("kserve+http", () => {
  const opened = async (t: TestContext, name: string, options: Options = {}): Promise<Engine> => {
    const engine = await open((await http).address, name, options);
    t.after(() => engine[Symbol.asyncDispose]());
    return engine;
  };

  test("connections are kept and used again", async (t) => {
    const engine = await opened(t, "sum");
    const before = (await http).seen.length;
    for (let n = 0; n < 5; n++) {
      assert.deepEqual(await sums(engine, [n]), [sumOf(n)]);
    }
    assert.equal(new Set((await http).seen.slice(before).map(({ connection }) => connection)).size, 1);
  });

  test("JSON answers, versions and gzip work", async (t) => {
    assert.deepEqual(await sums(await opened(t, "json", { version: "1" }), [3]), [72]);
    assert.ok((await http).seen.some(({ path }) => path === "/v2/models/json/versions/1/infer"));
    assert.deepEqual(await sums(await opened(t, "sum", { compression: "gzip", batch: 64 }), Array.from({ length: 64 }, () => 1)), Array.from({ length: 64 }, () => 24));
    assert.equal((await http).seen.at(-1)?.encoding, "gzip");
  });

  const faults: [model: string, code: string, message: RegExp][] = [
    ["html", "E_ENGINE_BUSY", /bad gateway/],
    ["reset", "E_ENGINE_UNREACHABLE", /socket hang up/],
    ["garbage", "E_ENGINE_FAILED", /response: expected JSON/],
    ["broken-off", "E_ENGINE_FAILED", /the answer broke off/],
  ];
  for (const [model, code, message] of faults) {
    test(`"${model}" fails the frame, with the reason`, async (t) => {
      await assert.rejects((await opened(t, model)).infer([sumRequest(1)], never), { code, message });
    });
  }

  test("Retry-After is honoured: the server is left alone for as long", async (t) => {
    const engine = await opened(t, "busy");
    await assert.rejects(engine.infer([sumRequest(1)], never));
    const before = (await http).seen.length;
    await assert.rejects(engine.infer([sumRequest(1)], never), { code: "E_ENGINE_UNREACHABLE", message: /tried again in (1\d{3}|2000) ms/ });
    assert.equal((await http).seen.length, before, "nothing was sent");
  });

  test("an absent version is refused at the start", async (t) => {
    await assert.rejects(opened(t, "sum", { version: "7" }), { code: "E_ENGINE_FAILED", message: /HTTP 404: no such model/ });
  });
});

test("addresses: what is not HOST:PORT is refused, other schemes are not ours", () => {
  assert.deepEqual(kserveEngine.fromAddress("kserve+https://a:1,b:2"), { kind: "kserve", transport: "http", tls: true, addresses: ["a:1", "b:2"] });
  assert.equal(kserveEngine.fromAddress("tfserving+grpc://a:1"), undefined);
  assert.equal(kserveEngine.fromAddress("onnx"), undefined);
  assert.throws(() => kserveEngine.fromAddress("kserve+grpc://a"), { code: "E_ENGINE_ADDRESS", message: /expected HOST:PORT, got "a"/ });
  assert.throws(() => kserveEngine.fromAddress("kserve+grpc://user:pw@a:1"), (error: Error) => !error.message.includes("pw"));
});
