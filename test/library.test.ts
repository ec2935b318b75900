import assert from "node:assert/strict";
import { test } from "node:test";
import { infer, lineRule, mjpegServer, overlay, pipeline, source, track, useCase } from "../src/index.ts";
import { aliveFrames } from "../src/media/index.ts";

const SCENE = "scene:street?frames=60&realtime=0&size=640x360";

test("a pipeline in one expression gives every result of a source that waits, and leaves nothing behind", { timeout: 60_000 }, async () => {
  const before = aliveFrames();
  const results = await (async () => {
    await using app = await pipeline(source(SCENE), useCase("motion"), track(), overlay());
    const seqs = (await Array.fromAsync(app.results())).map(({ seq }) => seq);
    const { frames, analysed, dropped } = await app.finished;
    assert.deepEqual({ frames, analysed, dropped }, { frames: 60, analysed: 60, dropped: {} });
    return seqs;
  })();
  assert.deepEqual(results, Array.from({ length: 60 }, (_, i) => i));
  assert.equal(aliveFrames(), before, "every frame was given back");
});

test("its own network, tracked: identities are stable and events come with them", { timeout: 120_000 }, async () => {
  await using app = await pipeline(
    source("scene:street?frames=150&realtime=0"),
    infer("demo/assets/street.yaml"),
    track(),
    lineRule("everywhere", [[0.5, 0.2], [0.5, 1]]),
  );
  const events = Array.fromAsync(app.events());
  const results = await Array.fromAsync(app.results());
  const ids = new Set(results.flatMap(({ detections }) => detections ?? []).map(({ trackId }) => trackId).filter((id) => id !== undefined));
  assert.ok(ids.size >= 5 && ids.size < 100, `${ids.size} identities in six seconds`);
  assert.ok((await events).every((event) => event.rule === "everywhere" && event.type === "line.crossed"));
});

test("stopping ends a live pipeline and its page", { timeout: 60_000 }, async () => {
  const app = await pipeline(source("scene:street"), useCase("motion"), mjpegServer(":0"));
  for await (const result of app.results()) {
    if (result.seq >= 5) {
      break;
    }
  }
  await app[Symbol.asyncDispose]();
  assert.ok((await app.finished).frames >= 5);
});

test("mistakes are said before anything runs", async () => {
  await assert.rejects(pipeline(useCase("motion")), { code: "E_USAGE", message: /needs a source/ });
  await assert.rejects(pipeline(source(SCENE), source(SCENE)), { code: "E_USAGE", message: /one source, this one has 2/ });
  await assert.rejects(pipeline(source(SCENE), useCase("motoin")), { code: "E_USE_CASE", message: /did you mean motion/ });
  await assert.rejects(pipeline(source(SCENE), infer("nowhere.onnx")), { code: "E_MODEL_NOT_FOUND" });
});
