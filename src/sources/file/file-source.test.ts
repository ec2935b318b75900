import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, temporaryFolder, testPicture } from "../../../test/support/clips.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import type { Packet } from "../../domain/packet.ts";
import { VedetteError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { FileSource } from "./file-source.ts";
import { fileSource } from "./index.ts";

const tools = needsPrograms("ffmpeg");
const folder = temporaryFolder();
const never = new AbortController().signal;
const source = (path: string, over: Partial<ConstructorParameters<typeof FileSource>[0]> = {}): FileSource =>
  new FileSource({ path: join(folder, path), name: path, loop: false, realtime: false, clock: systemClock, ...over });

test("paths that cannot be played are told apart, by the name that was given", async () => {
  await mkdir(join(folder, "directory.mp4"));
  await writeFile(join(folder, "empty.mp4"), "");
  for (const [name, code] of [["missing.mp4", "E_SOURCE_NOT_FOUND"], ["directory.mp4", "E_SOURCE_DIRECTORY"], ["empty.mp4", "E_SOURCE_EMPTY"]] as const) {
    await assert.rejects(source(name).open(never), (error: unknown) => error instanceof VedetteError && error.code === code && error.message.startsWith(name));
  }
});

test("a looped file's times go on rising, round after round", tools, async () => {
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", join(folder, "loop.mp4"));
  await using session = await source("loop.mp4", { loop: true }).open(never);
  const packets: Packet[] = [];
  for await (const packet of session.packets) {
    packets.push(packet);
    if (packets.length === 75) {
      break;
    }
  }
  assert.deepEqual(packets.map(({ ptsUs }) => ptsUs).sort((a, b) => a - b), Array.from({ length: 75 }, (_, i) => i * 40_000));
  assert.ok(packets.every(({ dtsUs }, i) => i === 0 || dtsUs > (packets[i - 1]?.dtsUs ?? 0)));
});

test("in real time each packet leaves when its time has come", tools, async () => {
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p", join(folder, "paced.mp4"));
  const clock = new FakeClock();
  const stop = new AbortController();
  await using session = await source("paced.mp4", { realtime: true, clock }).open(stop.signal);
  assert.equal(session.isLive, true);
  const left: [number, number][] = [];
  const reading = (async () => {
    for await (const packet of session.packets) {
      left.push([clock.monotonicMs(), packet.capturedAtMs - Date.UTC(2026, 0, 1)]);
    }
  })();
  while (left.length < 20) {
    // Reading the file takes real time, which the fake clock does not see.
    await new Promise(setImmediate);
    if (left.length * 40 > clock.monotonicMs()) {
      await clock.advance(40);
    }
  }
  assert.deepEqual(left.slice(0, 20), Array.from({ length: 20 }, (_, i) => [i * 40, i * 40]));
  stop.abort();
  await reading;
});

test("addresses", () => {
  assert.deepEqual(fileSource.fromAddress("clip.mp4"), { kind: "file", path: "clip.mp4" });
  assert.deepEqual(fileSource.fromAddress("C:\\clips\\a.mp4"), { kind: "file", path: "C:\\clips\\a.mp4" });
  assert.deepEqual(fileSource.fromAddress("file:///tmp/a%20b.mp4"), { kind: "file", path: "/tmp/a b.mp4" });
  for (const other of ["rtsp://camera/1", "http://host/x.mp4", "device:0", "/dev/video0", "scene:street", "-"]) {
    assert.equal(fileSource.fromAddress(other), undefined, other);
  }
});
