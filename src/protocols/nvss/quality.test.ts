import assert from "node:assert/strict";
import { test } from "node:test";
import { streamServer, webcamClient, webcamServer } from "./lines.ts";
import { QualityControl, RateMeter } from "./quality.ts";

test("the estimate ramps up from a tenth of the real rate", () => {
  const meter = new RateMeter(0);
  meter.update(1 / 25, 1000);
  assert.ok(Math.abs(meter.fps - 2.5) < 1e-9);
  assert.ok(Math.abs(meter.bytesPerS - 2500) < 1e-9);
  for (let i = 2; i <= 200; i++) {
    meter.update(i / 25, 1000);
  }
  assert.ok(Math.abs(meter.fps - 25) < 0.01);
  assert.ok(Math.abs(meter.bytesPerS - 25_000) < 10);
});

test("quality moves one step per frame, between 10 and 100", () => {
  const control = new QualityControl(95, 1000);
  const below = Array.from({ length: 8 }, () => (control.sent(999), control.quality));
  assert.deepEqual(below, [96, 97, 98, 99, 100, 100, 100, 100]);
  for (let i = 0; i < 200; i++) {
    control.sent(1000);
  }
  assert.equal(control.quality, 10);
});

test("without a budget the quality is truly fixed", () => {
  const control = new QualityControl(90, undefined);
  control.sent(0);
  control.sent(1e12);
  assert.equal(control.quality, 90);
});

test("the lines are the original's", () => {
  assert.equal(webcamServer.listening("127.0.0.1", 50222), "webcam server: listening to client ('127.0.0.1', 50222)");
  assert.equal(webcamServer.reading(29.987, 1048576), "webcam server reading data: 29.99 FPS \t  1.00 MiB/s");
  assert.equal(
    webcamClient.sending(29.5, 30, 2 ** 19, Infinity, 97),
    "webcam client sending data: 29.50/30.00 FPS \t 0.50/inf MiB/s \t 97 Quality",
  );
  assert.match(streamServer.sending(25, 2 ** 20, 2 ** 20, 95), /^stream server sending data: 25\.00 FPS \t {20,}1\.00\/1\.00 MiB\/s \t 95 Quality$/);
});
