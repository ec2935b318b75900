import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { needsPrograms } from "../../../test/support/programs.ts";
import { LAUNCH, needsRtspServer, startRtspServer } from "../../../test/support/rtsp-server.ts";
import type { TestRtspServer } from "../../../test/support/rtsp-server.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import type { Packet } from "../../domain/packet.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { supervise } from "../../runtime/supervisor.ts";
import type { SourceStatus } from "../../runtime/supervisor.ts";
import { testSource } from "../source.contract.ts";
import { rtspSource } from "./index.ts";
import type { RtspSourceConfig } from "./config.ts";

const never = (): AbortSignal => new AbortController().signal;
let server: TestRtspServer | undefined;
let closedPort = 0;
let silent: Server | undefined;

before(async () => {
  if (needsRtspServer.skip === false) {
    server = await startRtspServer(Object.entries(LAUNCH).map(([name, launch]) => `/${name}=${launch}`));
  }
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  closedPort = (closed.address() as AddressInfo).port;
  closed.close();
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  silent?.close();
});

function create(address: string, over: Partial<RtspSourceConfig> = {}): Source {
  const config = rtspSource.schema.parse({ ...rtspSource.fromAddress(address), ...over });
  return rtspSource.create(config, { clock: systemClock, log: silentLogger, stream: "s", baseDir: "/", dataDir: "/", allowAnonymous: false });
}

const at = (path: string): string => `rtsp://127.0.0.1:${String(server?.port ?? 0)}/${path}`;

async function take(source: Source, count: number): Promise<{ session: PacketSession; packets: Packet[] }> {
  const session = (await source.open(AbortSignal.timeout(10_000))) as PacketSession;
  const packets: Packet[] = [];
  try {
    for await (const packet of session.packets) {
      packets.push(packet);
      if (packets.length >= count) {
        break;
      }
    }
  } finally {
    await session[Symbol.asyncDispose]();
  }
  return { session, packets };
}

/** Answers a connection with fixed responses, whatever is asked; a camera of the test's own making. */
async function scripted(answer: (request: string, socket: Socket) => void): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (data) => answer(data.toString("latin1"), socket));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const close = (): void => {
    for (const socket of sockets) {
      socket.destroy();
    }
    listener.close();
  };
  return { port: (listener.address() as AddressInfo).port, close };
}

const cseq = (request: string): string => /cseq: *(\d+)/i.exec(request)?.[1] ?? "0";
const ok = (request: string, headers = "", body = ""): string =>
  `RTSP/1.0 200 OK\r\nCSeq: ${cseq(request)}\r\n${headers}${body === "" ? "" : `Content-Length: ${String(body.length)}\r\n`}\r\n${body}`;

testSource({
  kind: "rtsp",
  skip: needsRtspServer.skip,
  create: () => create(at("h264")),
  broken: { create: () => create(`rtsp://127.0.0.1:${String(closedPort)}/x`), code: "E_SOURCE_UNREACHABLE" },
  hanging: async () => {
    silent ??= createServer((socket) => void socket.resume()).listen(0, "127.0.0.1").unref();
    await new Promise((resolve) => (silent?.listening === true ? resolve(undefined) : silent?.once("listening", resolve)));
    return create(`rtsp://127.0.0.1:${String((silent.address() as AddressInfo).port)}/x`);
  },
  ends: false,
});

for (const [path, transport, codec, size] of [
  ["h264", "tcp", "h264", 320],
  ["h264", "udp", "h264", 320],
  ["h265", "tcp", "hevc", 320],
  ["h265", "udp", "hevc", 320],
  ["mjpeg", "tcp", "mjpeg", 320],
  ["mjpeg", "udp", "mjpeg", 320],
] as const) {
  test(`receives ${codec} over ${transport.toUpperCase()} from GStreamer`, needsRtspServer, async () => {
    const { session, packets } = await take(create(`${at(path)}#transport=${transport}`), 15);
    const track = session.tracks[0]!;
    assert.equal(track.codec, codec);
    assert.equal(track.kind === "video" ? track.width : 0, size);
    assert.equal(packets[0]?.isKeyframe, true);
    for (const packet of packets) {
      assert.ok(Math.abs(Date.now() - packet.capturedAtMs) < 5000, "captured just now");
    }
    const steps = packets.slice(1).map((packet, index) => (packet.ptsUs - (packets[index]?.ptsUs ?? 0)) / 1000);
    assert.ok(steps.every((step) => Math.abs(step - 40) < 2), `25 fps, got steps of ${steps.join(", ")}`);
  });
}

