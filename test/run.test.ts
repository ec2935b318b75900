import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, after, describe, test } from "node:test";
import { promisify } from "node:util";
import { asset, needsAssets } from "./support/assets.ts";
import { needsPrograms } from "./support/programs.ts";
import { startVedette, vedette } from "./support/vedette.ts";

const call = promisify(execFile);
let folder = "";
const at = (name: string): string => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-run-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function ffmpeg(...args: string[]): Promise<void> {
  await call("ffmpeg", ["-v", "error", "-y", ...args]);
}

async function probe(file: string, entries: string): Promise<string> {
  return (await call("ffprobe", ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0", file])).stdout.trim();
}

describe("vedette run, on a real clip with a real network", { ...needsAssets, timeout: 120_000 }, () => {
  const clip = (): string => asset("media/intel-sample-videos/one-by-one-person-detection.mp4");
  const model = (): string => asset("models/yolox-nano/yolox_nano.onnx");

  test("writes every frame annotated and every result, in order", needsPrograms("ffprobe"), async (t) => {
    const { code, stderr } = await vedette(t, ["run", clip(), "--model", model(), "--to", at("out.mp4"), "--to", at("results.jsonl"), "--limit-frames", "120"]);
    assert.equal(code, 0, stderr);
    const results = (await readFile(at("results.jsonl"), "utf8")).trim().split("\n").map((line) => JSON.parse(line) as { seq: number; ptsUs: number; detections?: { label: string; score: number; box: number[] }[] });
    assert.deepEqual(results.map(({ seq }) => seq), Array.from({ length: 120 }, (_, i) => i));
    assert.deepEqual(results.slice(0, 3).map(({ ptsUs }) => ptsUs), [0, 100_000, 200_000], "10 frames a second");
    const people = results.filter(({ detections }) => detections?.some(({ label, score }) => label === "person" && score > 0.5));
    assert.ok(people.length > 30, `a person walks in at six seconds: seen in ${people.length} frames`);
    assert.ok(people.every(({ detections }) => detections?.every(({ box }) => box[0]! >= 0 && box[1]! >= 0 && box[2]! <= 768 && box[3]! <= 432)));
    assert.equal(await probe(at("out.mp4"), "stream=codec_name,width,height,nb_frames"), "h264,768,432,120");
  });

  test("Ctrl-C leaves a playable MP4, whole JSON lines and exit code 130", needsPrograms("ffprobe"), async (t) => {
    const running = startVedette(t, ["run", clip(), "--realtime", "--model", model(), "--to", at("cut.mp4"), "--to", at("cut.jsonl")]);
    // Well into the clip: not while the model is still being loaded.
    while ((await readFile(at("cut.jsonl"), "utf8").catch(() => "")).split("\n").length < 20) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    running.child.kill("SIGINT");
    const { code, stderr } = await running.finished;
    assert.equal(code, 130, stderr);
    const lines = (await readFile(at("cut.jsonl"), "utf8")).split("\n");
    assert.equal(lines.pop(), "", "the last line is whole");
    lines.forEach((line) => JSON.parse(line) as unknown);
    const [frames] = (await probe(at("cut.mp4"), "stream=nb_frames")).split("\n");
    assert.equal(Number(frames), lines.length, "every analysed frame is in the recording");
  });

  test("Ctrl-C right after the start ends it, too", async (t) => {
    const running = startVedette(t, ["run", "test:bars", "--use-case", "invert"]);
    await running.until(/→/);
    running.child.kill("SIGINT");
    assert.equal((await running.finished).code, 130);
  });

  test("--fps and --limit-frames count what they pass by", async (t) => {
    const { stderr } = await vedette(t, ["run", clip(), "--model", model(), "--fps", "2", "--limit-frames", "50", "--json"]);
    const { summary } = JSON.parse(stderr.trim().split("\n").at(-1)!) as { summary: { frames: number; analysed: number; dropped: Record<string, number> } };
    assert.equal(summary.frames, 50);
    assert.equal(summary.analysed, 10, "2 of 10 frames a second");
    assert.deepEqual(summary.dropped, { rate_limited: 40 });
  });
});

describe("bad input: one clear line and the right exit code", { timeout: 120_000 }, () => {
  before(async () => {
    if (needsPrograms("ffmpeg").skip === false) {
      await ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1", "-c:v", "libx264", at("good.mp4"));
      await ffmpeg("-f", "lavfi", "-i", "sine=duration=1", at("audio.mp4"));
    }
    await writeFile(at("text.mp4"), "This is not a video.\n".repeat(50));
    await writeFile(at("empty.mp4"), "");
    await writeFile(at("broken.onnx"), Buffer.alloc(1000, 7));
  });
  const cases: readonly [name: string, args: () => string[], code: number, says: RegExp][] = [
    ["missing file", () => ["run", at("missing.mp4")], 2, /missing\.mp4: no such file/],
    ["directory", () => ["run", folder], 2, /is a directory/],
    ["empty file", () => ["run", at("empty.mp4")], 2, /is empty/],
    ["text file named .mp4", () => ["run", at("text.mp4")], 2, /not a video file/],
    ["audio only", () => ["run", at("audio.mp4")], 2, /no video track, found .*audio/],
    ["unsupported scheme", () => ["run", "gopher://host/x"], 2, /unsupported kind of source/],
    ["unreachable host", () => ["run", "rtsp://user:geheim@127.0.0.1:1/x"], 1, /127\.0\.0\.1:1/],
    ["missing model", () => ["run", at("good.mp4"), "--model", at("none.onnx")], 2, /no such file or catalogue name/],
    ["broken model", () => ["run", at("good.mp4"), "--model", at("broken.onnx")], 2, /cannot be loaded|not an ONNX/i],
    ["unwritable output", () => ["run", at("good.mp4"), "--to", "/proc/nope/out.mp4"], 2, /cannot be written/],
    ["unsupported output", () => ["run", at("good.mp4"), "--to", "out.avi"], 2, /unsupported kind of output/],
    ["unknown option", () => ["run", at("good.mp4"), "--modle", "x"], 2, /--modle.*--model/],
    ["unknown use case", () => ["run", at("good.mp4"), "--use-case", "inverrt"], 2, /did you mean invert/],
    ["no number", () => ["run", at("good.mp4"), "--fps", "many"], 2, /--fps: expected a number/],
  ];
  for (const [name, args, expected, says] of cases) {
    test(name, needsPrograms("ffmpeg"), async (t) => {
      const { code, stderr, stdout } = await vedette(t, [...args(), "--quiet"], { env: { VEDETTE_LOG_LEVEL: "error" } });
      assert.equal(code, expected, stderr);
      assert.match(stderr, says);
      assert.equal(stdout, "");
      assert.equal(stderr.match(/^vedette: /gm)?.length, 1, stderr);
      assert.doesNotMatch(stderr, /geheim|\n\s+at /, "no password, no stack");
    });
  }

  test("a port in use is said before anything starts", needsPrograms("ffmpeg"), async (t) => {
    const taken = createServer().listen(0, "127.0.0.1");
    t.after(() => taken.close());
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await vedette(t, ["run", at("good.mp4"), "--to", `http://127.0.0.1:${port}`]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is in use`));
  });

  test("a truncated file is analysed as far as it goes, and that is said", needsPrograms("ffmpeg"), async (t) => {
    await ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=8", "-c:v", "libx264", "-movflags", "+faststart", at("whole.mp4"));
    const bytes = await readFile(at("whole.mp4"));
    await writeFile(at("half.mp4"), bytes.subarray(0, Math.floor(bytes.length / 2)));
    const { code, stderr } = await vedette(t, ["run", at("half.mp4"), "--use-case", "motion", "--to", at("half.jsonl")]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /ends too early after \d+ frames/);
    const frames = (await readFile(at("half.jsonl"), "utf8")).trim().split("\n").length;
    assert.ok(frames > 50 && frames < 200, `${frames} of 200 frames`);
  });
});

describe("vedette serve", { timeout: 60_000, ...needsPrograms("ffmpeg") }, () => {
  test("runs all streams; one that fails stops no other", async (t) => {
    await ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2", "-c:v", "libx264", at("a.mp4"));
    await writeFile(
      at("vedette.yaml"),
      `streams:
  good: { source: a.mp4, analyse: { useCase: motion }, outputs: [{ kind: jsonl, path: good.jsonl }] }
  bad: { source: nowhere.mp4, analyse: { useCase: motion } }
`,
    );
    const { code, stderr } = await vedette(t, ["serve", "--quiet", "--config", at("vedette.yaml")]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /bad stopped: .*nowhere\.mp4: no such file/);
    assert.equal((await readFile(at("good.jsonl"), "utf8")).trim().split("\n").length, 50);
  });

  test("a misspelt key is named, with the right one", async (t) => {
    await writeFile(at("wrong.yaml"), "streams:\n  gate: { source: a.mp4, analyse: { modle: x } }\n");
    const { code, stderr } = await vedette(t, ["config", "check", at("wrong.yaml")]);
    assert.equal(code, 2);
    assert.match(stderr, /streams\.gate\.analyse: unknown key "modle", did you mean "model"\?/);
  });
});
