// What uploading to Kinesis Video Streams costs: `npm run bench -- upload [--seconds 20] [--spool-minutes 10] [--only NAME]`.
// The service is the strict test server in a process of its own; the camera is an RTSP server in another.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FragmentStore } from "../src/outputs/kvs/fragment-store.ts";
import { Fragmenter } from "../src/outputs/kvs/fragmenter.ts";
import { Spool } from "../src/outputs/kvs/spool.ts";
import { silentLogger } from "../src/runtime/log.ts";
import { CLIENT_ENV, KvsServer } from "../test/support/kvs-server/kvs-server.ts";
import { CHEAP_TRACK, cheapPacket } from "../test/support/kvs-server/uploading.ts";
import { startRtspServer } from "../test/support/rtsp-server.ts";

const BIN = fileURLToPath(new URL("../bin/vedette.js", import.meta.url));
const TICKS_A_SECOND = 100;
const env = { ...process.env, ...CLIENT_ENV, VEDETTE_LOG_LEVEL: "error" };

interface Use {
  readonly cpuS: number;
  readonly rssMb: number;
}

/** Processor time and memory of a process and its children, from /proc. */
function use(pid: number): Use {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter((text) => text !== "").map(Number);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  return children.map(use).reduce((sum, child) => ({ cpuS: sum.cpuS + child.cpuS, rssMb: sum.rssMb + child.rssMb }), {
    cpuS: (Number(stat[11]) + Number(stat[12])) / TICKS_A_SECOND,
    rssMb: rssKb / 1024,
  });
}

