import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, frameTimesUs, temporaryFolder, testPicture } from "../../test/support/clips.ts";
import { decodeFile, firstPixels, inputSpec } from "../../test/support/decoding.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import type { VideoTrack } from "../domain/packet.ts";
import { VedetteError } from "../errors.ts";
import { silentLogger } from "../runtime/log.ts";
import { aliveFrames, createDecoder, createFrameReader, openMedia } from "./index.ts";

const tools = needsPrograms("ffmpeg", "ffprobe");
const folder = temporaryFolder();
const x264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"];

async function timesOf(path: string): Promise<number[]> {
  const times: number[] = [];
  await decodeFile(path, (frame) => void times.push(frame.ptsUs));
  return times;
}

test("every frame comes out, in order, at ffprobe's time", tools, async () => {
  const cases: Record<string, readonly string[]> = {
    "bframes.mp4": [...testPicture({ rate: "30000/1001" }), ...x264, "-bf", "4"],
    "vfr.mkv": [...testPicture(), "-vf", "setpts='(N*N*0.003+N*0.01)/TB'", "-vsync", "vfr", "-enc_time_base", "1/1000", ...x264],
    "hevc.mp4": [...testPicture(), "-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p"],
    "ten-bit.mp4": [...testPicture(), "-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"],
    "offset.ts": [...testPicture(), ...x264],
    "raw.h264": [...testPicture(), ...x264],
    "vp9.webm": [...testPicture({ seconds: 1 }), "-c:v", "libvpx-vp9", "-deadline", "realtime"],
    "mpeg4.avi": [...testPicture(), "-c:v", "mpeg4", "-bf", "2"],
    "mjpeg.mkv": [...testPicture(), "-c:v", "mjpeg", "-q:v", "3"],
  };
  for (const [name, args] of Object.entries(cases)) {
    const path = join(folder, name);
    await ffmpeg(...args, path);
    const times = await timesOf(path);
    assert.ok(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0)), `${name}: times rise`);
    if (/\.(h264|avi)$/.test(name)) {
      // These hold no presentation times, or not all.
      assert.ok(times.length >= 49, name);
      continue;
    }
    assert.deepEqual(times, await frameTimesUs(path), name);
  }
  assert.equal(aliveFrames(), 0);
});

test("frames hidden by an edit list are not shown", tools, async () => {
  const whole = join(folder, "whole.mp4");
  const path = join(folder, "edited.mp4");
  await ffmpeg(...testPicture({ seconds: 4 }), ...x264, "-g", "100", whole);
  await ffmpeg("-ss", "1", "-i", whole, "-c", "copy", path);
  assert.deepEqual(await timesOf(path), await frameTimesUs(path));
});

test("each frame keeps the capture time of its packet through B-frames", tools, async () => {
  const path = join(folder, "bframes.mp4");
  await using session = await openMedia(`file:${path}`, { isLive: false, protocols: ["file"], signal: new AbortController().signal });
  await using decoder = await createDecoder(session.tracks[0] as VideoTrack, { log: silentLogger });
  const seen: [number, number][] = [];
  const look = (frames: Awaited<ReturnType<typeof decoder.decode>>): void => {
    for (const frame of frames) {
      seen.push([frame.ptsUs, frame.capturedAtMs]);
      frame[Symbol.dispose]();
    }
  };
  for await (const packet of session.packets) {
    look(await decoder.decode({ ...packet, capturedAtMs: wallTimeMs(packet.ptsUs * 2 + 7) }));
  }
  look(await decoder.flush());
  assert.equal(seen.length, 60);
  for (const [ptsUs, capturedAtMs] of seen) {
    assert.equal(capturedAtMs, ptsUs * 2 + 7);
  }
});

test("rotated files come out upright, as ffmpeg shows them", tools, async () => {
  const plain = join(folder, "plain.mp4");
  await ffmpeg(...testPicture({ size: "320x180", seconds: 1 }), ...x264, plain);
  for (const rotation of [90, 180, 270]) {
    const path = join(folder, `rotated${rotation}.mp4`);
    await ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v:0", `rotate=${rotation}`, path);
    const sizes = new Set<string>();
    await decodeFile(path, ({ width, height }) => void sizes.add(`${width}x${height}`));
    assert.deepEqual([...sizes], [rotation === 180 ? "320x180" : "180x320"]);
    const width = rotation === 180 ? 320 : 180;
    const height = rotation === 180 ? 180 : 320;
    const ours = await firstPixels(path, { width, height });
    const reference = join(folder, "upright.rgb");
    await ffmpeg("-i", path, "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", reference);
    assert.ok(meanDifference(ours, await readFile(reference)) < 3, `${rotation}: ${meanDifference(ours, await readFile(reference))}`);
  }
});

