// The whole path, from the file to the JSON line, beside OpenCV reading, scaling and running the same network: what a user
// would see who compares the two. Pictures are decoded and scaled by different libraries, so what lies near the threshold
// may be seen by one and not by the other; what is sure must agree.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asset, needsAssets } from "./support/assets.ts";
import { needsOpenCv, OpenCv } from "./support/opencv.ts";
import { vedette } from "./support/vedette.ts";

interface Line {
  readonly detections?: readonly { readonly classId: number; readonly score: number; readonly box: readonly [number, number, number, number] }[];
}

const needs = { skip: needsAssets.skip === false ? needsOpenCv.skip : needsAssets.skip, timeout: 120_000 };
const CLIP = "media/intel-sample-videos/one-by-one-person-detection.mp4";
const FRAMES = [80, 100, 120, 150];
/** Below this OpenCV's own score for the same object moves by more than the tolerance from one decoder to the next. */
const SURE = 0.5;
let folder = "";
let opencv: OpenCv;
before(async () => {
  opencv = new OpenCv();
  folder = await mkdtemp(join(tmpdir(), "vedette-accuracy-"));
});
after(async () => {
  await opencv[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("YOLOX-nano over a clip: boxes within 2 px and scores within 0.02 of OpenCV", needs, async (t) => {
  const model = asset("models/yolox-nano/yolox_nano.onnx");
  const file = join(folder, "results.jsonl");
  const { code, stderr } = await vedette(t, ["run", asset(CLIP), "--model", model, "--to", file, "--limit-frames", String(Math.max(...FRAMES) + 1), "--quiet"]);
  assert.equal(code, 0, stderr);
  const lines = (await readFile(file, "utf8")).trim().split("\n").map((line) => JSON.parse(line) as Line);
  const answers = await opencv.ask(FRAMES.map((frame) => ({ do: "prepare", profile: "yolox", model, picture: asset(CLIP), frame, dir: join(folder, String(frame)) })));
  let compared = 0;
  for (const [i, { expected }] of answers.entries()) {
    const ours = lines[FRAMES[i]!]?.detections ?? [];
    assert.ok(expected?.detections, "OpenCV runs this network itself");
    for (const { classId, score, box } of expected.detections.filter((detection) => detection.score >= SURE)) {
      const nearest = ours.filter((detection) => detection.classId === classId).sort((a, b) => distance(a.box, box) - distance(b.box, box))[0];
      assert.ok(nearest, `frame ${FRAMES[i]!}: class ${classId} at ${box.join(", ")} is missing`);
      assert.ok(distance(nearest.box, box) <= 2, `frame ${FRAMES[i]!}: ${nearest.box.join(", ")} is not ${box.join(", ")}`);
      assert.ok(Math.abs(nearest.score - score) <= 0.02, `frame ${FRAMES[i]!}: ${nearest.score} is not ${score}`);
      compared += 1;
    }
  }
  assert.ok(compared >= FRAMES.length, `${compared} objects compared`);
});

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}
