// How old pictures are at each live output, by the clock that test:bars burns into them: camera (RTSP, 720p30) → Vedette →
// viewer, each viewer alone, beside the camera watched directly and through `ffmpeg -c copy`. `--quick` takes about two
// minutes. With root and netem everything runs in a network of its own with 10 ms each way.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Readable } from "node:stream";
import { FrameParser } from "../src/protocols/nvss/framing.ts";
import { readClock } from "../src/sources/test/clock-block.ts";
import { freePort } from "../test/support/free-port.ts";
import { openPage } from "../test/support/browser.ts";
import { seePictures } from "../test/support/browser-clock.ts";

const WIDTH = 240;
const HEIGHT = 180;
const FPS = 30;
const BIN = fileURLToPath(new URL("../bin/vedette.js", import.meta.url));
const DELAYED = "VEDETTE_BENCH_DELAYED";
const RAW = ["-map", "0:v:0", "-an", "-threads", "1", "-fps_mode", "passthrough", "-vf", `scale=${WIDTH}:${HEIGHT}`, "-f", "rawvideo", "-pix_fmt", "gray", "-"];
const EAGER = ["-v", "error", "-fflags", "nobuffer", "-flags", "low_delay", "-probesize", "65536", "-analyzeduration", "0"];

interface Measured {
  readonly latenciesMs: readonly number[];
  readonly firstMs: number | undefined;
}

type Viewer = (seconds: number) => Promise<Measured>;

/** Entry of `npm run bench -- live [--quick]`. */
export async function run(args: readonly string[]): Promise<void> {
  if (process.env[DELAYED] === undefined && canDelay()) {
    const inside = 'ip link set lo up && tc qdisc add dev lo root netem delay 10ms && exec "$@"';
    const again = spawn("unshare", ["-n", "sh", "-c", inside, "sh", process.execPath, fileURLToPath(new URL("main.ts", import.meta.url)), "live", ...args], { stdio: "inherit", env: { ...process.env, [DELAYED]: "1" } });
    const [code] = (await once(again, "close")) as [number | null];
    process.exitCode = code ?? 1;
    return;
  }
  const seconds = args.includes("--quick") ? 4 : 20;
  const children: ChildProcess[] = [];
  try {
    await measureAll(seconds, children);
  } finally {
    for (const child of children) {
      child.kill("SIGKILL");
    }
  }
}

/** Whether this machine can delay packets in a network of its own. */
function canDelay(): boolean {
  return process.getuid?.() === 0 && spawnSync("unshare", ["-n", "sh", "-c", "ip link set lo up && tc qdisc add dev lo root netem delay 10ms"], { stdio: "ignore" }).status === 0;
}

