import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { encodeVideo, playInto } from "../../../test/support/encoded-video.ts";
import type { EncodedVideo } from "../../../test/support/encoded-video.ts";
import { FakeTaps, fakeResult } from "../../../test/support/fake-taps.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import type { Output } from "../../contracts/output.ts";
import type { Packet } from "../../domain/packet.ts";
import { authorize, strongestChallenge } from "../../protocols/rtsp/authentication.ts";
import { header } from "../../protocols/rtsp/message.ts";
import type { InterleavedFrame, RtspItem, RtspResponse } from "../../protocols/rtsp/message.ts";
import { RtspParser } from "../../protocols/rtsp/parser.ts";
import { parseRtcp } from "../../protocols/rtp/rtcp.ts";
import { parseRtp } from "../../protocols/rtp/rtp-packet.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { testOutput } from "../output.contract.ts";
import { rtspOutput } from "./index.ts";

const exec = promisify(execFile);
const never = new AbortController().signal;
const needsFfmpeg = needsPrograms("ffmpeg", "ffprobe");
let h264: EncodedVideo;
let h265: EncodedVideo;

before(() => {
  if (needsFfmpeg.skip === false) {
    h264 = encodeVideo("h264");
    h265 = encodeVideo("hevc");
  }
});

function create(over: Record<string, unknown> = {}, allowAnonymous = false) {
  const config = rtspOutput.schema.parse({ kind: "rtsp", port: 0, ...over });
  return rtspOutput.create(config, { clock: systemClock, log: silentLogger, stream: "gate", baseDir: "/", dataDir: "/", allowAnonymous });
}

/** A stream that plays, served. */
async function serve(video: EncodedVideo, over: Record<string, unknown> = {}) {
  const output: Output & { readonly viewers?: number } = create(over);
  await output.open(never);
  const taps = new FakeTaps({ tracks: [video.track] });
  const running = output.run(taps, never);
  const playing = playInto(taps, video, async (index, packet) => {
    if (index % 5 === 0) {
      await taps.pushResult(fakeResult(index, { ptsUs: packet.ptsUs, capturedAtMs: packet.capturedAtMs, width: 640, height: 360 }));
    }
  });
  return {
    url: output.name,
    port: Number(new URL(output.name.replace("rtsp:", "http:")).port),
    output,
    taps,
    [Symbol.asyncDispose]: async () => {
      await playing.stop();
      taps.end();
      await running;
      await output[Symbol.asyncDispose]();
      assert.deepEqual(taps.readers, { packets: 0, jpegs: 0, results: 0, events: 0 });
    },
  };
}

