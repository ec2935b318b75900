// Remote engines end to end: one process runs the stream, another the model, and the other one is not always well.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { asset, needsAssets } from "./support/assets.ts";
import { freePort } from "./support/free-port.ts";
import { startVedette, vedette } from "./support/vedette.ts";
import type { Running } from "./support/vedette.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-remote-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const MODEL = (): string => asset("models/mobilenetv1-025/mobilenet_v1_025_224_fp32_dynbatch.onnx");
const LABELS = (): string => asset("models/mobilenetv1-025/imagenet_labels_1001.txt");
/** What a server cannot tell about a classifier. */
const SAID = (): string[] => ["--model", "mob", "--family", "softmax", "--labels", LABELS(), "--normalise", "-1..1"];

interface Line {
  readonly seq: number;
  readonly classes?: readonly { readonly label: string; readonly score: number }[];
}

async function serve(t: TestContext, grpc: number, http = 0): Promise<Running> {
  const running = startVedette(t, ["serve", "--model", `mob=${MODEL()}`, "--grpc", `127.0.0.1:${grpc}`, "--http", `127.0.0.1:${http}`, "--workers", "1"], { cwd: folder });
  await running.until(/model server: .*\n/);
  return running;
}

async function lines(name: string): Promise<readonly Line[]> {
  const text = await readFile(join(folder, name), "utf8").catch(() => "");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Line);
}

