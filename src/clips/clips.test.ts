import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { ClipRecorder } from "./clip-recorder.ts";
import { SegmentRecorder } from "./segment-recorder.ts";
import { PacketRing } from "./packet-ring.ts";
import type { ClipRecorderOptions } from "./clip-recorder.ts";
import type { SegmentRecorderOptions } from "./segment-recorder.ts";
import type { Packet, VideoTrack } from "../domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import { openMedia } from "../media/index.ts";
import { replay } from "../rules/replay.ts";
import { ffmpeg, temporaryFolder, testPicture } from "../../test/support/clips.ts";
import { fakeEvent, gatheringLog, tempFolder } from "../../test/support/events.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { FakeTaps, fakeResult } from "../../test/support/fake-taps.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import { fillDisk, smallDisk, smallDiskNeeds } from "../../test/support/small-disk.ts";

const needed = needsPrograms("ffmpeg", "ffprobe");
const BIN = fileURLToPath(new URL("../../bin/vedette.js", import.meta.url));
const never = new AbortController().signal;
const START_MS = Date.UTC(2026, 10, 20, 18);

/** 20 s of H.264 with B-frames and a keyframe every second, with sound. */
const source = join(temporaryFolder(), "source.mp4");
const made = needed.skip === false ? ffmpeg(...testPicture({ seconds: 20 }), "-f", "lavfi", "-i", "sine=d=20", "-c:v", "libx264", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-bf", "2", "-c:a", "aac", source) : Promise.resolve("");

/** Plays the source into an output: its packets, a result per picture, events where the test wants them. */
async function play(output: ClipRecorder | SegmentRecorder, eventsAtS: readonly number[], onTime: (atS: number) => void = () => undefined): Promise<void> {
  await made;
  await using session = await openMedia(source, { isLive: false, protocols: ["file"], signal: never });
  const taps = new FakeTaps({ tracks: session.tracks });
  const video = session.tracks.findIndex((track) => track.kind === "video");
  await output.open(never);
  const running = output.run(taps, never);
  // A failure is looked at after the packets.
  running.catch(() => undefined);
  await new Promise(setImmediate);
  const waiting = [...eventsAtS];
  let seq = 0;
  for await (const packet of session.packets) {
    const capturedAtMs = wallTimeMs(START_MS + packet.ptsUs / 1000);
    await taps.pushPacket("original", { ...packet, capturedAtMs });
    if (packet.track === video) {
      // Results come in the order of presentation, which is not that of the packets.
      const ptsUs = mediaTimeUs(seq * 40_000);
      await taps.pushResult(fakeResult(seq, { ptsUs, capturedAtMs }));
      while ((waiting[0] ?? Infinity) * 1e6 <= ptsUs) {
        const atS = waiting.shift()!;
        await taps.pushEvent(fakeEvent(seq, { ptsUs: mediaTimeUs(atS * 1e6), capturedAtMs }));
      }
      seq++;
      onTime(packet.ptsUs / 1e6);
    }
    // Results and events are written in turn with the packets.
    await new Promise(setImmediate);
  }
  taps.end();
  await running;
  await output[Symbol.asyncDispose]();
}

function clips(t: TestContext, over: Partial<ClipRecorderOptions> = {}) {
  const folder = tempFolder(t);
  const told: { ids: readonly string[]; path: string }[] = [];
  const log = gatheringLog();
  const recorder = new ClipRecorder({
    folder, stream: "gate", preS: 2, postS: 1, maxS: 60, maxRingBytes: 1 << 26, view: "original", retention: { maxAgeMs: undefined, maxBytes: undefined },
    clock: new FakeClock(START_MS), log, onClip: (ids, path) => told.push({ ids, path }), ...over,
  });
  return { folder, told, log, recorder };
}

function packetsOf(file: string): { pts: number; dts: number; hash: string }[] {
  const text = execFileSync("ffmpeg", ["-v", "error", "-i", file, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"], { encoding: "utf8" });
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(",").map((part) => part.trim())).map(([, dts, pts, , , hash]) => ({ dts: Number(dts), pts: Number(pts), hash: hash! }));
}

function linesOf(file: string): Record<string, unknown>[] {
  return readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}

const durationOf = (file: string): number => Number(execFileSync("ffprobe", ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file], { encoding: "utf8" }));

test("a clip begins at the keyframe before its pre-roll, ends after its post-roll, and holds the packets as they came", needed, async (t) => {
  const { recorder, told } = clips(t);
  await play(recorder, [10.5]);
  const [clip] = told as [{ ids: string[]; path: string }];
  assert.equal(told.length, 1);
  assert.match(clip.path, /gate-20261120T18001\d\.\d+Z-door\.mp4$/);
  const original = packetsOf(source).map(({ hash }) => hash);
  const got = packetsOf(clip.path).map(({ hash }) => hash);
  const at = original.indexOf(got[0]!);
  assert.equal(at, 200, "the keyframe at 8 s is the one before 8.5 s");
  assert.deepEqual(got, original.slice(at, at + got.length), "not encoded again");
  assert.ok(Math.abs(durationOf(clip.path) - 3.5) < 0.4, `${durationOf(clip.path)} s`);
  assert.match(execFileSync("ffprobe", ["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", clip.path], { encoding: "utf8" }), /h264\s+aac/);
  assert.equal(execFileSync("ffmpeg", ["-v", "warning", "-i", clip.path, "-f", "null", "-"], { encoding: "utf8" }), "");
});

test("its results and events lie beside it, with times of the stream and of the clip, and can be replayed", needed, async (t) => {
  const { recorder, told } = clips(t);
  await play(recorder, [10.5]);
  const lines = linesOf(told[0]!.path.replace(".mp4", ".jsonl"));
  const results = lines.filter((line) => "seq" in line);
  assert.equal(results[0]!["clipPtsUs"], 0);
  assert.equal(results[0]!["ptsUs"], 8_000_000);
  assert.ok(results.every((line) => Number(line["ptsUs"]) - Number(line["clipPtsUs"]) === 8_000_000));
  assert.ok(results.length > 80 && results.length <= 102, `${results.length}`);
  assert.deepEqual(lines.filter((line) => "event" in line).map((line) => line["clipPtsUs"]), [2_500_000]);
  const bad: unknown[] = [];
  const seen: number[] = [];
  const rule = { name: "r", update: ({ seq }: { seq: number }) => (seen.push(seq), []), overlay: () => [] };
  for await (const _ of replay(readFileSync(told[0]!.path.replace(".mp4", ".jsonl"), "utf8").split("\n"), { rules: () => [rule], onBadLine: (line) => bad.push(line) })) {
    assert.fail("no rule, no event");
  }
  assert.deepEqual(bad, []);
  assert.equal(seen.length, results.length);
});

test("events in a row make one clip, up to its longest; later ones another", needed, async (t) => {
  const { recorder, told } = clips(t, { maxS: 6 });
  await play(recorder, [4.2, 4.9, 5.5, 8.9, 15]);
  assert.deepEqual(told.map(({ ids }) => ids.length), [3, 1, 1]);
});

test("an event before the first keyframe or with nothing before it takes what there is; the end of the stream ends the clip", needed, async (t) => {
  const { recorder, told } = clips(t);
  await play(recorder, [0.1, 19.8]);
  assert.equal(told.length, 2);
  assert.ok(durationOf(told[1]!.path) > 2.5);
});

test("old clips go by total size, with their results; files of others stay", needed, async (t) => {
  const { recorder, folder, told } = clips(t, { retention: { maxAgeMs: undefined, maxBytes: 1 } });
  writeFileSync(join(folder, "gate-holiday.mp4"), "mine");
  await play(recorder, [3, 8, 13]);
  assert.equal(told.length, 3);
  assert.deepEqual(told.map(({ path }) => existsSync(path)), [false, false, true]);
  assert.equal(existsSync(told[0]!.path.replace(".mp4", ".jsonl")), false);
  assert.ok(existsSync(join(folder, "gate-holiday.mp4")));
});

test("a full disk costs the clip, and is said", { skip: needed.skip || smallDiskNeeds.skip }, async (t) => {
  const folder = smallDisk(t, 300);
  const { recorder, log } = clips(t, { folder });
  await play(recorder, [5, 12], (atS) => {
    if (atS === 4) {
      fillDisk(folder);
    }
  });
  assert.ok(log.lines.some((line) => /^error a clip ends early: .*(no space|ENOSPC)/i.test(line)), log.lines.join("\n"));
});

test("a folder that cannot be written is told before anything starts", async (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, "file"), "");
  const { recorder } = clips(t, { folder: join(folder, "file", "clips") });
  await assert.rejects(recorder.open(never), { code: "E_OUTPUT_UNWRITABLE" });
});