/** Hashes of the first pictures that FFmpeg decodes; any decoding error fails. */
async function ffmpegFrames(url: string, transport: string, count: number): Promise<string[]> {
  const args = ["-v", "error", "-xerror", "-rtsp_transport", transport, "-i", url, "-map", "0:v", "-frames:v", String(count), "-f", "framemd5", "-"];
  const { stdout } = await exec("ffmpeg", args, { timeout: 15_000 });
  return stdout.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** A client of bytes. */
class RawClient {
  readonly socket: Socket;
  readonly #items: RtspItem[] = [];
  readonly #parser = new RtspParser({ headerBytes: 65_536, bodyBytes: 1e6 });
  #wake: () => void = () => undefined;
  #sequence = 0;
  isClosed = false;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (chunk: Buffer) => {
      this.#items.push(...this.#parser.push(chunk));
      this.#wake();
    });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  async next<Kind extends RtspItem["kind"]>(kind: Kind, timeoutMs = 5000): Promise<Extract<RtspItem, { kind: Kind }>> {
    const untilMs = performance.now() + timeoutMs;
    while (true) {
      const at = this.#items.findIndex((item) => item.kind === kind);
      if (at >= 0) {
        return this.#items.splice(at, 1)[0] as Extract<RtspItem, { kind: Kind }>;
      }
      assert.ok(!this.isClosed, "the server closed the connection");
      assert.ok(performance.now() < untilMs, `no ${kind} came`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), systemClock.sleep(100)]);
    }
  }

  async ask(method: string, url: string, headers: Record<string, string> = {}): Promise<RtspResponse> {
    const lines = Object.entries({ CSeq: String(++this.#sequence), ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${url} RTSP/1.0\r\n${lines.join("")}\r\n`);
    return this.next("response");
  }

  /** Sets tracks up over TCP and plays; the session's id. */
  async play(url: string, tracks = [0]): Promise<{ session: string; response: RtspResponse }> {
    let session = "";
    for (const track of tracks) {
      const transport = `RTP/AVP/TCP;unicast;interleaved=${track * 2}-${track * 2 + 1}`;
      const response = await this.ask("SETUP", `${url}/trackID=${track}`, { Transport: transport, ...(session === "" ? {} : { Session: session }) });
      assert.equal(response.status, 200);
      session = header(response, "session")?.split(";")[0] ?? "";
    }
    return { session, response: await this.ask("PLAY", url, { Session: session }) };
  }

  close(): void {
    this.socket.destroy();
  }
}

testOutput({
  kind: "rtsp",
  create: () => Promise.resolve(create()),
  taps: () => new FakeTaps({ tracks: [{ kind: "video", codec: "h264", width: 0, height: 0, rotation: 0, frameRate: 0, codecPrivate: undefined }] }),
});

for (const transport of ["tcp", "udp"]) {
  for (const codec of ["h264", "hevc"] as const) {
    test(`FFmpeg plays ${codec} over ${transport.toUpperCase()}, both views, without an error`, needsFfmpeg, async () => {
      await using served = await serve(codec === "h264" ? h264 : h265);
      const [annotated, original] = await Promise.all([ffmpegFrames(served.url, transport, 30), ffmpegFrames(`${served.url}?view=original`, transport, 30)]);
      assert.equal(annotated.length, 30);
      assert.equal(original.length, 30);
    });
  }
}

test("ffprobe sees the video's size, and the metadata track", needsFfmpeg, async () => {
  await using served = await serve(h264);
  const { stdout } = await exec("ffprobe", ["-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_type,width,height", "-of", "csv", served.url], { timeout: 15_000 });
  assert.deepEqual(stdout.trim().split("\n"), ["stream,video,640,360", "stream,data"]);
});

test("GStreamer's rtspsrc plays over TCP and UDP", needsPrograms("ffmpeg", "gst-launch-1.0"), async () => {
  await using served = await serve(h264);
  for (const protocols of ["tcp", "udp"]) {
    const pipeline = `rtspsrc location=${served.url} latency=0 protocols=${protocols} ! application/x-rtp,media=video ! rtph264depay ! h264parse ! avdec_h264 ! identity eos-after=20 ! fakesink`;
    await exec("gst-launch-1.0", ["-q", ...pipeline.split(" ")], { timeout: 15_000 });
  }
});

test("five viewers at once, TCP and UDP mixed, see the same; afterwards nobody reads the stream", needsFfmpeg, async () => {
  await using served = await serve(h264);
  const all = await Promise.all(["tcp", "udp", "tcp", "udp", "tcp"].map((transport) => ffmpegFrames(served.url, transport, 25)));
  // The video repeats every second: 25 pictures in a row are the same set, wherever a viewer began.
  const sets = all.map((frames) => frames.map((line) => line.split(",").at(-1)).sort().join());
  assert.equal(new Set(sets).size, 1);
  for (let wait = 0; wait < 100 && served.taps.readers.packets > 0; wait++) {
    await systemClock.sleep(20);
  }
  assert.equal(served.taps.readers.packets, 0);
});

test("PLAY begins with a keyframe whose number and time RTP-Info told, and a sender report at once", needsFfmpeg, async () => {
  await using served = await serve(h264);
  const client = new RawClient(served.port);
  const { response } = await client.play(served.url);
  const info = /url=([^;]+);seq=(\d+);rtptime=(\d+)/.exec(header(response, "rtp-info") ?? "");
  const first = await client.next("interleaved");
  const packet = parseRtp(first.data);
  assert.equal(info?.[1], `${served.url}/trackID=0`);
  assert.equal(packet?.sequence, Number(info[2]));
  assert.equal(packet.timestamp, Number(info[3]));
  let frame: InterleavedFrame = first;
  while (frame.channel !== 1) {
    frame = await client.next("interleaved");
  }
  const [report] = parseRtcp(frame.data);
  assert.equal(report?.kind, "sender-report");
  assert.ok(Math.abs(report.wallTimeMs - Date.now()) < 2000, "the time of capture");
  client.close();
});

test("pause stops the packets; play again goes on from a keyframe, numbers without a gap", needsFfmpeg, async () => {
  await using served = await serve(h264);
  const client = new RawClient(served.port);
  const { session } = await client.play(served.url);
  await client.next("interleaved");
  assert.equal((await client.ask("PAUSE", served.url, { Session: session })).status, 200);
  await systemClock.sleep(100);
  assert.equal(served.taps.readers.packets, 0);
  const again = await client.ask("PLAY", served.url, { Session: session });
  assert.equal(again.status, 200);
  assert.equal((await client.ask("TEARDOWN", served.url, { Session: session })).status, 200);
  assert.equal((await client.ask("PLAY", served.url, { Session: session })).status, 454);
  client.close();
});

test("metadata: one document per analysed frame, on the video's clock", needsFfmpeg, async () => {
  await using served = await serve(h264);
  const client = new RawClient(served.port);
  await client.play(served.url, [0, 1]);
  const videoTimes = new Set<number>();
  for (let found = 0; found < 2; ) {
    const frame = await client.next("interleaved");
    const packet = frame.channel % 2 === 0 ? parseRtp(frame.data) : undefined;
    if (packet !== undefined && frame.channel === 0) {
      videoTimes.add(packet.timestamp);
    } else if (packet !== undefined && frame.channel === 2) {
      const document = Buffer.from(packet.payload).toString();
      assert.match(document, /<tt:Frame UtcTime="20[^"]*Z">/);
      assert.match(document, /<tt:BoundingBox left="412.04" top="88.46" right="530.2" bottom="401"\/>/);
      assert.match(document, />Human<.*>person</);
      assert.equal(packet.marker, true);
      found++;
    }
  }
  assert.ok(videoTimes.size > 0);
  client.close();
});

for (const algorithm of ["MD5", "SHA-256"] as const) {
  test(`Digest ${algorithm}: a right answer plays, a wrong one does not`, needsFfmpeg, async () => {
    await using served = await serve(h264, { username: "viewer", password: "s3cret" });
    const client = new RawClient(served.port);
    const asked = await client.ask("DESCRIBE", served.url);
    assert.equal(asked.status, 401);
    const lines = asked.headers.get("www-authenticate") ?? [];
    const challenge = strongestChallenge(lines.filter((line) => line.includes("SHA-256") === (algorithm === "SHA-256")))!;
    const answer = (password: string): string =>
      authorize(challenge, { user: "viewer", password }, { method: "DESCRIBE", uri: served.url, count: 1, cnonce: "x" });
    assert.equal((await client.ask("DESCRIBE", served.url, { Authorization: answer("wrong") })).status, 401);
    assert.equal((await client.ask("DESCRIBE", served.url, { Authorization: answer("s3cret") })).status, 200);
    client.close();
  });
}

test("FFmpeg and GStreamer log in; without a password they do not", needsPrograms("ffmpeg", "gst-launch-1.0"), async () => {
  await using served = await serve(h264, { username: "viewer", password: "s3cret" });
  const withPassword = served.url.replace("//", "//viewer:s3cret@");
  assert.equal((await ffmpegFrames(withPassword, "tcp", 5)).length, 5);
  const pipeline = `rtspsrc location=${withPassword} latency=0 protocols=tcp ! application/x-rtp,media=video ! rtph264depay ! identity eos-after=5 ! fakesink`;
  await exec("gst-launch-1.0", ["-q", ...pipeline.split(" ")], { timeout: 15_000 });
  await assert.rejects(ffmpegFrames(served.url, "tcp", 5), /401|authorization/i);
});

test("two outputs share a port under different paths; a third with a taken path is refused", needsFfmpeg, async () => {
  await using first = await serve(h264, { port: 0, path: "/a" });
  const port = first.port;
  const taken = create({ port, path: "/b" });
  await assert.rejects(taken.open(never), { code: "E_ADDRESS_IN_USE" });
  await taken[Symbol.asyncDispose]();
  const free = connect(port, "127.0.0.1");
  await once(free, "connect");
  free.destroy();
  const shared = port + 1;
  await using a = await serve(h264, { port: shared, path: "/a" });
  await using b = await serve(h264, { port: shared, path: "/b" });
  const duplicate = create({ port: shared, path: "/a" });
  await assert.rejects(duplicate.open(never), { code: "E_ADDRESS_IN_USE" });
  await duplicate[Symbol.asyncDispose]();
  assert.equal((await ffmpegFrames(a.url, "tcp", 3)).length, 3);
  assert.equal((await ffmpegFrames(b.url, "tcp", 3)).length, 3);
});

test("beyond loopback it wants credentials, or leave to do without", async () => {
  const open = create({ host: "0.0.0.0" });
  await assert.rejects(open.open(never), { code: "E_NOT_LOOPBACK" });
  const allowed = create({ host: "0.0.0.0" }, true);
  await allowed.open(never);
  await allowed[Symbol.asyncDispose]();
});

test("the end of the stream is told to the viewers (RTCP BYE), and ends the connection", needsFfmpeg, async () => {
  const served = await serve(h264);
  const client = new RawClient(served.port);
  await client.play(served.url);
  await client.next("interleaved");
  await served[Symbol.asyncDispose]();
  const kinds: string[] = [];
  while (!kinds.includes("bye")) {
    const frame = await client.next("interleaved");
    kinds.push(...(frame.channel === 1 ? parseRtcp(frame.data).map(({ kind }) => kind) : []));
  }
  if (!client.isClosed) {
    await once(client.socket, "close");
  }
});

test("a viewer that is stopped costs a bounded amount of memory and holds nobody up", needsFfmpeg, async (t) => {
  const large = encodeVideo("h264", "1920x1080");
  await using served = await serve(large);
  const stopped = spawn("ffmpeg", ["-v", "error", "-rtsp_transport", "tcp", "-i", served.url, "-map", "0:v", "-f", "null", "-"], { stdio: "ignore" });
  t.after(() => stopped.kill("SIGKILL"));
  while ((served.output.viewers ?? 0) === 0) {
    await systemClock.sleep(20);
  }
  await systemClock.sleep(300);
  stopped.kill("SIGSTOP");
  const quick = new RawClient(served.port);
  await quick.play(served.url);
  // Beyond real time, so that the stopped viewer's socket fills within the test: 100 s of video.
  const beforeBytes = process.memoryUsage().rss;
  let received = 0;
  const counting = (async () => {
    while (received < 500) {
      const frame = await quick.next("interleaved");
      received += frame.channel === 0 && parseRtp(frame.data)?.marker === true ? 1 : 0;
    }
  })();
  for (let index = 0; index < 2500; index++) {
    const packet: Packet = large.packet(10_000 + index);
    await served.taps.pushPacket("annotated", packet);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await counting;
  const grownBytes = process.memoryUsage().rss - beforeBytes;
  assert.ok(grownBytes < 120e6, `grown by ${String(Math.round(grownBytes / 1e6))} MB`);
  quick.close();
  stopped.kill("SIGCONT");
});

test("requests may come byte by byte, or many at once", needsFfmpeg, async () => {
  await using served = await serve(h264);
  const client = new RawClient(served.port);
  for (const byte of Buffer.from(`OPTIONS ${served.url} RTSP/1.0\r\nCSeq: 7\r\n\r\n`)) {
    client.socket.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(header(await client.next("response"), "cseq"), "7");
  client.socket.write(Array.from({ length: 20 }, (_, index) => `OPTIONS ${served.url} RTSP/1.0\r\nCSeq: ${index}\r\n\r\n`).join(""));
  for (let index = 0; index < 20; index++) {
    assert.equal(header(await client.next("response"), "cseq"), String(index));
  }
  client.close();
});

for (const [name, bytes, status] of [
  ["no RTSP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 400],
  ["a TLS handshake", Buffer.from([22, 3, 1, 2, 0, 1, 0]), 400],
  ["headers of 1 MB", Buffer.from(`OPTIONS * RTSP/1.0\r\nX: ${"y".repeat(1e6)}`), 431],
  ["a body of 10 MB", Buffer.from("ANNOUNCE rtsp://x/ds RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 10485760\r\n\r\n"), 413],
  ["a negative length", Buffer.from("ANNOUNCE rtsp://x/ds RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n"), 400],
  ["another version", Buffer.from("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n"), 505],
] as const) {
  test(`${name} is refused and the connection closed`, async () => {
    const output = create();
    await output.open(never);
    const client = new RawClient(Number(/:(\d+)\//.exec(output.name)?.[1]));
    client.socket.write(bytes);
    assert.equal((await client.next("response")).status, status);
    if (!client.isClosed) {
      await once(client.socket, "close");
    }
    await output[Symbol.asyncDispose]();
  });
}

test("what is not there, not offered or out of turn is answered so", needsFfmpeg, async () => {
  await using served = await serve(h264);
  const client = new RawClient(served.port);
  assert.equal((await client.ask("DESCRIBE", served.url.replace("/ds", "/other"))).status, 404);
  assert.equal((await client.ask("PLAY", served.url)).status, 454);
  assert.equal((await client.ask("RECORD", served.url)).status, 501);
  assert.equal((await client.ask("OPTIONS", served.url, { Require: "x.y" })).status, 551);
  assert.equal((await client.ask("SETUP", `${served.url}/trackID=9`, { Transport: "RTP/AVP/TCP;interleaved=0-1" })).status, 404);
  assert.equal((await client.ask("SETUP", `${served.url}/trackID=0`, { Transport: "RTP/AVP;multicast" })).status, 461);
  client.close();
});

test("two thousand half-open connections: a viewer still gets in, and they are gone after a while", needsFfmpeg, async () => {
  await using served = await serve(h264, { maxConnections: 64 });
  const idle: Socket[] = [];
  for (let index = 0; index < 2000; index++) {
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("DESCRIBE rtsp");
    idle.push(socket);
    if (index % 100 === 99) {
      await once(socket, "connect").catch(() => undefined);
    }
  }
  assert.equal((await ffmpegFrames(served.url, "tcp", 5)).length, 5);
  for (const socket of idle) {
    socket.destroy();
  }
});

test("addresses", () => {
  assert.deepEqual(rtspOutput.fromAddress("rtsp://0.0.0.0:8554/ds"), { kind: "rtsp", host: "0.0.0.0", port: 8554, path: "/ds" });
  assert.deepEqual(rtspOutput.fromAddress("rtsp://:8554/ds"), { kind: "rtsp", host: "127.0.0.1", port: 8554, path: "/ds" });
  assert.deepEqual(rtspOutput.fromAddress("rtsp://u:p@h/a?view=original"), { kind: "rtsp", host: "h", port: 8554, path: "/a", view: "original", username: "u", password: "p" });
  assert.equal(rtspOutput.fromAddress("http://h/a"), undefined);
});