async function eventually(what: string, isSo: () => Promise<boolean> | boolean, timeoutMs = 30_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < endMs, `not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe("a stream whose model runs in another process", { ...needsAssets, timeout: 180_000 }, () => {
  test("finds what the embedded engine finds, over gRPC and HTTP, as pixels and as JPEG, knowing the model by the server alone", async (t) => {
    const [grpc, http] = [await freePort(), await freePort()];
    await serve(t, grpc, http);
    const clip = asset("media/intel-sample-videos/one-by-one-person-detection.mp4");
    const common = ["--limit-frames", "5", "--quiet"];
    const embedded = await vedette(t, ["run", clip, "--model", MODEL(), ...common, "--to", join(folder, "embedded.jsonl")]);
    assert.equal(embedded.code, 0, embedded.stderr);
    const expected = await lines("embedded.jsonl");
    assert.equal(expected.length, 5);
    for (const [engine, tolerance, ...flags] of [
      [`kserve+grpc://127.0.0.1:${grpc}`, 0.001],
      [`kserve+http://127.0.0.1:${http}`, 0.001],
      [`tfserving+grpc://127.0.0.1:${grpc}`, 0.001],
      [`tfserving+grpc://127.0.0.1:${grpc}`, 0.1, "--binary-input"],
    ] as const) {
      const { code, stderr } = await vedette(t, ["run", clip, "--engine", engine, ...flags, ...SAID(), ...common, "--to", join(folder, "remote.jsonl")], { cwd: folder });
      assert.equal(code, 0, `${engine}: ${stderr}`);
      const got = await lines("remote.jsonl");
      assert.deepEqual(got.map(({ seq }) => seq), [0, 1, 2, 3, 4], "in order");
      got.forEach(({ classes }, i) => {
        const [best, wanted] = [classes?.[0], expected[i]?.classes?.[0]];
        assert.ok(Math.abs((best?.score ?? 0) - (wanted?.score ?? 1)) < tolerance, `${engine} ${flags.join(" ")} frame ${i}: ${JSON.stringify(best)} instead of ${JSON.stringify(wanted)}`);
      });
    }
    const torchserve = await vedette(t, ["run", clip, "--engine", `torchserve+http://127.0.0.1:${http}`, "--model", "mob", ...common, "--to", join(folder, "remote.jsonl")], { cwd: folder });
    assert.equal(torchserve.code, 0, torchserve.stderr);
    assert.equal((await lines("remote.jsonl")).length, 5, "its answers need no manifest at all");
  });

  test("goes on while the server is killed, and comes back by itself", async (t) => {
    const port = await freePort();
    const first = await serve(t, port);
    const stream = startVedette(t, ["run", "scene:street", "--engine", `kserve+grpc://127.0.0.1:${port}`, ...SAID(), "--fps", "10", "--to", join(folder, "killed.jsonl"), "--json"], { cwd: folder });
    await eventually("results come", async () => (await lines("killed.jsonl")).length > 5);
    first.child.kill("SIGKILL");
    await first.finished;
    await stream.until(/kserve/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const before = (await lines("killed.jsonl")).length;
    await serve(t, port);
    await eventually("results come again", async () => (await lines("killed.jsonl")).length > before + 5);
    stream.child.kill("SIGINT");
    const { stderr } = await stream.finished;
    const [, json] = /^(\{"summary".*)$/m.exec(stderr) ?? [];
    const { summary } = JSON.parse(json ?? "{}") as { summary: { dropped: { engine_error?: number } } };
    assert.ok((summary.dropped.engine_error ?? 0) > 0, "lost frames have a reason");
    assert.ok(stderr.split("\n").filter((line) => line.includes("E_ENGINE") || line.includes("failed before")).length < 30, "one line a second, not one a frame");
  });

  test("--fallback takes over while the server stands still, and the server is used again when it goes on", async (t) => {
    const port = await freePort();
    const server = await serve(t, port);
    const flags = ["--engine", `kserve+grpc://127.0.0.1:${port}`, "--engine-model", "mob", "--fallback", "onnx", "--fallback-after", "300", "--model", MODEL()];
    const stream = startVedette(t, ["run", "scene:street", ...flags, "--fps", "5", "--to", join(folder, "fallback.jsonl"), "--json"], { cwd: folder });
    await eventually("results come", async () => (await lines("fallback.jsonl")).length > 3);
    server.child.kill("SIGSTOP");
    await stream.until(/fell back to the second engine/);
    const before = (await lines("fallback.jsonl")).length;
    await eventually("results go on without it", async () => (await lines("fallback.jsonl")).length > before + 5);
    server.child.kill("SIGCONT");
    await stream.until(/the preferred engine answers again/);
    stream.child.kill("SIGINT");
    const { code, stderr } = await stream.finished;
    assert.equal(code, 130, stderr);
  });

  test("--shadow says how a second engine differs, and a dead one costs nothing", async (t) => {
    const port = await freePort();
    await serve(t, port);
    const clip = asset("media/intel-sample-videos/one-by-one-person-detection.mp4");
    const flags = ["--model", MODEL(), "--realtime", "--limit-frames", "25", "--json"];
    const { code, stderr } = await vedette(t, ["run", clip, ...flags, "--shadow", `kserve+grpc://127.0.0.1:${port}`, "--shadow-model", MODEL()], { cwd: folder });
    assert.equal(code, 0, stderr);
    const [, json] = /^(\{"summary".*)$/m.exec(stderr) ?? [];
    const { summary } = JSON.parse(json ?? "{}") as { summary: { analysed: number; shadow: { compared: number; failed: number; dropped: number; classes?: { top1Agreement: number; meanScoreDifference: number }; latencyMs: { shadow: { p95: number } } } } };
    // The server knows it as mob: the shadow's frames fail, the stream's do not.
    assert.equal(summary.analysed, 25);
    assert.equal(summary.shadow.compared, 0);
    const named = await vedette(t, ["run", clip, ...flags, "--shadow", "onnx", "--shadow-model", MODEL()], { cwd: folder });
    const [, second] = /^(\{"summary".*)$/m.exec(named.stderr) ?? [];
    const { shadow, analysed } = (JSON.parse(second ?? "{}") as { summary: typeof summary }).summary;
    assert.equal(analysed, 25);
    assert.ok(shadow.compared > 10, JSON.stringify(shadow));
    assert.deepEqual(shadow.classes, { frames: shadow.compared, top1Agreement: 1, meanScoreDifference: 0 });
    assert.ok(shadow.latencyMs.shadow.p95 > 0);
  });

  test("addresses with credentials are refused without showing them", async (t) => {
    for (const engine of ["kserve+grpc://user:hunter2@127.0.0.1:1", "nobody+grpc://user:hunter2@127.0.0.1:1"]) {
      const { code, stderr } = await vedette(t, ["run", "scene:street", "--engine", engine, ...SAID()], { cwd: folder });
      assert.equal(code, 2, stderr);
      assert.doesNotMatch(stderr, /hunter2/);
    }
  });
});
