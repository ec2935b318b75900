import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { vedette } from "./support/vedette.ts";

interface Report {
  readonly checks: readonly { readonly name: string; readonly state: string; readonly says: string }[];
  readonly measurement?: Record<"encode" | "decode" | "motion" | "network", { readonly fps: number; readonly cpuMsPerFrame: number }>;
  readonly diagnosis?: { readonly bottleneck: string; readonly advice: string; readonly cameras: number };
}

test("measures every kind of work and names a bottleneck", { timeout: 120_000 }, async (t) => {
  const { code, stdout, stderr } = await vedette(t, ["doctor", "--json", "--seconds", "0.5"]);
  assert.equal(code, 0, stderr);
  const { measurement, diagnosis } = JSON.parse(stdout) as Report;
  for (const { fps, cpuMsPerFrame } of Object.values(measurement!).filter((part) => typeof part === "object")) {
    assert.ok(fps > 0 && cpuMsPerFrame > 0);
  }
  assert.match(diagnosis!.bottleneck, /^(inference|decoding)$/);
  assert.ok(diagnosis!.advice.length > 20);
});

test("looks without measuring: folders that cannot be made and ports in use stand out", { timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vedette-doctor-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  // Whether it is us or somebody else who has it: it is taken.
  const server = createServer().on("error", () => undefined).listen(8554, "127.0.0.1");
  await Promise.race([once(server, "listening"), once(server, "close"), new Promise((next) => setTimeout(next, 500))]);
  t.after(() => server.close());
  const { code, stdout } = await vedette(t, ["doctor", "--no-measure", "--data-dir", "/dev/null/state"], { env: { VEDETTE_MODELS: join(folder, "models") } });
  assert.equal(code, 0);
  assert.match(stdout, /^ok {3}model store +.*models will be made when it is needed$/m);
  assert.match(stdout, /^look data folder +\/dev\/null\/state cannot be written \(ENOTDIR\)$/m);
  assert.match(stdout, /^look port 8554 +127\.0\.0\.1:8554 is in use/m);
  assert.doesNotMatch(stdout, /bottleneck/);
});