function segments(t: TestContext, over: Partial<SegmentRecorderOptions> = {}) {
  const folder = tempFolder(t);
  const clock = new FakeClock(START_MS);
  const log = gatheringLog();
  const recorder = new SegmentRecorder({ folder, stream: "gate", pattern: "{stream}-%Y%m%dT%H%M%SZ", segmentS: 5, segmentBytes: 1e9, view: "original", retention: { maxAgeMs: undefined, maxBytes: undefined }, clock, log, ...over });
  return { folder, log, recorder, clock, files: () => readdirSync(folder).filter((name) => name.endsWith(".mp4")).sort() };
}

test("a recording is cut at keyframes by time; together the files hold every packet, and their results", needed, async (t) => {
  const { recorder, folder, files } = segments(t);
  await play(recorder, [7]);
  assert.deepEqual(files(), ["00", "05", "10", "15"].map((second) => `gate-20261120T1800${second}Z.mp4`));
  assert.deepEqual(files().flatMap((file) => packetsOf(join(folder, file)).map(({ hash }) => hash)), packetsOf(source).map(({ hash }) => hash));
  const results = files().map((file) => linesOf(join(folder, file.replace(".mp4", ".jsonl"))).filter((line) => "seq" in line));
  assert.deepEqual(results.map((lines) => lines.length), [125, 125, 125, 125]);
  assert.ok(results.flat().every((line) => Number(line["clipPtsUs"]) >= 0 && Number(line["clipPtsUs"]) < 5_000_000));
  assert.equal(linesOf(join(folder, "gate-20261120T180005Z.jsonl")).filter((line) => "event" in line).length, 1);
});