test("what was received decodes in FFmpeg without an error", { skip: needsRtspServer.skip || needsPrograms("ffmpeg").skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rtsp-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [path, format] of [["h264", "h264"], ["h265", "hevc"], ["mjpeg", "mjpeg"], ["h264WithBFrames", "h264"]] as const) {
    const { packets } = await take(create(at(path)), 15);
    const input = Buffer.concat(packets.map(({ data }) => data));
    const out = execFileSync("ffmpeg", ["-v", "error", "-xerror", "-f", format, "-i", "-", "-f", "framemd5", "-"], { input, stdio: ["pipe", "pipe", "pipe"] });
    const frames = out.toString().split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    assert.equal(frames.length, 15, path);
  }
});

test("B-frames: decoding times rise and stay before presentation times", needsRtspServer, async () => {
  const { packets } = await take(create(at("h264WithBFrames")), 30);
  assert.ok(packets.some((packet, index) => index > 0 && packet.ptsUs < (packets[index - 1]?.ptsUs ?? 0)), "pictures are reordered");
  for (const packet of packets.slice(3)) {
    assert.ok(packet.ptsUs >= packet.dtsUs, `${String(packet.ptsUs)} ≥ ${String(packet.dtsUs)}`);
  }
});

test("audio comes along, on the same timeline", needsRtspServer, async () => {
  for (const transport of ["tcp", "udp"]) {
    const { session, packets } = await take(create(`${at("withAudio")}#transport=${transport}`), 80);
    assert.deepEqual(session.tracks.map(({ codec }) => codec), ["h264", "aac"]);
    const last = (track: number): number => packets.findLast((packet) => packet.track === track)?.ptsUs ?? 0;
    assert.ok(Math.abs(last(0) - last(1)) < 300_000, `${String(last(0))} and ${String(last(1))}`);
  }
});

test("audio alone is no video", needsRtspServer, async () => {
  await assert.rejects(create(at("onlyAudio")).open(never()), { code: "E_MEDIA_NO_VIDEO" });
});

test("a path that is not there is told", needsRtspServer, async () => {
  await assert.rejects(create(at("nowhere")).open(never()), { code: "E_SOURCE_NO_STREAM" });
});

test("a video stream that is not there is told", needsRtspServer, async () => {
  await assert.rejects(create(`${at("h264")}#stream=2`).open(never()), { code: "E_SOURCE_NO_STREAM" });
});

for (const method of ["basic", "digest"] as const) {
  test(`credentials by ${method}: right ones work, wrong and missing ones are told`, needsRtspServer, async () => {
    await using guarded = await startRtspServer(["--user", "admin", "--password", "p@ss/wörd", "--method", method, `/cam=${LAUNCH.h264}`]);
    const place = `127.0.0.1:${String(guarded.port)}/cam`;
    const { packets } = await take(create(`rtsp://admin:p%40ss%2Fw%C3%B6rd@${place}`), 5);
    assert.equal(packets.length, 5);
    await assert.rejects(create(`rtsp://admin:wrong@${place}`).open(never()), { code: "E_SOURCE_CREDENTIALS" });
    await assert.rejects(create(`rtsp://${place}`).open(never()), { code: "E_SOURCE_CREDENTIALS" });
  });
}

test("RTSP over TLS, with the certificate checked", { skip: needsRtspServer.skip || needsPrograms("openssl").skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rtsps-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", ...subject], { stdio: "ignore" });
  await using secured = await startRtspServer(["--user", "u", "--password", "p", "--tls", certificate, key, `/cam=${LAUNCH.h264}`]);
  const url = `rtsps://u:p@127.0.0.1:${String(secured.port)}/cam`;
  await assert.rejects(create(url).open(never()), { code: "E_SOURCE_CERTIFICATE" });
  const trusting = { tls: { rejectUnauthorized: true, ca: readFileSync(certificate, "utf8") } };
  assert.equal((await take(create(url, trusting), 5)).packets.length, 5);
  assert.equal((await take(create(url, { tls: { rejectUnauthorized: false, ca: undefined } }), 5)).packets.length, 5);
});

test("a server that refuses TCP is asked for UDP", needsRtspServer, async () => {
  await using other = await startRtspServer(["--udp-only", `/cam=${LAUNCH.h264}`]);
  const url = `rtsp://127.0.0.1:${String(other.port)}/cam`;
  assert.equal((await take(create(url), 5)).packets.length, 5);
  await assert.rejects(create(`${url}#transport=tcp`).open(never()), { code: "E_SOURCE_BROKEN" });
});

