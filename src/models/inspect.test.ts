import assert from "node:assert/strict";
import { test } from "node:test";
import { asset, needsAssets } from "../../test/support/assets.ts";
import { formatInspection, inspectModel } from "./inspect.ts";
import type { Engine } from "../contracts/engine.ts";
import type { Model } from "../domain/model.ts";

/** An engine that answers with one cat and notes what it was given. */
function fakeEngine(model: Model, seen: string[]): Promise<Engine> {
  return Promise.resolve({
    description: "test engine", input: model.input, parallelism: 1, batchSizes: [1],
    infer: (batch) => {
      seen.push(...batch.map(({ pixels }) => `${pixels.width}×${pixels.height}×${pixels.channels} ${pixels.data.length}`));
      return Promise.resolve(batch.map(() => ({ finding: { classes: [{ label: "cat", classId: 0, score: 0.5 }] }, inferMs: 1.25, interpretMs: 0.5 })));
    },
    [Symbol.asyncDispose]: () => {
      seen.push("disposed");
      return Promise.resolve();
    },
  });
}

test("an inspection says what the file holds, what follows from it and why, and what one picture gave", needsAssets, async () => {
  const seen: string[] = [];
  const inspection = await inspectModel(asset("models/yolox-nano/yolox_nano.onnx"), {}, { openEngine: (model) => fakeEngine(model, seen) });
  assert.deepEqual(seen, ["416×416×3 519168", "disposed"]);
  const text = formatInspection(inspection);
  for (const line of [/input +images float32 \[1, 3, 416, 416\]/, /output +output float32 \[1, 3549, 85\]/, /inferred +family yolox: 3549 rows/, /test run +1\.3 ms \+ 0\.50 ms on test engine: cat 0\.500/]) {
    assert.match(text, line);
  }
});

test("an inspection of an incomplete model lists what is missing instead of failing", needsAssets, async () => {
  const { missing, model } = await inspectModel(asset("models/person-reid-0288/person-reidentification-retail-0288.onnx"), { family: "embed" });
  assert.equal(model, undefined);
  assert.deepEqual(missing.map(({ flag }) => flag.split(" ")[0]), ["--normalise"]);
});
