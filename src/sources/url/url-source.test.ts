import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, temporaryFolder, testPicture } from "../../../test/support/clips.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import { VedetteError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { deviceSource } from "../device/index.ts";
import { deviceInput } from "../device/device-input.ts";
import { urlSource } from "./index.ts";
import { UrlSource } from "./url-source.ts";

const tools = needsPrograms("ffmpeg");
const folder = temporaryFolder();
const never = new AbortController().signal;

test("a file behind HTTP is read whole; a server that says nothing is given up", tools, async (t) => {
  const path = join(folder, "clip.mp4");
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", path);
  const bytes = await readFile(path);
  const server = createServer((request, response) => {
    if (request.url === "/clip.mp4") {
      response.end(bytes);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`;
  const create = (file: string): UrlSource => new UrlSource({ url: `${base}/${file}`, timeoutMs: 300, live: undefined, clock: systemClock });
  await using session = await create("clip.mp4").open(never);
  assert.equal(session.isLive, false);
  assert.equal((await Array.fromAsync(session.packets)).length, 25);
  await assert.rejects(create("silent").open(never), (error: unknown) => error instanceof VedetteError && error.code === "E_SOURCE_UNREACHABLE" && !error.message.includes("secret"));
});

test("MPEG-TS over UDP is live", tools, async (t) => {
  const port = 20_000 + (process.pid % 20_000);
  const sender = spawn("ffmpeg", ["-v", "error", "-nostdin", "-re", ...testPicture({ seconds: 20 }), "-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-pix_fmt", "yuv420p", "-f", "mpegts", `udp://127.0.0.1:${port}?pkt_size=1316`], { stdio: "ignore" });
  t.after(() => sender.kill("SIGKILL"));
  const source = new UrlSource({ url: `udp://127.0.0.1:${port}`, timeoutMs: 8000, live: undefined, clock: systemClock });
  await using session = await source.open(never);
  assert.equal(session.isLive, true);
  let count = 0;
  for await (const packet of session.packets) {
    assert.ok(packet.data.length > 0);
    count += 1;
    if (count === 10) {
      break;
    }
  }
  assert.equal(count, 10);
});

test("addresses of streams and cameras", () => {
  for (const url of ["http://h/x", "https://h/x.m3u8", "srt://h:9", "rtmp://h/app", "rtmps://h/app", "udp://0.0.0.0:5000"]) {
    assert.deepEqual(urlSource.fromAddress(url), { kind: "url", url });
  }
  for (const other of ["rtsp://h/x", "file:///etc/passwd", "concat:a", "clip.mp4", "constructor://x"]) {
    assert.equal(urlSource.fromAddress(other), undefined, other);
  }
  assert.deepEqual(deviceSource.fromAddress("device:1"), { kind: "device", device: "1" });
  assert.deepEqual(deviceSource.fromAddress("/dev/video2"), { kind: "device", device: "/dev/video2" });
  assert.equal(deviceSource.fromAddress("device:"), undefined);
  const request = { device: "0", size: "640x480", fps: 15, pixelFormat: "mjpeg" };
  assert.deepEqual(deviceInput(request, "linux"), { address: "/dev/video0", format: "video4linux2", hasWallClockTimes: true, options: { timestamps: "abs", input_format: "mjpeg", video_size: "640x480", framerate: "15" } });
  assert.equal(deviceInput(request, "darwin")?.address, "0:none");
  assert.deepEqual(deviceInput({ ...request, device: "USB Camera" }, "win32")?.options, { vcodec: "mjpeg", video_size: "640x480", framerate: "15" });
  assert.equal(deviceInput(request, "aix"), undefined);
});

test("a camera that is not there is told as such", { skip: process.platform === "linux" ? false : "needs Linux" }, async () => {
  const source = deviceSource.create(deviceSource.schema.parse({ kind: "device", device: "/dev/video97" }), { clock: systemClock } as Parameters<typeof deviceSource.create>[1]);
  await assert.rejects(source.open(never), (error: unknown) => error instanceof VedetteError && error.code === "E_SOURCE_NOT_FOUND");
});
