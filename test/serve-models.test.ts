// `vedette serve` as a model server: with nothing but --model, with streams beside it, with tokens and TLS.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { asset, needsAssets } from "./support/assets.ts";
import { needsPrograms } from "./support/programs.ts";
import { startVedette, vedette } from "./support/vedette.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-serve-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const mnist = (): string => `mnist=${asset("models/mnist/mnist.onnx")}`;
const LISTEN = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];

async function portOf(running: ReturnType<typeof startVedette>, listener = "http"): Promise<number> {
  const [, port] = await running.until(new RegExp(`model server:.*\\b${listener} (\\d+)`));
  return Number(port);
}

describe("vedette serve --model", { ...needsAssets, timeout: 120_000 }, () => {
  test("needs no configuration file, says where it listens, and ends with what is under way done", async (t) => {
    const running = startVedette(t, ["serve", "--model", mnist(), ...LISTEN, "--torchserve", "127.0.0.1:0,0,0,0"], { cwd: folder });
    const base = `http://127.0.0.1:${await portOf(running)}`;
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
    assert.equal(((await (await fetch(`${base}/v2`)).json()) as { version: string }).version, version);
    assert.equal((await fetch(`${base}/v2/health/ready`)).status, 200);
    assert.deepEqual(await (await fetch(`${base}/ping`)).json(), { status: "Healthy" });
    const body = JSON.stringify({ inputs: [{ name: "Input3", shape: [1, 1, 28, 28], datatype: "FP32", data: Array.from({ length: 784 }, () => 0) }] });
    const answer = (await (await fetch(`${base}/v2/models/mnist/infer`, { method: "POST", body })).json()) as { outputs: { shape: number[] }[] };
    assert.deepEqual(answer.outputs[0]?.shape, [1, 10]);
    const management = await portOf(running, "management");
    assert.equal((await fetch(`http://127.0.0.1:${management}/models`)).status, 200);
    running.child.kill("SIGINT");
    assert.equal((await running.finished).code, 130);
  });

  test("runs the streams of a configuration file beside it, and serves that file's models when asked", async (t) => {
    const config = join(folder, "both.yaml");
    await writeFile(config, `models: { digits: "${asset("models/mnist/mnist.onnx")}" }\nstreams: { gate: { source: "test:bars", outputs: ["gate.jsonl"] } }\n`);
    const running = startVedette(t, ["serve", "--config", config, "--all-models", ...LISTEN]);
    const base = `http://127.0.0.1:${await portOf(running)}`;
    assert.equal((await fetch(`${base}/v2/models/digits/ready`)).status, 200);
    await running.until(/gate: /);
    running.child.kill("SIGTERM");
    assert.equal((await running.finished).code, 130);
  });

  test("without models and without a configuration it says what it wants", async (t) => {
    const { code, stderr } = await vedette(t, ["serve"], { cwd: folder });
    assert.equal(code, 2);
    assert.match(stderr, /vedette\.yaml: no such file/);
  });

  test("with a certificate and tokens: TLS on HTTP, 401 without the right token", needsPrograms("openssl"), async (t) => {
    const [key, cert, tokens] = ["key.pem", "cert.pem", "tokens"].map((name) => join(folder, name)) as [string, string, string];
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], { stdio: "ignore" });
    await writeFile(tokens, "open sesame\n".replace(" ", "-"));
    const running = startVedette(t, ["serve", "--model", mnist(), "--http", "0.0.0.0:0", "--no-grpc", "--token-file", tokens, "--tls-cert", cert, "--tls-key", key], { cwd: folder });
    const port = await portOf(running);
    const status = (token: string | undefined): Promise<number> => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      request({ host: "localhost", port, path: "/v2/models/mnist", ca: readFileSync(cert), headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .once("error", reject)
        .end();
      return promise;
    };
    assert.deepEqual([await status(undefined), await status("wrong"), await status("open-sesame")], [401, 401, 200]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/v2`), "plain HTTP is not answered");
    assert.doesNotMatch(running.output(), /open-sesame/);
  });
});