test("interlaced pictures are deinterlaced, none lost, none out of time", tools, async () => {
  const path = join(folder, "interlaced.mp4");
  // A bar that moves sideways combs when two moments are woven into one picture.
  await ffmpeg("-f", "lavfi", "-i", "color=black:s=320x240:r=50:d=2[b];color=white:s=20x240:r=50[w];[b][w]overlay=x='mod(t*200,300)':y=0:shortest=1",
    "-vf", "interlace", "-c:v", "libx264", "-flags", "+ilme+ildct", "-pix_fmt", "yuv420p", path);
  assert.deepEqual(await timesOf(path), await frameTimesUs(path));
  const combing: number[] = [];
  await using reader = createFrameReader();
  const into = new Uint8Array(320 * 240);
  await decodeFile(path, async (frame) => {
    const { data } = await reader.toInput(frame, inputSpec({ width: 320, height: 240, color: "GRAY" }), into);
    let combed = 0;
    for (let y = 100; y < 140; y += 1) {
      for (let x = 0; x < 320; x += 1) {
        const at = (dy: number): number => data[(y + dy) * 320 + x] ?? 0;
        combed += Math.abs(at(0) - at(-1)) > 80 && Math.abs(at(0) - at(1)) > 80 ? 1 : 0;
      }
    }
    combing.push(combed);
  });
  assert.equal(Math.max(...combing), 0);
});

test("a stream that changes its size, or its codec, goes on", tools, async () => {
  const small = join(folder, "small.ts");
  const large = join(folder, "large.ts");
  await ffmpeg(...testPicture({ size: "320x240", seconds: 1 }), ...x264, small);
  await ffmpeg(...testPicture({ size: "640x360", seconds: 1 }), ...x264, large);
  const joined = join(folder, "joined.ts");
  await writeFile(joined, Buffer.concat([await readFile(small), await readFile(large)]));
  const widths: number[] = [];
  const times: number[] = [];
  await decodeFile(joined, ({ width, ptsUs }) => {
    widths.push(width);
    times.push(ptsUs);
  });
  assert.deepEqual(widths, [...Array<number>(25).fill(320), ...Array<number>(25).fill(640)]);
  assert.ok(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0)), "times rise across the joint");

  const hevc = join(folder, "hevc.mp4");
  const signal = new AbortController().signal;
  const options = { isLive: false, protocols: ["file"], signal } as const;
  await using first = await openMedia(`file:${join(folder, "plain.mp4")}`, options);
  await using second = await openMedia(`file:${hevc}`, options);
  await using decoder = await createDecoder(first.tracks[0] as VideoTrack, { log: silentLogger });
  let count = 0;
  for (const session of [first, second]) {
    let isFirst = session === second;
    for await (const packet of session.packets) {
      const shifted = { ...packet, ptsUs: mediaTimeUs(packet.ptsUs + (session === second ? 1_000_000 : 0)), ...(isFirst ? { newTrack: second.tracks[0]! } : {}) };
      isFirst = false;
      for (const frame of await decoder.decode(shifted)) {
        count += 1;
        frame[Symbol.dispose]();
      }
    }
  }
  for (const frame of await decoder.flush()) {
    count += 1;
    frame[Symbol.dispose]();
  }
  assert.equal(count, 25 + 50);
});

test("damage is counted and never thrown", tools, async () => {
  const path = join(folder, "damaged.ts");
  const bytes = Buffer.from(await readFile(join(folder, "offset.ts")));
  for (let at = 3000; at < bytes.length; at += 997) {
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  }
  await writeFile(path, bytes);
  let frames = 0;
  const { errors } = await decodeFile(path, () => void (frames += 1));
  assert.ok(errors > 0);
  assert.ok(frames > 0 && frames <= 50);
  await using decoder = await createDecoder({ kind: "video", codec: "h264", width: 0, height: 0, rotation: 0, frameRate: 0, codecPrivate: undefined }, { log: silentLogger });
  const noise = { track: 0, data: new Uint8Array(500).fill(7), ptsUs: mediaTimeUs(0), dtsUs: mediaTimeUs(0), durationUs: 0, isKeyframe: true, capturedAtMs: wallTimeMs(0) };
  assert.deepEqual(await decoder.decode(noise), []);
  assert.deepEqual(await decoder.decode({ ...noise, data: new Uint8Array(0) }), []);
  assert.deepEqual(await decoder.flush(), []);
});

test("only keyframes, where asked", tools, async () => {
  const path = join(folder, "keys.mp4");
  await ffmpeg(...testPicture({ seconds: 2 }), ...x264, "-g", "10", "-sc_threshold", "0", path);
  const times: number[] = [];
  await decodeFile(path, (frame) => void times.push(frame.ptsUs), { keyframesOnly: true });
  assert.deepEqual(times, [0, 400_000, 800_000, 1_200_000, 1_600_000]);
});

test("an unknown codec is named", async () => {
  const track = { kind: "video", codec: "no-such-codec", width: 0, height: 0, rotation: 0, frameRate: 0, codecPrivate: undefined } as const;
  await assert.rejects(createDecoder(track, { log: silentLogger }), (error: unknown) => error instanceof VedetteError && error.code === "E_MEDIA_CODEC" && /no-such-codec/.test(error.message));
});

test("a frame has one owner: twice disposed and used after disposal throw; retained handles live on", tools, async () => {
  const before = aliveFrames();
  await decodeFile(join(folder, "plain.mp4"), (frame) => {
    const alive = aliveFrames();
    const second = frame.retain();
    assert.equal(aliveFrames(), alive + 1);
    second[Symbol.dispose]();
    assert.throws(() => second[Symbol.dispose](), /disposed twice/);
    assert.throws(() => second.retain(), /after it had been disposed/);
  });
  assert.equal(aliveFrames(), before);
});

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  assert.equal(a.length, b.length);
  let sum = 0;
  a.forEach((value, i) => (sum += Math.abs(value - (b[i] ?? 0))));
  return sum / a.length;
}
