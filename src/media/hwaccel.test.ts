import assert from "node:assert/strict";
import { test } from "node:test";
import { VedetteError } from "../errors.ts";
import { silentLogger } from "../runtime/log.ts";
import { createDecoder, createEncoder, probeAvailable } from "./index.ts";

const track = { kind: "video", codec: "h264", width: 320, height: 240, rotation: 0, frameRate: 25, codecPrivate: undefined } as const;

test("auto always gives a decoder, and says what it runs on", async () => {
  await using decoder = await createDecoder(track, { hwaccel: "auto", log: silentLogger });
  assert.match(decoder.description, /^h264 \((software; .+|[a-z0-9]+)\)$/);
  await using plain = await createDecoder(track, { hwaccel: "none", log: silentLogger });
  assert.equal(plain.description, "h264 (software)");
});

test("an accelerator that is not there is refused, with those that are", async () => {
  await assert.rejects(createDecoder(track, { hwaccel: "no-such-thing", log: silentLogger }), (error: unknown) => {
    assert.ok(error instanceof VedetteError);
    assert.equal(error.code, "E_MEDIA_HWACCEL");
    assert.match(error.message, /no-such-thing is not available: this build does not know it/);
    assert.match(error.hint, /Available here: .+\./);
    return true;
  });
});

test("the doctor hears what this build can do", () => {
  const { ffmpegVersion, decoders, encoders, hwaccels } = probeAvailable();
  assert.match(ffmpegVersion, /^\d+\./);
  assert.ok(decoders.includes("h264") && decoders.includes("hevc"));
  assert.ok(encoders.includes("libx264") && encoders.includes("libx265") && encoders.includes("mjpeg"));
  assert.ok(Array.isArray(hwaccels));
});

test("without hardware that encodes, software does, and says so", async () => {
  await using encoder = await createEncoder({ codec: "h264", width: 320, height: 240, lowLatency: true, hwaccel: "auto" });
  assert.match(encoder.description, /^(h264_\w+ 320×240|libx264 320×240 \(no hardware encoder for --hwaccel auto\))$/);
});