/** 0 when it has just ended. */
function memoryMb(pid: number | undefined): number {
  try {
    return use(pid ?? 0).rssMb;
  } catch {
    return 0;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}

/** 1080p30 at 4 Mbit/s with a keyframe each second, as a camera sends it. */
const CAMERA =
  "( videotestsrc is-live=true pattern=snow ! video/x-raw,width=1920,height=1080,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=4000 vbv-buf-capacity=500 ! rtph264pay name=pay0 pt=96 config-interval=1 )";

/** Uploads so many streams for so long; the first seconds, in which everything is loaded, are left out. */
async function streams(count: number, seconds: number, rtsp: string, server: KvsServer): Promise<Record<string, string | number>> {
  const yaml = join(tmpdir(), `vedette-upload-${process.pid}.yaml`);
  const names = Array.from({ length: count }, (_, index) => `bench${index}`);
  writeFileSync(yaml, JSON.stringify({ streams: Object.fromEntries(names.map((name) => [name, { source: rtsp, outputs: [{ kind: "kvs", stream: name, endpoint: server.endpoint }] }])) }));
  names.forEach((name) => server.add(name));
  const child = count === 1 ? spawn(process.execPath, [BIN, "upload", rtsp, "bench0", "--endpoint", server.endpoint, "-q"], { env, stdio: ["ignore", "ignore", "inherit"] }) : spawn(process.execPath, [BIN, "serve", "--config", yaml, "--http", "127.0.0.1:0"], { env, stdio: ["ignore", "ignore", "inherit"] });
  try {
    await sleep(8000);
    const pid = child.pid ?? 0;
    const [before, bytes] = [use(pid), server.receivedBytes];
    let peakMb = 0;
    for (let second = 0; second < seconds; second++) {
      await sleep(1000);
      peakMb = Math.max(peakMb, use(pid).rssMb);
    }
    const cpu = ((use(pid).cpuS - before.cpuS) / seconds) * 100;
    return { measured: `${count} × 1080p30 from RTSP`, "% of a core": cpu.toFixed(1), "peak MB": peakMb.toFixed(0), "Mbit/s": (((server.receivedBytes - bytes) * 8) / seconds / 1e6).toFixed(1), problems: server.problems.length };
  } finally {
    await end(child);
    rmSync(yaml, { force: true });
  }
}

/** The same bytes copied by ffmpeg into a Matroska stream that nobody keeps. */
async function floor(seconds: number, rtsp: string): Promise<Record<string, string | number>> {
  const sink = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
  await once(sink, "listening");
  const child = spawn("ffmpeg", ["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", rtsp, "-c", "copy", "-f", "matroska", `tcp://127.0.0.1:${(sink.address() as AddressInfo).port}`], { stdio: "ignore" });
  try {
    await sleep(4000);
    const before = use(child.pid ?? 0);
    await sleep(seconds * 1000);
    const after = use(child.pid ?? 0);
    return { measured: "floor: ffmpeg -c copy to MKV", "% of a core": (((after.cpuS - before.cpuS) / seconds) * 100).toFixed(1), "peak MB": after.rssMb.toFixed(0), "Mbit/s": "", problems: "" };
  } finally {
    await end(child);
    sink.close();
  }
}

/** The service is away for a while: how long until everything is stored again, and is anything missing? */
async function cut(awaySeconds: number, rtsp: string, server: KvsServer): Promise<Record<string, string | number>> {
  const stream = server.add("bench0");
  const child = spawn(process.execPath, [BIN, "upload", rtsp, "bench0", "--endpoint", server.endpoint, "-q"], { env, stdio: ["ignore", "ignore", "inherit"] });
  try {
    await sleep(6000);
    server.isDown = true;
    server.cutAll();
    await sleep(awaySeconds * 1000);
    server.isDown = false;
    const backMs = Date.now();
    while (Date.now() - (stream.stored.at(-1)?.timecodeMs ?? 0) > 3500 && Date.now() - backMs < 120_000) {
      await sleep(100);
    }
    const caughtUpS = (Date.now() - backMs) / 1000;
    const times = [...new Set(stream.stored.map(({ timecodeMs }) => timecodeMs))].sort((a, b) => a - b);
    const longestMs = Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
    return { measured: `${awaySeconds} s cut`, "caught up in s": caughtUpS.toFixed(1), "longest step between fragments, ms": longestMs, fragments: times.length, problems: server.problems.length };
  } finally {
    await end(child);
  }
}

/** A spool of so many minutes at 4 Mbit/s: how fast it is uploaded. */
async function drain(minutes: number, folder: string, server: KvsServer): Promise<Record<string, string | number>> {
  const stream = server.add("drained");
  const spoolFolder = join(folder, "spool");
  const startMs = Date.now() - minutes * 60_000;
  {
    await using spool = await Spool.open(join(spoolFolder, "drained"), silentLogger);
    const store = new FragmentStore({ limits: { maxBytes: 1e12, maxSpanMs: Infinity, maxMemoryBytes: 16e6 }, spool, onLost: () => undefined });
    const fragmenter = new Fragmenter({ stream: "", store, track: CHEAP_TRACK, isLive: false, log: silentLogger, tags: {}, minFragmentMs: 1000, maxFragmentMs: 20_000 });
    for (let number = 0; number < minutes * 60 * 30; number++) {
      fragmenter.push(cheapPacket(number, { startMs, rate: 30, gop: 30, bytes: 4e6 / 8 / 30 }));
      await store.flushed();
    }
    fragmenter.idle();
  }
  const clip = join(folder, "after.mp4");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=1", "-c:v", "libx264", "-bf", "0", "-g", "30", "-pix_fmt", "yuv420p", clip]);
  const bytes = server.receivedBytes;
  const child = spawn(process.execPath, [BIN, "upload", clip, "drained", "--endpoint", server.endpoint, "--spool", spoolFolder, "-q"], { env, stdio: ["ignore", "ignore", "inherit"] });
  let peakMb = 0;
  let firstMs: number | undefined;
  while (stream.stored.length < minutes * 60 && child.exitCode === null) {
    await sleep(100);
    firstMs ??= stream.stored.length > 0 ? Date.now() : undefined;
    peakMb = Math.max(peakMb, memoryMb(child.pid));
  }
  const seconds = (Date.now() - (firstMs ?? Date.now())) / 1000;
  await end(child);
  return { measured: `spool of ${minutes} min`, "drained in s": seconds.toFixed(1), "× real time": ((minutes * 60) / seconds).toFixed(1), "MB/s": ((server.receivedBytes - bytes) / seconds / 1e6).toFixed(1), "peak MB": peakMb.toFixed(0), fragments: stream.stored.length, problems: server.problems.length };
}

/** `npm run bench -- upload` */
export async function run(args: readonly string[]): Promise<void> {
  const number = (name: string, otherwise: number): number => Number(args[args.indexOf(`--${name}`) + 1] ?? otherwise) || otherwise;
  const only = args.includes("--only") ? args[args.indexOf("--only") + 1] : undefined;
  const seconds = number("seconds", 20);
  const folder = mkdtempSync(join(tmpdir(), "vedette-bench-"));
  try {
    const serve = async (): Promise<KvsServer> => {
      const server = await KvsServer.start();
      server.keepsFrames = false;
      return server;
    };
    if (only !== "drain") {
      await using rtspServer = await startRtspServer([`/camera=${CAMERA}`]);
      const rtsp = `rtsp://127.0.0.1:${rtspServer.port}/camera`;
      if (only === undefined || only === "cost") {
        await using one = await serve();
        await using eight = await serve();
        console.table([await floor(seconds, rtsp), await streams(1, seconds, rtsp, one), await streams(8, seconds, rtsp, eight)]);
      }
      if (only === undefined || only === "cut") {
        await using server = await serve();
        console.table([await cut(number("away", 60), rtsp, server)]);
      }
    }
    if (only === undefined || only === "drain") {
      await using server = await serve();
      console.table([await drain(number("spool-minutes", 10), folder, server)]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