async function measureAll(seconds: number, children: ChildProcess[]): Promise<void> {
  const [camera, rtsp, http, nvss, nvssQueue] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()];
  await start(children, ["run", `test:bars?size=1280x720&fps=${FPS}`, "--to", `rtsp://127.0.0.1:${camera}/cam`, "--quiet"], camera);
  const cameraUrl = `rtsp://127.0.0.1:${camera}/cam`;
  const outputs = [
    { kind: "rtsp", port: rtsp, path: "/original", view: "original" },
    { kind: "rtsp", port: rtsp, path: "/annotated", view: "annotated" },
    { kind: "http", port: http },
    { kind: "nvss", host: "127.0.0.1", port: nvss, quality: 90 },
    { kind: "nvss", host: "127.0.0.1", port: nvssQueue, quality: 95, queue: 16 },
  ];
  const folder = await mkdtemp(join(tmpdir(), "vedette-live-"));
  const config = join(folder, "vedette.yaml");
  // YAML takes JSON.
  await writeFile(config, JSON.stringify({ streams: { gate: { source: { kind: "rtsp", url: cameraUrl }, outputs } } }));
  await start(children, ["serve", "--config", config], http);
  await rm(folder, { recursive: true });
  const page = (query: string): Viewer => (duration) => inBrowser(`http://127.0.0.1:${http}/live?${query}`, duration);
  const viewers: readonly (readonly [string, Viewer])[] = [
    ["camera, watched directly (ffmpeg)", (duration) => byFfmpeg(["-rtsp_transport", "tcp", "-i", cameraUrl], duration)],
    ["camera through ffmpeg -c copy", (duration) => byRelay(cameraUrl, duration)],
    ["RTSP original", (duration) => byFfmpeg(["-rtsp_transport", "tcp", "-i", `rtsp://127.0.0.1:${rtsp}/original`], duration)],
    ["RTSP annotated", (duration) => byFfmpeg(["-rtsp_transport", "tcp", "-i", `rtsp://127.0.0.1:${rtsp}/annotated`], duration)],
    ...(existsSync("/usr/bin/chromium")
      ? ([
          ["WHEP original", page("view=original&transport=webrtc")],
          ["WHEP annotated", page("view=annotated&transport=webrtc")],
          ["MSE original", page("view=original&transport=mse")],
        ] as const)
      : []),
    ["MJPEG", (duration) => byFfmpeg(["-f", "mpjpeg", "-strict_mime_boundary", "1", "-i", `http://127.0.0.1:${http}/video_feed`], duration)],
    ["NVSS, latest wins", (duration) => byNvss(nvss, duration)],
    ["NVSS, queue of 16 as documented", (duration) => byNvss(nvssQueue, duration)],
  ];
  console.log(`720p30, ${process.env[DELAYED] === undefined ? "loopback without delay (no root, or no netem)" : "10 ms each way"}; load ${loadavg()[0]?.toFixed(1) ?? "?"} before`);
  console.log(`${"".padEnd(36)}${["p50 ms", "p95 ms", "p99 ms", "first ms", "frames/s"].map((head) => head.padStart(10)).join("")}`);
  for (const [name, viewer] of viewers) {
    try {
      console.log(line(name, await viewer(seconds), seconds));
    } catch (error) {
      console.log(`${name.padEnd(36)}  failed: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    }
  }
  console.log(`load ${loadavg()[0]?.toFixed(1) ?? "?"} after`);
}

function line(name: string, { latenciesMs, firstMs }: Measured, seconds: number): string {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(0);
  const cells = [at(0.5), at(0.95), at(0.99), firstMs?.toFixed(0) ?? "–", (sorted.length / seconds).toFixed(1)];
  return `${name.padEnd(36)}${cells.map((cell) => cell.padStart(10)).join("")}`;
}

async function start(children: ChildProcess[], args: readonly string[], port: number): Promise<void> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  children.push(child);
  for (let tries = 0; tries < 150 && child.exitCode === null; tries++) {
    const socket = connect(port, "127.0.0.1");
    const isUp = await new Promise<boolean>((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
    socket.destroy();
    if (isUp) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`vedette ${args.join(" ")} did not start (exit ${child.exitCode ?? "none"})`);
}

/** Reads grey pictures until `seconds` after the first one. What comes in the first second is a start, not a steady state. */
async function read(raw: Readable, seconds: number, startedMs: number): Promise<Measured> {
  const latenciesMs: number[] = [];
  let firstMs: number | undefined;
  let rest = Buffer.alloc(0);
  const late = setTimeout(() => raw.destroy(), 15_000 + seconds * 1000);
  try {
    for await (const chunk of raw as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= WIDTH * HEIGHT) {
        const clock = readClock({ data: rest.subarray(0, WIDTH * HEIGHT), stride: WIDTH, width: WIDTH, height: HEIGHT });
        rest = rest.subarray(WIDTH * HEIGHT);
        firstMs ??= performance.now() - startedMs;
        const sinceMs = performance.now() - startedMs - firstMs;
        if (clock !== undefined && sinceMs > 1000) {
          latenciesMs.push(Date.now() - clock.atMs);
        }
        if (sinceMs > (seconds + 1) * 1000) {
          return { latenciesMs, firstMs };
        }
      }
    }
  } catch (error) {
    if (!raw.destroyed) {
      throw error;
    }
  } finally {
    clearTimeout(late);
  }
  return { latenciesMs, firstMs };
}

async function byFfmpeg(input: readonly string[], seconds: number): Promise<Measured> {
  const startedMs = performance.now();
  const child = spawn("ffmpeg", [...EAGER, ...input, ...RAW], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    return await read(child.stdout, seconds, startedMs);
  } finally {
    child.kill("SIGKILL");
  }
}

async function byRelay(url: string, seconds: number): Promise<Measured> {
  const startedMs = performance.now();
  const relay = spawn("ffmpeg", [...EAGER, "-rtsp_transport", "tcp", "-i", url, "-map", "0:v:0", "-c", "copy", "-f", "mpegts", "-flush_packets", "1", "-muxdelay", "0", "-"], { stdio: ["ignore", "pipe", "ignore"] });
  const viewer = spawn("ffmpeg", [...EAGER, "-f", "mpegts", "-i", "-", ...RAW], { stdio: ["pipe", "pipe", "ignore"] });
  relay.stdout.pipe(viewer.stdin);
  viewer.stdin.on("error", () => undefined);
  try {
    return await read(viewer.stdout, seconds, startedMs);
  } finally {
    relay.kill("SIGKILL");
    viewer.kill("SIGKILL");
  }
}

async function byNvss(port: number, seconds: number): Promise<Measured> {
  const startedMs = performance.now();
  const decoder = spawn("ffmpeg", [...EAGER, "-f", "mjpeg", "-i", "-", ...RAW], { stdio: ["pipe", "pipe", "ignore"] });
  decoder.stdin.on("error", () => undefined);
  const socket = connect(port, "127.0.0.1");
  const parser = new FrameParser();
  socket.on("error", () => decoder.stdin.end()).on("data", (bytes) => {
    for (const jpeg of parser.push(bytes)) {
      decoder.stdin.write(jpeg);
    }
  });
  try {
    return await read(decoder.stdout, seconds, startedMs);
  } finally {
    socket.destroy();
    decoder.kill("SIGKILL");
  }
}

async function inBrowser(url: string, seconds: number): Promise<Measured> {
  const closing: (() => Promise<void>)[] = [];
  try {
    const { page } = await openPage({ after: (close?: unknown) => void closing.push(close as () => Promise<void>) }, "about:blank");
    await page.goto(url);
    const startedMs = Date.now() - (await page.evaluate<number>("performance.now()"));
    await page.locator("body.live").waitFor({ timeout: 20_000 });
    const firstMs = Date.now() - startedMs;
    await page.waitForTimeout(1000);
    const seen = await seePictures(page, seconds * FPS, seconds * 1000);
    return { latenciesMs: seen.flatMap(({ latencyMs }) => latencyMs ?? []), firstMs };
  } finally {
    await Promise.all(closing.map((close) => close()));
  }
}
