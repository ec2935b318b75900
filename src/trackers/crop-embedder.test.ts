import assert from "node:assert/strict";
import { test } from "node:test";
import { CropEmbedder } from "./crop-embedder.ts";
import type { Engine, EngineRequest } from "../contracts/engine.ts";
import type { FrameReader, VideoFrame } from "../contracts/frame.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import type { Detection } from "../domain/result.ts";

const never = new AbortController().signal;
const input = { name: "x", width: 2, height: 4, layout: "NHWC", color: "BGR", type: "float32", fit: "stretch", anchor: "center", pad: 0, scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const geometry = { sourceWidth: 100, sourceHeight: 100, inputWidth: 2, inputHeight: 4, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
const frame: VideoFrame = { width: 100, height: 100, ptsUs: mediaTimeUs(5), durationUs: 0, capturedAtMs: wallTimeMs(0), retain: () => frame, [Symbol.dispose]: () => undefined };

/** Cuts out nothing, but writes down the left edge of the box as the first pixel. */
const reader: Pick<FrameReader, "toCrop"> = {
  toCrop: (_, box, { width, height }, into) => {
    into[0] = box[0];
    return Promise.resolve({ data: into, width, height, channels: 3, geometry });
  },
};

interface FakeEngine extends Engine {
  readonly batches: number[];
  most: number;
}

/** Answers with the first pixel as the look. */
function fakeEngine(more: Partial<Engine> = {}): FakeEngine {
  let running = 0;
  const engine: FakeEngine = {
    description: "fake", input, parallelism: 2, batchSizes: [1], batches: [], most: 0,
    infer: async (batch: readonly EngineRequest[]) => {
      engine.batches.push(batch.length);
      engine.most = Math.max(engine.most, ++running);
      const seen = batch.map(({ pixels }) => pixels.data[0] ?? 0);
      await Promise.resolve();
      running -= 1;
      return seen.map((value) => ({ finding: { embedding: Float32Array.of(value, 1) }, inferMs: 1, interpretMs: 0 }));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...more,
  };
  return engine;
}

const person = (x: number, more: Partial<Detection> = {}): Detection => ({ label: "person", classId: 0, score: 0.9, box: [x, 0, x + 20, 40], ...more });
const looksOf = (detections: readonly Detection[]): (number | undefined)[] => detections.map(({ embedding }) => embedding?.[0]);

test("every detection gets the look of its own crop, in order, one crop at a time where the model says so", async () => {
  const engine = fakeEngine();
  const embedded = await new CropEmbedder(engine, reader as FrameReader).embed(frame, [person(7), person(3), person(5)], never);
  assert.deepEqual(looksOf(embedded), [7, 3, 5]);
  assert.deepEqual(engine.batches, [1, 1, 1]);
  assert.equal(engine.most, 2);
});

test("a model that takes batches gets them", async () => {
  const engine = fakeEngine({ batchSizes: [1, 2, 4] });
  const embedded = await new CropEmbedder(engine, reader as FrameReader).embed(frame, [1, 2, 3, 4, 5, 6].map((x) => person(x)), never);
  assert.deepEqual(looksOf(embedded), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(engine.batches, [4, 2]);
});

test("weak, small, unwanted and surplus detections go without", async () => {
  const embedder = new CropEmbedder(fakeEngine(), reader as FrameReader, { classes: ["person"], minScore: 0.5, maxPerFrame: 2 });
  const all = [person(1, { score: 0.4 }), person(2, { box: [2, 0, 6, 40] }), person(3, { label: "dog" }), person(4, { score: 0.6 }), person(5), person(6)];
  assert.deepEqual(looksOf(await embedder.embed(frame, all, never)), [undefined, undefined, undefined, undefined, 5, 6]);
});

test("a crop the engine fails on goes without; the others are not touched", async () => {
  const errors: unknown[] = [];
  const working = fakeEngine();
  const engine = fakeEngine({ infer: (batch, signal) => (batch[0]?.pixels.data[0] === 2 ? Promise.reject(new Error("bad crop")) : working.infer(batch, signal)) });
  const embedder = new CropEmbedder(engine, reader as FrameReader, { onError: (error) => errors.push(error) });
  assert.deepEqual(looksOf(await embedder.embed(frame, [person(1), person(2), person(3)], never)), [1, undefined, 3]);
  assert.equal(errors.length, 1);
});

test("aborting ends it with the signal's reason", async () => {
  const controller = new AbortController();
  controller.abort(new Error("stopped"));
  await assert.rejects(new CropEmbedder(fakeEngine(), reader as FrameReader).embed(frame, [person(1)], controller.signal), /stopped/);
});
