import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, frameTimesUs, probeStreams, temporaryFolder, testPicture } from "../../../test/support/clips.ts";
import { FakeTaps } from "../../../test/support/fake-taps.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import { openMedia } from "../../media/index.ts";
import { silentLogger } from "../../runtime/log.ts";
import { testOutput } from "../output.contract.ts";
import { FileOutput } from "./file-output.ts";
import { fileOutput } from "./index.ts";

const tools = needsPrograms("ffmpeg", "ffprobe");
const folder = temporaryFolder();
const never = new AbortController().signal;
let files = 0;
const create = (path = join(folder, `${files++}.mp4`)): FileOutput => new FileOutput({ path, name: "out.mp4", view: "annotated", log: silentLogger });

const track = { kind: "video", codec: "mjpeg", width: 16, height: 16, rotation: 0, frameRate: 25, codecPrivate: undefined } as const;

testOutput({
  kind: "file",
  create: () => Promise.resolve(create()),
  broken: { create: () => Promise.resolve(create(join(folder, "missing", "x.mp4"))), code: "E_OUTPUT_UNWRITABLE" },
  taps: () => new FakeTaps({ tracks: [track] }),
  feed: (taps, seq) =>
    taps.pushPacket("annotated", { track: 0, data: new Uint8Array(100), ptsUs: mediaTimeUs(seq * 40_000), dtsUs: mediaTimeUs(seq * 40_000), durationUs: 40_000, isKeyframe: true, capturedAtMs: wallTimeMs(0) }),
});

/** Records a clip whose times were moved. */
async function record(path: string, shiftUs: number, view: "original" | "annotated" = "original"): Promise<void> {
  await using session = await openMedia(`file:${join(folder, "source.mp4")}`, { isLive: false, protocols: ["file"], signal: never });
  const taps = new FakeTaps({ tracks: session.tracks });
  await using output = new FileOutput({ path, name: path, view, log: silentLogger });
  await output.open(never);
  const running = output.run(taps, never);
  for await (const packet of session.packets) {
    await taps.pushPacket(view, { ...packet, ptsUs: mediaTimeUs(packet.ptsUs + shiftUs), dtsUs: mediaTimeUs(packet.dtsUs + shiftUs) });
  }
  taps.end();
  await running;
}

test("a recording has every frame, the audio and the times; one of a long-running stream starts at zero", tools, async () => {
  await ffmpeg(...testPicture({ seconds: 2 }), "-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", join(folder, "source.mp4"));
  const expected = await frameTimesUs(join(folder, "source.mp4"));
  for (const [name, shiftUs] of [["near.mp4", 0], ["near.mkv", 0], ["epoch.mp4", 1_795_000_000_000_000]] as const) {
    const path = join(folder, name);
    await record(path, shiftUs);
    assert.deepEqual(await frameTimesUs(path), expected, name);
    assert.deepEqual((await probeStreams(path)).map(({ codec_type }) => codec_type), ["video", "audio"]);
  }
});

test("what stands in the way is told at once; an empty recording leaves no file", async () => {
  const directory = join(folder, "directory.mp4");
  await mkdir(directory);
  await assert.rejects(create(directory).open(never), /cannot be written/);
  const path = join(folder, "empty.mp4");
  await writeFile(path, "old");
  const output = create(path);
  await output.open(never);
  const taps = new FakeTaps({ tracks: [track] });
  const running = output.run(taps, never);
  taps.end();
  await running;
  await output[Symbol.asyncDispose]();
  assert.equal(existsSync(path), false);
});

test("addresses", () => {
  assert.deepEqual(fileOutput.fromAddress("out/A.MKV"), { kind: "file", path: "out/A.MKV" });
  for (const other of ["out.jsonl", "http://host/x.mp4", "out.avi", "-"]) {
    assert.equal(fileOutput.fromAddress(other), undefined, other);
  }
});
