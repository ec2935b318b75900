// The page and the feed as real viewers see them: ffmpeg and Chromium.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { wallTimeMs } from "../../domain/time.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { FakeTaps, fakeResult } from "../../../test/support/fake-taps.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import { HttpOutput } from "./http-output.ts";

const never = new AbortController().signal;

/** One-coloured JPEGs. */
function jpeg(color: string, size = "640x360"): Buffer {
  return execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", `color=${color}:s=${size}`, "-frames:v", "1", "-f", "mjpeg", "-"]);
}

/** An output whose stream shows these pictures over and over, 25 a second, until the test ends. */
async function playing(t: TestContext, pictures: readonly Buffer[]) {
  const output = new HttpOutput({
    stream: "gate", host: "127.0.0.1", port: 0, view: "annotated", quality: 80, credentials: undefined, allowAnonymous: false, maxConnections: 64,
    origins: [], maxSessions: 8, ice: { stun: [], turn: [], announce: [] },
    clock: systemClock, log: silentLogger,
  });
  const taps = new FakeTaps();
  await output.open(never);
  const running = output.run(taps, never);
  let seq = 0;
  const show = (): void => {
    seq++;
    const data = pictures[seq % pictures.length]!;
    void taps.pushJpeg("annotated", { data, seq, capturedAtMs: wallTimeMs(Date.now()), width: 640, height: 360 });
    void taps.pushResult(fakeResult(seq));
  };
  const timer = setInterval(show, 40);
  t.after(async () => {
    clearInterval(timer);
    await output[Symbol.asyncDispose]();
    await running;
  });
  return { url: output.name, taps, stop: () => clearInterval(timer), show };
}

test("ffmpeg reads the feed", { ...needsPrograms("ffmpeg"), timeout: 20_000 }, async (t) => {
  const { url } = await playing(t, [jpeg("red"), jpeg("blue")]);
  const { stdout } = await promisify(execFile)("ffmpeg", [
    "-v", "error", "-f", "mpjpeg", "-strict_mime_boundary", "1", "-i", `${url}/video_feed`, "-frames:v", "12", "-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
  ], { encoding: "buffer" });
  assert.equal(stdout.length, 36);
  const reds = Array.from({ length: 12 }, (_, i) => stdout[i * 3]! > 128);
  assert.ok(reds.includes(true) && reds.includes(false));
});

test("ffmpeg finds out by itself what the feed is", { ...needsPrograms("ffprobe"), timeout: 20_000 }, async (t) => {
  const { url } = await playing(t, [jpeg("red")]);
  const { stdout } = await promisify(execFile)("ffprobe", ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", `${url}/video_feed`]);
  assert.equal(stdout.trim(), "mjpeg,640,360");
});

test("Chromium shows the newest picture at once, the numbers, and comes back by itself", { ...needsPrograms("chromium", "ffmpeg"), timeout: 60_000 }, async (t) => {
  const profile = await mkdtemp(join(tmpdir(), "vedette-chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    viewport: { width: 1100, height: 760 },
  });
  t.after(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const red = jpeg("red");
  const { url, taps, stop } = await playing(t, [red]);
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  const elsewhere: string[] = [];
  page.on("request", (request) => !request.url().startsWith(url) && !request.url().startsWith("data:") && elsewhere.push(request.url()));
  await page.goto(url);
  await page.locator("body.live").waitFor();
  await page.getByText("1 × person").waitFor();
  await page.waitForFunction("document.getElementById('pictures').textContent > '1'");
  assert.equal(await page.locator("h1").textContent(), "gate");
  assert.equal(await page.locator("#age").textContent(), "21 ms");

  // The stream stops on a new picture: it must be shown without another one pushing it out.
  stop();
  await taps.pushJpeg("annotated", { data: jpeg("lime"), seq: 1e6, capturedAtMs: wallTimeMs(Date.now()), width: 640, height: 360 });
  const centre = async (): Promise<number[]> => {
    const png = await page.locator("#picture").screenshot();
    const rgb = execFileSync("ffmpeg", ["-v", "error", "-i", "-", "-vf", "crop=2:2,scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], { input: png });
    return [...rgb];
  };
  await assert.doesNotReject(async () => {
    for (let i = 0; i < 20; i++) {
      const [r = 255, g = 0] = await centre();
      if (g > 200 && r < 60) {
        return;
      }
    }
    throw new Error(`the newest picture is not shown: ${String(await centre())}`);
  });
  if (process.env["VEDETTE_SCREENSHOT"] !== undefined) {
    await page.screenshot({ path: process.env["VEDETTE_SCREENSHOT"] });
  }
  // The other view starts with its own newest picture.
  await taps.pushJpeg("original", { data: jpeg("blue"), seq: 1, capturedAtMs: wallTimeMs(Date.now()), width: 640, height: 360 });
  await page.getByRole("button", { name: "Original" }).click();
  await page.waitForFunction("document.getElementById('picture').src.includes('view=original')");
  for (let i = 0; i < 50 && (await centre())[2]! < 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok((await centre())[2]! > 200, "the original view is not shown");
  assert.deepEqual(problems, []);
  assert.deepEqual(elsewhere, []);

  // The server goes away: the page says so.
  taps.end();
  await page.locator("#lost").waitFor({ state: "visible" });
});

test("ffmpeg reads a still", { ...needsPrograms("ffmpeg"), timeout: 20_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vedette-still-"));
  t.after(() => rm(folder, { recursive: true }));
  const { url } = await playing(t, [jpeg("red", "1280x720")]);
  await promisify(execFile)("ffmpeg", ["-v", "error", "-i", `${url}/snapshot.jpg`, "-frames:v", "1", join(folder, "still.png")]);
  assert.ok((await readFile(join(folder, "still.png"))).length > 100);
});