test("a camera that is killed and comes back is seen again within 2 s, and time goes on rising", needsRtspServer, async () => {
  let camera = await startRtspServer([`/cam=${LAUNCH.h264}`]);
  const { port } = camera;
  const statuses: SourceStatus[] = [];
  const stop = new AbortController();
  const session = (await supervise(
    create(`rtsp://127.0.0.1:${String(port)}/cam`),
    { clock: systemClock, random: Math.random, log: silentLogger, onPermanent: "wait", onStatus: (status) => void statuses.push(status) },
    stop.signal,
  )) as PacketSession;
  let lastDtsUs = -1;
  let lastMs = 0;
  const arrived = Promise.withResolvers<undefined>();
  let onPacket = (): void => undefined;
  const reading = (async () => {
    for await (const packet of session.packets) {
      assert.ok(packet.dtsUs > lastDtsUs, "time goes on rising");
      lastDtsUs = packet.dtsUs;
      lastMs = performance.now();
      onPacket();
    }
  })();
  while (lastMs === 0) {
    await systemClock.sleep(10);
  }
  await camera[Symbol.asyncDispose]();
  await systemClock.sleep(700);
  assert.equal(statuses.at(-1)?.state === "live", false);
  camera = await startRtspServer([`/cam=${LAUNCH.h264}`], port);
  onPacket = () => arrived.resolve(undefined);
  const reachableMs = performance.now();
  await arrived.promise;
  assert.ok(performance.now() - reachableMs < 2000, `seen again after ${String(performance.now() - reachableMs)} ms`);
  assert.equal(statuses.at(-1)?.state, "live");
  stop.abort();
  await reading;
  await session[Symbol.asyncDispose]();
  await camera[Symbol.asyncDispose]();
});

test("a description of 10 MB is refused before it is read", async () => {
  const camera = await scripted((request, socket) => {
    socket.write(request.startsWith("DESCRIBE") ? `RTSP/1.0 200 OK\r\nCSeq: ${cseq(request)}\r\nContent-Length: 10485760\r\n\r\n` : ok(request));
  });
  await assert.rejects(create(`rtsp://127.0.0.1:${String(camera.port)}/x`).open(never()), { code: "E_MEDIA_FORMAT" });
  camera.close();
});

test("redirects are followed, a few of them", needsRtspServer, async () => {
  const away = await scripted((request, socket) => {
    const moved = `RTSP/1.0 302 Moved\r\nCSeq: ${cseq(request)}\r\nLocation: ${at("h264")}\r\n\r\n`;
    socket.write(request.startsWith("DESCRIBE") ? moved : ok(request));
  });
  assert.equal((await take(create(`rtsp://127.0.0.1:${String(away.port)}/x`), 3)).packets.length, 3);
  away.close();
  const round = await scripted((request, socket) => {
    const moved = `RTSP/1.0 302 Moved\r\nCSeq: ${cseq(request)}\r\nLocation: rtsp://127.0.0.1:${String(socket.localPort)}/x\r\n\r\n`;
    socket.write(request.startsWith("DESCRIBE") ? moved : ok(request));
  });
  await assert.rejects(create(`rtsp://127.0.0.1:${String(round.port)}/x`).open(never()), { code: "E_SOURCE_BROKEN", message: /redirected more than 5/ });
  round.close();
});

for (const [name, reply, code] of [
  ["garbage", "HTTP is not spoken here\r\n\r\n", "E_SOURCE_BROKEN"],
  ["binary garbage", "\u0016\u0003\u0001\u0002\u0000", "E_SOURCE_BROKEN"],
  ["headers without end", `RTSP/1.0 200 OK\r\n${"X: y\r\n".repeat(20_000)}`, "E_SOURCE_BROKEN"],
] as const) {
  test(`a server that answers with ${name} is told as broken`, async () => {
    const camera = await scripted((_, socket) => void socket.write(Buffer.from(reply, "latin1")));
    await assert.rejects(create(`rtsp://127.0.0.1:${String(camera.port)}/x`).open(never()), { code });
    camera.close();
  });
}

test("a camera that goes silent after PLAY is told after the read timeout", async () => {
  const sdp = "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r\n";
  const camera = await scripted((request, socket) => {
    const transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n";
    socket.write(request.startsWith("DESCRIBE") ? ok(request, "", sdp) : request.startsWith("SETUP") ? ok(request, transport) : ok(request));
  });
  await assert.rejects(take(create(`rtsp://127.0.0.1:${String(camera.port)}/x`, { readTimeoutMs: 300 }), 1), { code: "E_SOURCE_SILENT" });
  camera.close();
});

test("addresses: options of ours are taken out, everything else is sent as it was written", () => {
  assert.deepEqual(rtspSource.fromAddress("rtsp://u:p@h/a?x=1#transport=udp&stream=2"), { kind: "rtsp", url: "rtsp://u:p@h/a?x=1", transport: "udp", stream: 2 });
  assert.deepEqual(rtspSource.fromAddress("rtsp://h/a?x=1&transport=udp"), { kind: "rtsp", url: "rtsp://h/a?x=1", transport: "udp" });
  assert.deepEqual(rtspSource.fromAddress("rtsp://h/a?transport=tcp&x=1"), { kind: "rtsp", url: "rtsp://h/a?x=1", transport: "tcp" });
  assert.equal(rtspSource.fromAddress("http://h/a"), undefined);
  assert.equal(rtspSource.schema.safeParse({ kind: "rtsp", url: "rtsp://h:99999/" }).success, false);
});
