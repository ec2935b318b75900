import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ffmpeg, temporaryFolder, testPicture } from "../../test/support/clips.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import type { PacketSession } from "../contracts/source.ts";
import type { Packet } from "../domain/packet.ts";
import { VedetteError } from "../errors.ts";
import { openMedia, type OpenMediaOptions } from "./index.ts";

const tools = needsPrograms("ffmpeg", "ffprobe");
const folder = temporaryFolder();
const never = new AbortController().signal;
const openFile = (path: string, over: Partial<OpenMediaOptions> = {}): Promise<PacketSession> =>
  openMedia(`file:${path}`, { isLive: false, protocols: ["file"], signal: never, ...over });

async function packetsOf(session: PacketSession): Promise<Packet[]> {
  return Array.fromAsync(session.packets);
}

const hasCode = (code: string) => (error: unknown) => {
  assert.ok(error instanceof VedetteError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

/** Serves over HTTP on loopback until the test ends; the address. */
async function serve(t: TestContext, handler: RequestListener): Promise<string> {
  const server = createHttpServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const HTTP = ["http", "tcp", "crypto", "data"];

test("a file's tracks and packets come as ffprobe lists them", tools, async () => {
  const path = join(folder, "av.mp4");
  await ffmpeg(...testPicture(), "-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", path);
  await using session = await openFile(path);
  assert.deepEqual(session.tracks.map(({ kind, codec }) => [kind, codec]), [["video", "h264"], ["audio", "aac"]]);
  const [video] = session.tracks;
  assert.ok(video?.kind === "video");
  assert.deepEqual([video.width, video.height, video.rotation, video.frameRate], [320, 240, 0, 25]);
  assert.ok(Math.abs((session.durationS ?? 0) - 2) < 0.1);
  const packets = await packetsOf(session);
  const pictures = packets.filter(({ track }) => track === 0);
  assert.equal(pictures.length, 50);
  assert.deepEqual(pictures.map(({ ptsUs }) => ptsUs).toSorted((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i * 40_000));
  assert.equal(pictures[0]?.isKeyframe, true);
  assert.ok(pictures.some((picture, i) => i > 0 && picture.ptsUs < (pictures[i - 1]?.ptsUs ?? 0)), "expected B-frames out of order");
  for (const track of [0, 1]) {
    const times = packets.filter((packet) => packet.track === track).map(({ dtsUs }) => dtsUs);
    assert.ok(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0)), "decoding times rise");
  }
  assert.ok(packets.every(({ data }) => data.buffer.byteLength === data.byteLength), "each packet has bytes of its own");
});

test("missing, empty, foreign and silent files are told apart", tools, async () => {
  const text = join(folder, "text.mp4");
  await writeFile(text, "This is not a video.\n".repeat(500));
  await assert.rejects(openFile(text), hasCode("E_MEDIA_FORMAT"));
  await assert.rejects(openFile(join(folder, "missing.mp4")), hasCode("E_SOURCE_NOT_FOUND"));
  const audio = join(folder, "audio.mp4");
  await ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", audio);
  await assert.rejects(openFile(audio), (error: unknown) => hasCode("E_MEDIA_NO_VIDEO")(error) && /audio \(aac\)/.test((error as Error).message));
  const cover = join(folder, "cover.m4a");
  await ffmpeg("-i", audio, ...testPicture({ seconds: 1 }), "-map", "0:a", "-map", "1:v", "-frames:v", "1", "-c:a", "copy", "-c:v", "mjpeg", "-disposition:v", "attached_pic", "-f", "mp4", cover);
  await assert.rejects(openFile(cover), hasCode("E_MEDIA_NO_VIDEO"));
});

test("a cut MP4 and a cut Matroska deliver what is there and then say so", tools, async () => {
  for (const [name, args] of [["cut.mp4", ["-movflags", "+faststart"]], ["cut.mkv", []]] as const) {
    const path = join(folder, name);
    await ffmpeg(...testPicture({ seconds: 8 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25", ...args, path);
    const { length } = await readFile(path);
    await truncate(path, Math.round(length * 0.6));
    await using session = await openFile(path, { name });
    const packets: Packet[] = [];
    const read = async (): Promise<void> => {
      for await (const packet of session.packets) {
        packets.push(packet);
      }
    };
    await assert.rejects(read(), (error: unknown) => hasCode("E_MEDIA_TRUNCATED")(error) && (error as Error).message.startsWith(`${name}: ends too early after`));
    assert.ok(packets.length > 60 && packets.length < 190, `${name}: ${packets.length} packets`);
  }
});

test("whole files in many containers are never called cut", tools, async () => {
  for (const name of ["whole.mp4", "whole.mkv", "whole.ts", "whole.avi", "whole.mov", "whole.webm", "whole.flv", "whole.h264"]) {
    const path = join(folder, name);
    const codec = name.endsWith("webm") ? ["-c:v", "libvpx", "-deadline", "realtime"] : ["-c:v", "libx264", "-pix_fmt", "yuv420p"];
    // Audio that is longer than the video must not count.
    const audio = name.endsWith("h264") ? [] : ["-f", "lavfi", "-i", "sine=d=6"];
    await ffmpeg(...testPicture({ seconds: 3 }), ...audio, ...codec, path);
    await using session = await openFile(path);
    const packets = (await packetsOf(session)).filter(({ track }) => session.tracks[track]?.kind === "video");
    assert.equal(packets.length, 75, name);
    assert.equal(new Set(packets.map(({ ptsUs }) => ptsUs)).size, 75, `${name}: distinct times`);
  }
});

test("an edit list's hidden pictures are marked", tools, async () => {
  const whole = join(folder, "edit-whole.mp4");
  const path = join(folder, "edit.mp4");
  await ffmpeg(...testPicture({ seconds: 4 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "100", whole);
  // Copying from the middle of a group of pictures keeps its start, hidden by an edit list.
  await ffmpeg("-ss", "1", "-i", whole, "-c", "copy", path);
  await using session = await openFile(path);
  const packets = await packetsOf(session);
  const hidden = packets.filter(({ isHidden }) => isHidden === true);
  assert.ok(hidden.length >= 20 && hidden.length <= 30, String(hidden.length));
  assert.equal(packets.length - hidden.length, 75);
});

test("an abort interrupts an opening that hangs, and ends reading quietly", tools, async (t) => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/video`;
  const stop = new AbortController();
  const opening = openMedia(address, { isLive: true, protocols: HTTP, signal: stop.signal });
  setImmediate(() => stop.abort(new Error("stopped by the test")));
  await assert.rejects(opening, /stopped by the test/);
  await assert.rejects(openMedia(address, { isLive: true, protocols: HTTP, signal: AbortSignal.abort(new Error("before")) }), /before/);

  const jpeg = join(folder, "one.jpg");
  await ffmpeg(...testPicture({ seconds: 1 }), "-frames:v", "1", jpeg);
  const picture = await readFile(jpeg);
  const mjpeg = await serve(t, (_, response) => {
    response.writeHead(200, { "content-type": "multipart/x-mixed-replace; boundary=frame" });
    // Three pictures, then silence: the next read hangs.
    for (let i = 0; i < 12; i += 1) {
      response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`);
      response.write(picture);
      response.write("\r\n");
    }
  });
  const leave = new AbortController();
  await using session = await openMedia(`${mjpeg}/`, { isLive: true, protocols: HTTP, signal: leave.signal, formatOptions: { analyzeduration: "100000", probesize: "50000" } });
  let count = 0;
  for await (const packet of session.packets) {
    assert.ok(packet.data.length > 0);
    count += 1;
    if (count === 3) {
      setTimeout(() => leave.abort(), 20);
    }
  }
  assert.ok(count >= 3);
});

test("disposal interrupts a read that hangs", tools, async (t) => {
  const picture = await readFile(join(folder, "one.jpg"));
  const mjpeg = await serve(t, (_, response) => {
    response.writeHead(200, { "content-type": "multipart/x-mixed-replace; boundary=frame" });
    for (let i = 0; i < 12; i += 1) {
      response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`);
      response.write(picture);
      response.write("\r\n");
    }
  });
  const session = await openMedia(`${mjpeg}/`, { isLive: "unless-finite", protocols: HTTP, signal: never, formatOptions: { analyzeduration: "100000", probesize: "50000" } });
  assert.equal(session.isLive, true);
  const reading = packetsOf(session);
  setTimeout(() => void session[Symbol.asyncDispose](), 20);
  await reading;
  await session[Symbol.asyncDispose]();
});

test("a playlist from the network reaches no local file", tools, async (t) => {
  const secret = join(folder, "secret.ts");
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", secret);
  const lists = [`file://${secret}`, secret, `concat:${secret}`, `subfile,,start,0,end,0,,:${secret}`];
  for (const target of lists) {
    const base = await serve(t, (_, response) => {
      response.setHeader("content-type", "application/vnd.apple.mpegurl");
      response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${target}\n#EXT-X-ENDLIST\n`);
    });
    await assert.rejects(openMedia(`${base}/list.m3u8`, { isLive: false, protocols: HTTP, signal: never }), VedetteError, target);
  }
  // The same playlist with its segment on the server plays.
  const base = await serve(t, (request, response) => {
    if (request.url?.endsWith(".ts") === true) {
      void readFile(secret).then((bytes) => response.end(bytes));
      return;
    }
    response.setHeader("content-type", "application/vnd.apple.mpegurl");
    response.end("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsegment.ts\n#EXT-X-ENDLIST\n");
  });
  await using session = await openMedia(`${base}/list.m3u8`, { isLive: "unless-finite", protocols: HTTP, signal: never });
  assert.equal(session.isLive, false);
  assert.equal((await packetsOf(session)).length, 25);
});

test("network failures say what they are and show no password", tools, async (t) => {
  const base = await serve(t, (request, response) => {
    response.writeHead(request.url === "/missing" ? 404 : request.url === "/error" ? 500 : 401, { "www-authenticate": 'Basic realm="camera"' });
    response.end();
  });
  const secret = base.replace("http://", "http://admin:hunter2@");
  const open = (path: string): Promise<PacketSession> => openMedia(`${secret}${path}`, { isLive: true, protocols: HTTP, signal: never });
  await assert.rejects(open("/video"), (error: unknown) => hasCode("E_SOURCE_CREDENTIALS")(error) && !(error as Error).message.includes("hunter2"));
  await assert.rejects(open("/missing"), hasCode("E_SOURCE_UNREACHABLE"));
  await assert.rejects(open("/error"), hasCode("E_SOURCE_UNREACHABLE"));
  await assert.rejects(openMedia("http://127.0.0.1:9/x", { isLive: true, protocols: HTTP, signal: never }), hasCode("E_SOURCE_UNREACHABLE"));
  await assert.rejects(openMedia("http://no-such-host.invalid/x", { isLive: true, protocols: HTTP, signal: never }), hasCode("E_SOURCE_UNREACHABLE"));
});

test("names with colons, spaces, percent signs and non-Latin letters open", tools, async () => {
  const inside = join(folder, "a b:%20d");
  await mkdir(inside);
  const path = join(inside, "clip: ä%03d.mp4");
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", join(folder, "plain.mp4"));
  await copyFile(join(folder, "plain.mp4"), path);
  await chmod(path, 0o400);
  await using session = await openFile(path);
  assert.equal((await packetsOf(session)).length, 25);
});
