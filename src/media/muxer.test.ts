import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { existsSync } from "node:fs";
import { ffmpeg, frameTimesUs, frameWidths, packetHashes, probeStreams, temporaryFolder, testPicture } from "../../test/support/clips.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import { VedetteError } from "../errors.ts";
import { mediaTimeUs } from "../domain/time.ts";
import type { Packet } from "../domain/packet.ts";
import { createMuxer, createStreamMuxer, openMedia, type MuxerOptions } from "./index.ts";

const tools = needsPrograms("ffmpeg", "ffprobe");
const folder = temporaryFolder();
const never = new AbortController().signal;

/** Copies a file's packets into another container, untouched. */
async function remux(from: string, to: string, format: MuxerOptions["format"]): Promise<void> {
  await using session = await openMedia(`file:${from}`, { isLive: false, protocols: ["file"], signal: never });
  await using muxer = await createMuxer(to, { format, tracks: session.tracks });
  for await (const packet of session.packets) {
    await muxer.write(packet);
  }
  await muxer.close();
}

const FORMATS = [["mp4", "mp4"], ["fmp4", "mp4"], ["matroska", "mkv"]] as const;

test("video with B-frames and its audio are carried untouched, with the same times", tools, async () => {
  const source = join(folder, "av.mp4");
  await ffmpeg(...testPicture({ seconds: 3, rate: "30000/1001" }), "-f", "lavfi", "-i", "sine=d=3:r=44100", "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-c:a", "aac", source);
  for (const [format, ending] of FORMATS) {
    const path = join(folder, `carried-${format}.${ending}`);
    await remux(source, path, format);
    assert.deepEqual(await packetHashes(path, "0:a:0"), await packetHashes(source, "0:a:0"), `${format}: audio`);
    assert.deepEqual(await packetHashes(path, "0:v:0"), await packetHashes(source, "0:v:0"), `${format}: video`);
    const times = await frameTimesUs(path);
    const expected = await frameTimesUs(source);
    assert.equal(times.length, expected.length);
    // Matroska counts milliseconds.
    const tolerance = format === "matroska" ? 500 : 1;
    times.forEach((time, i) => assert.ok(Math.abs(time - (expected[i] ?? 0)) <= tolerance, `${format}: frame ${i} at ${time}, expected ${expected[i]}`));
  }
});

test("Annex B without parameter sets in the track is recorded from its first keyframe on", tools, async () => {
  for (const codec of ["libx264", "libx265"]) {
    const source = join(folder, `${codec}.ts`);
    await ffmpeg(...testPicture({ seconds: 2 }), "-c:v", codec, "-pix_fmt", "yuv420p", "-x265-params", "log-level=none", source);
    await using session = await openMedia(`file:${source}`, { isLive: false, protocols: ["file"], signal: never });
    const path = join(folder, `${codec}.mp4`);
    const tracks = session.tracks.map((track) => ({ ...track, codecPrivate: undefined }));
    const muxer = await createMuxer(path, { format: "mp4", tracks });
    for await (const packet of session.packets) {
      await muxer.write(packet);
    }
    await muxer.close();
    const [stream] = await probeStreams(path);
    assert.equal(stream?.nb_read_frames, "50", codec);
  }
});

test("a rotation survives", tools, async () => {
  const plain = join(folder, "plain.mp4");
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", plain);
  await using session = await openMedia(`file:${plain}`, { isLive: false, protocols: ["file"], signal: never });
  const packets = await Array.fromAsync(session.packets);
  for (const rotation of [90, 180, 270]) {
    const path = join(folder, `rotated${rotation}.mp4`);
    const muxer = await createMuxer(path, { format: "mp4", tracks: session.tracks.map((track) => (track.kind === "video" ? { ...track, rotation } : track)) });
    for (const packet of packets) {
      await muxer.write(packet);
    }
    await muxer.close();
    const [stream] = (await probeStreams(path)) as unknown as { side_data_list?: { rotation?: number }[] }[];
    // ffprobe counts the other way round.
    assert.equal(((360 - (stream?.side_data_list?.[0]?.rotation ?? 0)) % 360), rotation);
  }
});

