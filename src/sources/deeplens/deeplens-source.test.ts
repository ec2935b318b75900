// A device that looks like the camera: a pipe that an encoder writes into, and a tool that takes its settings.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Packet } from "../../domain/packet.ts";
import { createLogger } from "../../runtime/log.ts";
import { systemClock } from "../../runtime/clock.ts";
import { deepLensSource } from "./index.ts";
import { PhaseLock } from "./phase-lock.ts";
import { temporaryFolder } from "../../../test/support/clips.ts";
import { needsPrograms } from "../../../test/support/programs.ts";

test("what waited in the pipe is passed over; the first fresh keyframe is now, and the clock is followed", () => {
  const lock = new PhaseLock(10);
  // Old frames come in a burst; a keyframe among them does not begin anything.
  assert.deepEqual([lock.place(1000, true), lock.place(1001, false), lock.place(1002, true)], [undefined, undefined, undefined]);
  assert.equal(lock.place(1100, false), undefined, "fresh, and no keyframe");
  assert.deepEqual(lock.place(1200, true), { timeUs: 0, capturedAtMs: 1200 });
  // 20 ms late: half of it is followed.
  assert.equal(lock.place(1320, false)?.capturedAtMs, 1310);
  // An hour's jump of the clock backwards never makes time go back.
  assert.equal(lock.place(-3_600_000, false)?.capturedAtMs, 1360);
});

test("sets the encoder up, then reads its pipe", needsPrograms("ffmpeg", "mkfifo"), async (t) => {
  const folder = temporaryFolder();
  const [path, tool, calls] = [join(folder, "ch1_out.h264"), join(folder, "mxuvc"), join(folder, "calls")];
  execFileSync("mkfifo", [path]);
  writeFileSync(tool, `#!/bin/sh\necho "$@" >> ${calls}\n`);
  chmodSync(tool, 0o755);
  const encoder = spawn("ffmpeg", ["-v", "error", "-y", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=15", "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15", "-f", "h264", path], { stdio: "ignore" });
  t.after(() => encoder.kill("SIGKILL"));
  const lines: string[] = [];
  const log = createLogger({ level: "info", format: "text", write: (line) => lines.push(line), now: () => new Date(0) });
  const context = { stream: "main", clock: systemClock, log, baseDir: "/", dataDir: "/nonexistent", allowAnonymous: false };
  const source = deepLensSource.create(deepLensSource.schema.parse({ kind: "deeplens", path, tool }), context);
  await using session = await source.open(new AbortController().signal);
  const packets: Packet[] = [];
  for await (const packet of session.packets) {
    packets.push(packet);
    if (packets.length === 16) {
      break;
    }
  }
  assert.equal(packets[0]?.isKeyframe, true);
  assert.ok(packets.every((packet, index) => index === 0 || packet.ptsUs > (packets[index - 1]?.ptsUs ?? 0)));
  assert.deepEqual(readFileSync(calls, "utf8").trim().split("\n"), ["--ch 1 framerate 15", "--ch 1 resolution 1280 720", "--ch 1 gop 15", "--ch 1 bitrate 2000000", "--ch 1 iframe"]);
  assert.deepEqual(lines, []);
  assert.ok(existsSync(path));
});
