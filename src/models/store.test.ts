import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { defaultModelDir } from "./store-dir.ts";
import { listModels, namedModels, pullModel, verifyModel } from "./store.ts";
import type { CatalogueModel } from "./catalogue-model.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TestContext } from "node:test";

const BODY = randomBytes(300_000);
const SHA256 = createHash("sha256").update(BODY).digest("hex");

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves `paths` on loopback; `requests` notes what was asked. */
async function serve(t: TestContext, paths: Readonly<Record<string, Handler>>): Promise<{ url: (path: string) => string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.range ?? "all"}`);
    const handler = paths[request.url ?? ""];
    if (handler === undefined) {
      response.writeHead(404).end("nothing here");
    } else {
      handler(request, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: (path) => `http://127.0.0.1:${port}${path}`, requests };
}

/** A server that knows ranges. */
const whole: Handler = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0) {
    response.writeHead(206, { "content-range": `bytes ${start}-${BODY.length - 1}/${BODY.length}`, "content-length": BODY.length - start });
  } else {
    response.writeHead(200, { "content-length": BODY.length });
  }
  response.end(BODY.subarray(start));
};

/** Cuts the connection once the client has had time to take what came: a fetch loses what it has not handed over yet. */
const cutOff = (response: ServerResponse) => (): unknown => setTimeout(() => response.destroy(), 60);

const sends = (body: Buffer | string): Handler => (_, response) => response.writeHead(200, { "content-length": Buffer.byteLength(body) }).end(body);