test("a new resolution goes on in the same recording; another codec is refused", tools, async () => {
  const parts = ["320x240", "640x360"].map((size) => ({ size, path: join(folder, `${size}.mp4`) }));
  const packets: Packet[] = [];
  for (const { size, path } of parts) {
    await ffmpeg(...testPicture({ size, seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "0", path);
  }
  const sessions = await Promise.all(parts.map(({ path }) => openMedia(`file:${path}`, { isLive: false, protocols: ["file"], signal: never })));
  for (const [index, session] of sessions.entries()) {
    for (const packet of await Array.fromAsync(session.packets)) {
      const isFirst = index === 1 && packet.ptsUs === 0;
      const shift = index * 1_000_000;
      packets.push({ ...packet, ptsUs: mediaTimeUs(packet.ptsUs + shift), dtsUs: mediaTimeUs(packet.dtsUs + shift), ...(isFirst ? { newTrack: session.tracks[0]! } : {}) });
    }
  }
  const tracks = sessions[0]!.tracks;
  for (const [format, ending] of FORMATS) {
    const path = join(folder, `resized-${format}.${ending}`);
    const muxer = await createMuxer(path, { format, tracks });
    for (const packet of packets) {
      await muxer.write(packet);
    }
    await muxer.close();
    assert.deepEqual(await frameWidths(path), [...Array<number>(25).fill(320), ...Array<number>(25).fill(640)], format);
    assert.equal((await frameTimesUs(path)).length, 50, format);
  }
  const muxer = await createMuxer(join(folder, "codec.mp4"), { format: "mp4", tracks });
  await muxer.write(packets[0]!);
  await assert.rejects(muxer.write({ ...packets[1]!, newTrack: { ...tracks[0]!, codec: "hevc" } }), (error: unknown) => error instanceof VedetteError && error.code === "E_OUTPUT_BROKEN");
  await muxer[Symbol.asyncDispose]();
  await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
});

test("fragments in memory play, and begin with the header", tools, async () => {
  const source = join(folder, "av.mp4");
  await using session = await openMedia(`file:${source}`, { isLive: false, protocols: ["file"], signal: never });
  const chunks: Uint8Array[] = [];
  const muxer = await createStreamMuxer((bytes) => chunks.push(bytes), { tracks: session.tracks });
  for await (const packet of session.packets) {
    await muxer.write(packet);
  }
  await muxer.close();
  const path = join(folder, "memory.mp4");
  await writeFile(path, Buffer.concat(chunks));
  assert.equal(Buffer.from(chunks[0]!).toString("latin1", 4, 8), "ftyp");
  assert.deepEqual((await probeStreams(path)).map(({ codec_name }) => codec_name), ["h264", "aac"]);
  assert.equal((await frameTimesUs(path)).length, (await frameTimesUs(source)).length);
});

test("a recording whose process is killed plays up to its last second", tools, async () => {
  const source = join(folder, "long.mp4");
  await ffmpeg(...testPicture({ seconds: 20 }), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", source);
  for (const [format, ending] of FORMATS) {
    const path = join(folder, `killed-${format}.${ending}`);
    const script = join(folder, "recorder.mjs");
    await writeFile(
      script,
      `import { createMuxer, openMedia } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
       const session = await openMedia(${JSON.stringify(`file:${source}`)}, { isLive: false, protocols: ["file"], signal: new AbortController().signal });
       const muxer = await createMuxer(${JSON.stringify(path)}, { format: ${JSON.stringify(format)}, tracks: session.tracks });
       let written = 0;
       for await (const packet of session.packets) {
         await muxer.write(packet);
         written += 1;
         if (written === 400) { process.stdout.write("go\\n"); await new Promise((resolve) => setTimeout(resolve, 60_000)); }
       }`,
    );
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGKILL");
    await exited;
    const [stream] = await probeStreams(path);
    const frames = Number(stream?.nb_read_frames);
    assert.ok(frames >= 340 && frames <= 400, `${format}: ${frames} of 400 frames`);
  }
});

test("unwritable paths and a full disk are told as such", tools, async () => {
  const tracks = [{ kind: "video", codec: "mjpeg", width: 320, height: 240, rotation: 0, frameRate: 25, codecPrivate: undefined }] as const;
  const hasCode = (code: string) => (error: unknown) => error instanceof VedetteError && error.code === code;
  const directory = join(folder, "directory.mp4");
  await mkdir(directory);
  await assert.rejects(createMuxer(join(folder, "missing", "x.mp4"), { format: "mp4", tracks }), hasCode("E_OUTPUT_UNWRITABLE"));
  await assert.rejects(createMuxer(directory, { format: "mp4", tracks }), hasCode("E_OUTPUT_UNWRITABLE"));
  if (existsSync("/dev/full")) {
    const source = join(folder, "av.mp4");
    await assert.rejects(remux(source, "/dev/full", "matroska"), hasCode("E_OUTPUT_FULL"));
  }
});

test("what was read back is what was written, with every time in its place", tools, async () => {
  const source = join(folder, "vfr.mkv");
  // Frame times that no constant rate fits.
  await ffmpeg(...testPicture({ seconds: 2 }), "-vf", "setpts='(N*N*0.003+N*0.01)/TB'", "-vsync", "vfr", "-enc_time_base", "1/1000", "-c:v", "libx264", "-pix_fmt", "yuv420p", source);
  const path = join(folder, "vfr.mp4");
  await remux(source, path, "mp4");
  assert.deepEqual(await frameTimesUs(path), await frameTimesUs(source));
  assert.ok((await readFile(path)).length > 0);
});
