import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineRequest } from "../../contracts/engine.ts";
import { mediaTimeUs } from "../../domain/time.ts";
import { createMotionEngine } from "./motion-engine.ts";
import { motionEngine } from "./index.ts";

const geometry = { sourceWidth: 1280, sourceHeight: 960, inputWidth: 320, inputHeight: 180, scaleX: 4, scaleY: 16 / 3, offsetX: 0, offsetY: 0 };

function request(frame: number, x: number | undefined): EngineRequest {
  const data = new Uint8Array(320 * 180).fill(80);
  for (let y = 60; x !== undefined && y < 90; y++) {
    data.fill(220, y * 320 + x, y * 320 + x + 30);
  }
  return { pixels: { data, width: 320, height: 180, channels: 1, geometry }, ptsUs: mediaTimeUs(frame * 40_000) };
}

test("moving things are detections in source pixels", async () => {
  await using engine = createMotionEngine();
  const { signal } = new AbortController();
  for (let frame = 0; frame < 20; frame++) {
    const [reply] = await engine.infer([request(frame, undefined)], signal);
    assert.deepEqual(reply?.finding, { detections: [] });
  }
  const [reply] = await engine.infer([request(20, 100)], signal);
  const [detection] = reply?.finding.detections ?? [];
  assert.deepEqual(detection?.box, [400, 320, 520, 480]);
  assert.equal(detection.label, "motion");
  assert.ok(detection.score > 0.5 && detection.score < 1);
});

test("an aborted call is refused; a change of size begins anew", async () => {
  await using engine = createMotionEngine();
  await assert.rejects(async () => engine.infer([request(0, undefined)], AbortSignal.abort()));
  const small = { ...request(0, undefined), pixels: { data: new Uint8Array(16 * 9), width: 16, height: 9, channels: 1 as const, geometry } };
  await engine.infer([request(0, undefined), small], new AbortController().signal);
});

test("it is asked for by its name", () => {
  assert.deepEqual(motionEngine.fromAddress("motion"), { kind: "motion" });
  assert.equal(motionEngine.fromAddress("onnx"), undefined);
});
