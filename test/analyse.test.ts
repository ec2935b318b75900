// OVMS's application by its own flags, against grpcio's PredictionService, a camera of GStreamer's, and a viewer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "./support/free-port.ts";
import { needsGrpcPeers, startModelServers } from "./support/model-servers.ts";
import { LAUNCH, needsRtspServer, startRtspServer } from "./support/rtsp-server.ts";
import { startVedette, vedette } from "./support/vedette.ts";

const skip = needsGrpcPeers.skip === false ? needsRtspServer.skip : needsGrpcPeers.skip;

for (const input of ["arrays", "JPEGs"] as const) {
  test(`analyses a camera with ${input}, shows it, and says every 100 frames how it goes`, { skip, timeout: 90_000 }, async (t) => {
    const models = await startModelServers();
    t.after(() => models.stop());
    await using camera = await startRtspServer([`/cam=${LAUNCH.h264}`]);
    const port = await freePort();
    const running = startVedette(t, [
      "analyse", "--stream_url", `rtsp://127.0.0.1:${camera.port}/cam`, "--ovms_url", `127.0.0.1:${models.port}`, "--model_name", "detector", "--visualizer_port", String(port),
      ...(input === "JPEGs" ? ["--binary_input"] : []),
    ]);
    await running.until(/stream_analyzer - INFO - For \d+ received frames - FPS: [1-9]\d*; Frames dropped: \d+;/);
    const feed = await fetch(`http://127.0.0.1:${port}/video_feed`);
    assert.match(feed.headers.get("content-type") ?? "", /^multipart\/x-mixed-replace;\s*boundary=/);
    for await (const part of feed.body ?? []) {
      assert.ok((part as Uint8Array).length > 0);
      break;
    }
    running.child.kill("SIGINT");
    const { code, stderr } = await running.finished;
    assert.equal(code, 130, stderr);
    const said = [...stderr.matchAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (\S+) - INFO - (.*)$/gm)].map(([, logger, message]) => `${logger}: ${message}`);
    assert.equal(said.includes("__main__: Using binary input switched on"), input === "JPEGs");
    for (const line of [
      `__main__: OVMS Endpoint spec - ovms_url: 127.0.0.1:${models.port}; model_name: detector; model_version: latest`,
      "__main__: Number of Inference Executors: 4",
      "inference_manager: Inference Manager initialized successfully",
      "Inference-Executor-3: Inference-Executor-3 shut down successfully",
      "stream_analyzer: Stream Analyzer shut down successfully",
    ]) {
      assert.ok(said.includes(line), `${line}\n${stderr}`);
    }
  });
}

test("a server that is not there is told as the application tells it", async (t) => {
  const port = await freePort();
  const { code, stderr } = await vedette(t, ["analyse", "--stream_url", "rtsp://127.0.0.1:1/cam", "--ovms_url", `127.0.0.1:${port}`, "--model_name", "detector"]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /Inference-Executor-0 - ERROR - Could not connect to OVMS - /);
});
