import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { Tensor } from "../src/domain/model.ts";
import { mediaTimeUs, wallTimeMs } from "../src/domain/time.ts";
import { silentLogger } from "../src/runtime/log.ts";
import { openUseCase } from "../src/use-cases/isolate/open-use-case.ts";

const file = fileURLToPath(new URL("./person-vehicle-bike.ts", import.meta.url));

test("reads a DetectionOutput layer as OVMS's PersonVehicleBikeDetection does, in under 40 lines", async (t) => {
  assert.ok(readFileSync(file, "utf8").split("\n").length < 40);
  const useCase = await openUseCase(file, { log: silentLogger });
  t.after(() => useCase[Symbol.asyncDispose]());
  const geometry = { sourceWidth: 1920, sourceHeight: 1080, inputWidth: 512, inputHeight: 512, scaleX: 1920 / 512, scaleY: 1080 / 512, offsetX: 0, offsetY: 0 };
  const data = new Float32Array(200 * 7).fill(0);
  data.set([0, 0, 0.875, 0.25, 0.5, 0.5, 1], 0);
  data.set([0, 1, 0.75, 0.5, 0, 0.625, 0.25], 7);
  data.set([0, 2, 0.5, 0, 0, 1, 1], 14);
  data.set([-1, 2, 0.875, 0, 0, 1, 1], 21);
  const output: Tensor = { name: "detection_out", type: "float32", shape: [1, 1, 200, 7], data };
  const finding = await useCase.interpret!({ data: { tensors: [output] } }, { data: new Uint8Array(0), width: 512, height: 512, channels: 3, geometry });
  assert.deepEqual(finding, {
    detections: [
      { label: "Vehicle", classId: 0, score: 0.875, box: [480, 540, 960, 1080] },
      { label: "Person", classId: 1, score: 0.75, box: [960, 0, 1200, 270] },
    ],
  });
  const result = { ...finding, stream: "gate", seq: 0, ptsUs: mediaTimeUs(0), capturedAtMs: wallTimeMs(0), width: 1920, height: 1080, timingsMs: {}, ageMs: 0 };
  // Colours and places of the original: blue vehicles, green people, red bikes, names ten pixels off the corner.
  assert.deepEqual(await useCase.draw!(result), [
    { shape: "box", box: [480, 540, 960, 1080], color: 0x0000ff },
    { shape: "text", x: 470, y: 530, text: "Vehicle", color: 0x0000ff },
    { shape: "box", box: [960, 0, 1200, 270], color: 0x00ff00 },
    { shape: "text", x: 950, y: -10, text: "Person", color: 0x00ff00 },
  ]);
});