async function store(t: TestContext, urls: readonly string[], more: Partial<CatalogueModel> = {}): Promise<{ dir: string; catalogue: CatalogueModel[] }> {
  const dir = await mkdtemp(join(tmpdir(), "vedette-store-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const manifest = { task: "detect", family: "yolox", labels: "coco" } as const;
  return { dir, catalogue: [{ name: "small", task: "detect", licence: "MIT", sizeBytes: BODY.length, sha256: SHA256, urls, manifest, ...more }] };
}

test("a model is downloaded with progress, verified, and put in place with a manifest", async (t) => {
  const server = await serve(t, { "/small.onnx": whole });
  const options = await store(t, [server.url("/small.onnx")]);
  const seen: number[] = [];
  const path = await pullModel("small", { ...options, onProgress: ({ receivedBytes, totalBytes }) => seen.push(receivedBytes / totalBytes) });
  assert.deepEqual(await readFile(path), BODY);
  assert.equal(seen.at(-1), 1);
  assert.deepEqual((await readdir(options.dir)).sort(), ["small.onnx", "small.yaml"]);
  assert.match(await readFile(join(options.dir, "small.yaml"), "utf8"), /licence MIT[^]*file: small.onnx\n[^]*family: yolox/);
  await pullModel("small", options);
  assert.equal(server.requests.length, 1, "what is there is not downloaded again");
  assert.deepEqual((await listModels(options)).map(({ name, state }) => [name, state]), [["small", "present"]]);
});

test("a redirect is followed", async (t) => {
  const server = await serve(t, { "/old": (_, response) => response.writeHead(302, { location: "/new" }).end(), "/new": whole });
  const options = await store(t, [server.url("/old")]);
  assert.deepEqual(await readFile(await pullModel("small", options)), BODY);
});

test("a cut connection goes on where it stopped", async (t) => {
  let cuts = 0;
  const server = await serve(t, {
    "/small.onnx": (request, response) => {
      const start = Number(/\d+/.exec(request.headers.range ?? "0")?.[0]);
      if (cuts++ < 2) {
        response.writeHead(start > 0 ? 206 : 200, { "content-range": `bytes ${start}-${BODY.length - 1}/${BODY.length}`, "content-length": BODY.length - start });
        response.write(BODY.subarray(start, start + 100_000), cutOff(response));
      } else {
        whole(request, response);
      }
    },
  });
  const options = await store(t, [server.url("/small.onnx")]);
  assert.deepEqual(await readFile(await pullModel("small", options)), BODY);
  assert.equal(server.requests.length, 3);
  assert.equal(server.requests[0], "/small.onnx all");
  assert.match(server.requests[2]!, /bytes=[1-9]\d*-/);
});

test("a download that could not be finished is kept, and the next one goes on there", async (t) => {
  let isDown = true;
  const server = await serve(t, {
    "/small.onnx": (request, response) => {
      if (isDown && request.headers.range === undefined) {
        response.writeHead(200, { "content-length": BODY.length });
        response.write(BODY.subarray(0, 120_000), cutOff(response));
      } else if (isDown) {
        response.destroy();
      } else {
        whole(request, response);
      }
    },
  });
  const options = await store(t, [server.url("/small.onnx")]);
  await assert.rejects(pullModel("small", options), { code: "E_MODEL_DOWNLOAD" });
  assert.deepEqual((await readdir(options.dir)), ["small.onnx.part"]);
  assert.deepEqual((await listModels(options)).map(({ state }) => state), ["partial"]);
  const { size } = await stat(join(options.dir, "small.onnx.part"));
  isDown = false;
  assert.deepEqual(await readFile(await pullModel("small", options)), BODY);
  assert.equal(server.requests.at(-1), `/small.onnx bytes=${size}-`);
});

test("a server that ignores ranges is read from the start", async (t) => {
  const server = await serve(t, { "/small.onnx": sends(BODY) });
  const options = await store(t, [server.url("/small.onnx")]);
  await writeFile(join(options.dir, "small.onnx.part"), BODY.subarray(0, 1000));
  assert.deepEqual(await readFile(await pullModel("small", options)), BODY);
});

test("a first part that belongs to another file does no harm", async (t) => {
  const server = await serve(t, { "/small.onnx": whole });
  const options = await store(t, [server.url("/small.onnx")]);
  await writeFile(join(options.dir, "small.onnx.part"), randomBytes(1000));
  assert.deepEqual(await readFile(await pullModel("small", options)), BODY);
});

test("the wrong file is refused and nothing is left in place", async (t) => {
  const server = await serve(t, { "/small.onnx": sends(randomBytes(BODY.length)) });
  const options = await store(t, [server.url("/small.onnx")]);
  await assert.rejects(pullModel("small", options), { code: "E_MODEL_DIGEST" });
  assert.deepEqual(await readdir(options.dir), []);
});

test("addresses are tried in order, and every reason is told", async (t) => {
  const server = await serve(t, {
    "/pointer": sends(`version https://git-lfs.github.com/spec/v1\noid sha256:${SHA256}\nsize ${BODY.length}\n`),
    "/page": sends("<html>log in first</html>"),
    "/longer": sends(Buffer.concat([BODY, BODY])),
    "/small.onnx": whole,
  });
  const wrong = ["/missing", "/pointer", "/page", "/longer"].map(server.url);
  const options = await store(t, [...wrong, server.url("/small.onnx")]);
  assert.deepEqual(await readFile(await pullModel("small", options)), BODY);
  const without = await store(t, wrong);
  await assert.rejects(pullModel("small", without), (error: Error) => {
    assert.match(error.message, /missing: HTTP 404.*pointer: a Git LFS pointer.*page: ended after 25 of 300000 bytes.*longer: more than the 300000 bytes/);
    return true;
  });
  assert.deepEqual(await readdir(without.dir), []);
});

test("a server that goes silent is given up", async (t) => {
  const server = await serve(t, {
    "/small.onnx": (_, response) => {
      response.writeHead(200, { "content-length": BODY.length });
      response.write(BODY.subarray(0, 10));
    },
  });
  const options = await store(t, [server.url("/small.onnx")]);
  await assert.rejects(pullModel("small", { ...options, silenceMs: 50 }), { code: "E_MODEL_DOWNLOAD", message: /silent/ });
});

test("giving up ends the download at once and keeps what came", async (t) => {
  const controller = new AbortController();
  const server = await serve(t, {
    "/small.onnx": (_, response) => {
      response.writeHead(200, { "content-length": BODY.length });
      response.write(BODY.subarray(0, 1000));
    },
  });
  const options = await store(t, [server.url("/small.onnx")]);
  const onProgress = (): void => controller.abort(new Error("enough"));
  await assert.rejects(pullModel("small", { ...options, signal: controller.signal, onProgress }), /enough/);
  assert.deepEqual(await readdir(options.dir), ["small.onnx.part"]);
});

test("two pulls at once download once", async (t) => {
  const server = await serve(t, { "/small.onnx": whole });
  const options = await store(t, [server.url("/small.onnx")]);
  const paths = await Promise.all([pullModel("small", options), pullModel("small", options)]);
  assert.equal(paths[0], paths[1]);
  assert.equal(server.requests.length, 1);
});

test("the lock of a process that is gone is taken over", async (t) => {
  const server = await serve(t, { "/small.onnx": whole });
  const options = await store(t, [server.url("/small.onnx")]);
  const { hostname } = await import("node:os");
  await writeFile(join(options.dir, "small.onnx.lock"), `999999999 ${hostname()}\n`);
  assert.deepEqual(await readFile(await pullModel("small", options)), BODY);
});

test("verifying reads the file again", async (t) => {
  const server = await serve(t, { "/small.onnx": whole });
  const options = await store(t, [server.url("/small.onnx")]);
  const path = await pullModel("small", options);
  assert.equal((await verifyModel("small", options)).isIntact, true);
  const bytes = await readFile(path);
  bytes[1000]! ^= 1;
  await writeFile(path, bytes);
  assert.equal((await verifyModel("small", options)).isIntact, false);
  await truncate(path, 10);
  assert.equal((await verifyModel("small", options)).isIntact, false);
  await assert.rejects(verifyModel("other", options), { code: "E_MODEL_NOT_FOUND" });
});

test("a name is pulled on first use, after saying so", async (t) => {
  const server = await serve(t, { "/small.onnx": whole });
  const options = await store(t, [server.url("/small.onnx")]);
  const told: string[] = [];
  const named = namedModels({ ...options, beforePull: ({ name }) => told.push(name) });
  assert.equal(await named("nothing"), undefined);
  const path = await named("small");
  assert.equal(await named("small"), path);
  assert.deepEqual(told, ["small"]);
});

test("the store lies where the platform keeps a user's data", () => {
  assert.equal(defaultModelDir({ VEDETTE_MODELS: "/m" }, "linux"), "/m");
  assert.equal(defaultModelDir({ XDG_DATA_HOME: "/data" }, "linux"), join("/data", "vedette", "models"));
  assert.match(defaultModelDir({}, "linux"), /\.local.share.vedette.models$/);
  assert.match(defaultModelDir({}, "darwin"), /Library.Application Support.vedette.models$/);
  assert.equal(defaultModelDir({ LOCALAPPDATA: "L" }, "win32"), join("L", "vedette", "models"));
});
