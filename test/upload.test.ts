// Uploads as users run them: the command line and the library, against a strict server on loopback.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Producer } from "../src/index.ts";
import { H264 } from "../src/protocols/h264/h264.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { temporaryFolder } from "./support/clips.ts";
import { KvsServer, CLIENT_ENV } from "./support/kvs-server/kvs-server.ts";
import { makeClip, readClip, unitsOf, useTestCredentials } from "./support/kvs-server/uploading.ts";
import { needsPrograms } from "./support/programs.ts";
import { startVedette, vedette } from "./support/vedette.ts";

const folder = temporaryFolder();
useTestCredentials();
const env = { ...CLIENT_ENV, AWS_SHARED_CREDENTIALS_FILE: "/dev/null", AWS_CONFIG_FILE: "/dev/null" };
const needs = needsPrograms("ffmpeg");

/** A clip's access units as the service should have them. */
async function expectedUnits(path: string): Promise<string[][]> {
  const { track, packets } = await readClip(path);
  return packets.map((packet) => H264.split(packet.data, track).map((unit) => Buffer.from(unit).toString("base64")));
}

const framesOf = (stream: ReturnType<KvsServer["add"]>): string[][] => stream.stored.flatMap(({ frames }) => frames.map(({ data }) => unitsOf(data)));

test("vedette upload: a file's frames are stored as they are, created stream, tags and all", needs, async (t) => {
  await using server = await KvsServer.start();
  const path = join(folder, "clip.mp4");
  await makeClip(path, { seconds: 2 });
  const { code, stderr } = await vedette(t, ["upload", path, "gate", "--endpoint", server.endpoint, "--create", "--retention", "2", "--tag", "site=north"], { env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Streaming indefinitely[^]*everything is stored/);
  assert.deepEqual(server.problems, []);
  const stream = server.streams.get("gate");
  assert.equal(stream?.retentionHours, 2);
  assert.deepEqual(framesOf(stream), await expectedUnits(path));
  assert.equal(stream.stored[0]?.tags.get("site"), "north");
});

test("vedette upload --loop --duration: times go forward over the loops, and the end is stored", needs, async (t) => {
  await using server = await KvsServer.start();
  const stream = server.add("gate");
  const path = join(folder, "short.mp4");
  await makeClip(path, { seconds: 1, gop: 25 });
  const { code, stderr } = await vedette(t, ["upload", path, "gate", "--loop", "--duration", "3"], { env: { ...env, AWS_ENDPOINT_URL_KINESIS_VIDEO: server.endpoint } });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Streaming stops in 3s/);
  assert.deepEqual(server.problems, []);
  const times = stream.stored.flatMap(({ frames }) => frames.map(({ timeMs }) => timeMs));
  assert.ok(times.length > 50, `${times.length} frames`);
  assert.ok(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0)));
});

test("vedette upload: killed with a spool, the next run uploads what was left, frame for frame", needs, async (t) => {
  await using server = await KvsServer.start();
  const stream = server.add("gate");
  const path = join(folder, "spooled.mp4");
  await makeClip(path, { seconds: 4 });
  const spool = join(folder, "spool");
  // Nothing is ever acknowledged: all of it stays in the spool.
  server.fault = () => "silent";
  const first = startVedette(t, ["upload", path, "gate", "--endpoint", server.endpoint, "--spool", spool], { env });
  await first.until(/Streaming indefinitely/);
  while (!readdirSync(folder).includes("spool") || readdirSync(join(spool, "gate")).filter((name) => name.endsWith(".mkv")).length < 2) {
    await systemClock.sleep(50);
  }
  await systemClock.sleep(300);
  first.child.kill("SIGKILL");
  await first.finished;
  const left = readdirSync(join(spool, "gate")).filter((name) => /\.(mkv|part)$/.test(name));
  assert.ok(left.length >= 3);
  server.fault = () => undefined;
  const next = join(folder, "next.mp4");
  await makeClip(next, { seconds: 1 });
  const { code, stderr } = await vedette(t, ["upload", next, "gate", "--endpoint", server.endpoint, "--spool", spool], { env });
  assert.equal(code, 0, stderr);
  assert.deepEqual(server.problems, []);
  const after = await expectedUnits(next);
  const frames = framesOf(stream);
  const before = frames.slice(0, frames.length - after.length);
  assert.ok(before.length > 50, `${before.length} frames of the first run`);
  assert.deepEqual(before, (await expectedUnits(path)).slice(0, before.length));
  assert.deepEqual(frames.slice(before.length), after);
  assert.deepEqual(readdirSync(join(spool, "gate")), [], "nothing is left behind");
});