test("… or by size; the name makes folders; the index says what is in each", needed, async (t) => {
  const { recorder, folder } = segments(t, { segmentBytes: 100_000, pattern: "%Y/%m-%d/%H%M%S" });
  await play(recorder, []);
  const names = readdirSync(join(folder, "2026", "11-20")).filter((name) => name.endsWith(".mp4"));
  assert.ok(names.length > 3);
  const index = new Map(linesOf(join(folder, ".gate.recording.index.jsonl")).map((line) => [line["file"], line]));
  assert.equal(index.size, names.length);
  assert.ok([...index.values()].every((entry) => Number(entry["sizeBytes"]) > 50_000 && Number(entry["endPtsUs"]) > Number(entry["startPtsUs"])));
});

test("a recording never has two files of one name, and never leaves its folder", needed, async (t) => {
  const same = segments(t, { pattern: "always" });
  await play(same.recorder, []);
  assert.deepEqual(same.files(), ["always-1.mp4", "always-2.mp4", "always-3.mp4", "always.mp4"]);
  const outside = segments(t, { pattern: "../../etc/%Y" });
  await assert.rejects(play(outside.recorder, []), { code: "E_OUTPUT_UNWRITABLE" });
});

test("what a killed process left counts for the retention of the next", async (t) => {
  const { recorder, folder, clock } = segments(t, { retention: { maxAgeMs: 3_600_000, maxBytes: undefined } });
  const left = ["a", "b", "c"].map((name) => ({ file: `${name}.mp4`, startedAt: new Date(START_MS).toISOString(), endedAt: new Date(START_MS).toISOString(), sizeBytes: name === "c" ? 0 : 5 }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ".gate.recording.index.jsonl"), `${left.map((entry) => JSON.stringify(entry)).join("\n")}\n{"file":"cut`);
  left.forEach(({ file }) => writeFileSync(join(folder, file), "12345"));
  await clock.advance(7_200_000);
  await recorder.open(never);
  assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith(".mp4")), ["c.mp4"], "the newest stays");
});

test("after SIGKILL everything but the last second is playable, and its results are whole lines", needed, async (t) => {
  const folder = tempFolder(t);
  const child = spawn(process.execPath, [BIN, "run", source, "--loop", "--realtime", "--use-case", "motion", "--zone", "all=0,0;1,0;1,1;0,1", "--record", folder, "--clips", join(folder, "clips"), "--data-dir", folder], { stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  const recordings = (): string[] => readdirSync(folder).filter((name) => name.endsWith(".mp4"));
  for (let tries = 0; recordings().length === 0 && tries < 600; tries++) {
    await sleep(50);
  }
  const began = Date.now();
  await sleep(6000);
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  const ranS = (Date.now() - began) / 1000;
  await gone;
  for (const file of [...recordings().map((name) => join(folder, name)), ...readdirSync(join(folder, "clips")).filter((name) => name.endsWith(".mp4")).map((name) => join(folder, "clips", name))]) {
    const times = execFileSync("ffprobe", ["-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", file], { encoding: "utf8" }).trim().split("\n").map(parseFloat);
    t.diagnostic(`${file.slice(folder.length + 1)}: ${times.at(-1)} s playable, ended after about ${ranS} s`);
    assert.ok(times.at(-1)! > ranS - 1.6, `${times.at(-1)} of ${ranS} s`);
    assert.equal(execFileSync("ffmpeg", ["-v", "error", "-i", file, "-f", "null", "-"], { encoding: "utf8" }), "");
    assert.ok(linesOf(file.replace(".mp4", ".jsonl")).length > 10);
  }
});

const TRACK: VideoTrack = { kind: "video", codec: "h264", width: 320, height: 240, rotation: 0, frameRate: 25, codecPrivate: undefined };

test("property: the ring stays within its bytes, begins with a keyframe, and reaches back as far as it may", () => {
  const sizes = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 400 }), isKeyframe: fc.boolean() }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 100, max: 5000 }), fc.integer({ min: 0, max: 100 }), (steps, maxBytes, backFrames) => {
      const ring = new PacketRing([TRACK], { maxUs: 40 * 40_000, maxBytes });
      const all: Packet[] = steps.map(({ bytes, isKeyframe }, n) => ({ track: 0, data: new Uint8Array(bytes), ptsUs: mediaTimeUs(n * 40_000), dtsUs: mediaTimeUs(n * 40_000), durationUs: 40_000, isKeyframe, capturedAtMs: wallTimeMs(0) }));
      for (const packet of all) {
        ring.push(packet);
        assert.ok(ring.sizeBytes <= maxBytes);
      }
      const { packets } = ring.since((all.length - 1 - backFrames) * 40_000) ?? { packets: [] };
      assert.ok(packets.length === 0 || packets[0]!.isKeyframe);
      assert.deepEqual(packets, packets.length === 0 ? [] : all.slice(-packets.length), "without a gap, up to the newest");
    }),
  );
});
