import assert from "node:assert/strict";
import { test } from "node:test";
import { ovmsLine, OVMS_MESSAGES } from "./ovms-lines.ts";
import { isFpsLineDue, TORCHSERVE_LINES } from "./torchserve-lines.ts";

test("lines look as Python's logging writes them", () => {
  const date = new Date(2022, 7, 26, 10, 0, 0, 123);
  assert.equal(ovmsLine(date, "stream_analyzer", "INFO", "Starting Stream Analyzer"), "2022-08-26 10:00:00,123 - stream_analyzer - INFO - Starting Stream Analyzer");
});

test("the messages with numbers in them", () => {
  assert.equal(OVMS_MESSAGES.performance(100, 24.97, 3), "For 100 received frames - FPS: 24; Frames dropped: 3;");
  assert.equal(OVMS_MESSAGES.endpoint("localhost:9000", "m", 0), "OVMS Endpoint spec - ovms_url: localhost:9000; model_name: m; model_version: latest");
  assert.equal(OVMS_MESSAGES.endpoint("localhost:9000", "m", 2), "OVMS Endpoint spec - ovms_url: localhost:9000; model_name: m; model_version: 2");
  assert.equal(OVMS_MESSAGES.retry(2), "[Retry 2/6] Waiting 10s before reinitializing the stream...");
});

test("TorchServe's clients: a line every 20 frames", () => {
  assert.equal(TORCHSERVE_LINES.fps(4, 40, 29.96), "With Batch Size 4, FPS at frame number 40 is 30.0");
  assert.equal(TORCHSERVE_LINES.queueEmpty(375), "Length of queue is 0 , snd_cnt is 375");
  assert.deepEqual([0, 19, 20, 40, 41].filter(isFpsLineDue), [20, 40]);
});