test("vedette upload: B-frames are encoded anew and it is said; --reencode never refuses", needs, async (t) => {
  await using server = await KvsServer.start();
  const stream = server.add("gate");
  const path = join(folder, "b-frames.mp4");
  await makeClip(path, { seconds: 2, bFrames: 2 });
  const encoded = await vedette(t, ["upload", path, "gate", "--endpoint", server.endpoint, "--gop", "25"], { env });
  assert.equal(encoded.code, 0, encoded.stderr);
  assert.match(encoded.stderr, /B-frames: it is encoded anew/);
  assert.deepEqual(server.problems, []);
  assert.ok(framesOf(stream).length > 35);
  const refused = await vedette(t, ["upload", path, "gate", "--endpoint", server.endpoint, "--reencode", "never"], { env });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /cannot be uploaded: the stream has B-frames/);
});

test("vedette upload: what is wrong is said plainly", needs, async (t) => {
  await using server = await KvsServer.start();
  const path = join(folder, "any.mp4");
  await makeClip(path, { seconds: 1 });
  const upload = (args: readonly string[], over: NodeJS.ProcessEnv = {}): ReturnType<typeof vedette> =>
    vedette(t, ["upload", path, "gate", "--endpoint", server.endpoint, ...args], { env: { ...env, ...over } });
  const missing = await upload([]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /gate: no such stream in eu-central-1/);
  server.add("gate");
  const none = await upload([], { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" });
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no AWS credentials were found[^\n]*tried environment[^\n]*profiles[^\n]*role/);
  const wrong = await upload([], { AWS_SECRET_ACCESS_KEY: "not/the/right/one/never/shown" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /the service refused the credentials/);
  assert.doesNotMatch(wrong.stderr, /never\/shown/);
  const usage = await vedette(t, ["upload", path, "no/slashes", "--endpoint", server.endpoint], { env });
  assert.equal(usage.code, 2);
  assert.match(usage.stderr, /expected a stream name/);
});

test("Producer: connect, upload, disconnect", needs, async () => {
  await using server = await KvsServer.start();
  const path = join(folder, "library.mp4");
  await makeClip(path, { seconds: 30, size: "160x120" });
  const producer = new Producer({ resolution: 720, fps: 15, gop: 15, bitrate: 2_000_000, source: path, endpoint: server.endpoint });
  await assert.rejects(producer.upload(1), /connect\(STREAM\) comes before/);
  await producer.connect("MyKVStream");
  await producer.upload(2);
  const stream = server.streams.get("MyKVStream");
  const frames = stream?.stored.flatMap((fragment) => fragment.frames) ?? [];
  assert.ok(frames.length >= 40 && frames.length <= 60, `${frames.length} frames in 2 s at 25 a second`);
  const uploading = producer.upload();
  await systemClock.sleep(1000);
  await producer.disconnect();
  await uploading;
  assert.deepEqual(server.problems, []);
});

test("Producer: pictures are encoded with its settings", async () => {
  await using server = await KvsServer.start();
  const producer = new Producer({ resolution: "320x240", fps: 15, gop: 15, bitrate: 500_000, source: { kind: "test", pattern: "bars", size: "320x240", fps: 15 }, endpoint: server.endpoint });
  await producer.connect("bars");
  await producer.upload(3.5);
  const stored = server.streams.get("bars")?.stored ?? [];
  assert.deepEqual(server.problems, []);
  assert.ok(stored.length >= 3);
  assert.ok(stored.slice(0, -1).every(({ frames }) => frames.length === 15), stored.map(({ frames }) => frames.length).join());
});
