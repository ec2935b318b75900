// The live page as people see it: a whole stream, and Chromium with its fake camera.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Page } from "playwright-core";
import { wallTimeMs } from "../../../domain/time.ts";
import { Bars } from "../../../sources/test/bars.ts";
import { openPage } from "../../../../test/support/browser.ts";
import { seePictures } from "../../../../test/support/browser-clock.ts";
import { freePort } from "../../../../test/support/free-port.ts";
import { needsPrograms } from "../../../../test/support/programs.ts";
import { runStream } from "../../../../test/support/running-stream.ts";

const FPS = 15;
/** The file starts over after these. */
const FRAMES = FPS * 20;
const options = { ...needsPrograms("chromium", "ffmpeg"), timeout: 90_000 };

/** Bars with a block that moves, as a camera would send them, and motion to be found. */
async function barsOn(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "vedette-bars-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "bars.mkv");
  // A generator has no packets, so its original view would have the boxes in it; live encoding has no B-frames.
  await promisify(execFile)("ffmpeg", ["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "640x360", "-r", String(FPS), "-i", await drawBars(folder), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "15", path]);
  const port = await freePort();
  const running = await runStream(t, {
    source: { kind: "file", path, loop: true, realtime: true },
    analyse: { useCase: "motion" },
    outputs: [{ kind: "http", port }],
  });
  return { ...running, url: `http://127.0.0.1:${port}/live` };
}

async function drawBars(folder: string): Promise<string> {
  const bars = new Bars(640, 360);
  const path = join(folder, "bars.yuv");
  const file = await open(path, "w");
  for (let frame = 0; frame < FRAMES; frame++) {
    for (const { data } of (await bars.draw(frame, wallTimeMs(Date.now()))).planes) {
      await file.write(data);
    }
  }
  await file.close();
  return path;
}

async function until(isSo: () => boolean | Promise<boolean>, otherwise: string): Promise<void> {
  for (let i = 0; i < 200 && !(await isSo()); i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(await isSo(), otherwise);
}

async function playing(page: Page, transport: string): Promise<void> {
  await page.locator("body.live").waitFor({ timeout: 30_000 });
  assert.equal(await page.locator("#transport").textContent(), transport);
}

/** What is drawn belongs to the picture that is shown, as the number burnt into the picture says. */
async function assertInStep(page: Page): Promise<void> {
  // Pictures wait for results only after their lag has been seen.
  await seePictures(page, FPS * 3);
  const seen = (await seePictures(page, FPS * 4)).filter(({ frame, ptsUs }) => frame !== undefined && ptsUs !== undefined);
  assert.ok(seen.length > FPS, `${seen.length} pictures could be read`);
  const off = seen.map(({ frame, ptsUs }) => Math.abs((((ptsUs ?? 0) * FPS * 1e-6 - (frame ?? 0)) % FRAMES)));
  const inStep = off.filter((frames) => frames <= 1).length;
  assert.ok(inStep >= seen.length * 0.95, `${inStep} of ${seen.length} pictures are known by their right time: ${off.map((frames) => frames.toFixed(1)).join(" ")}`);
  const drawn = seen.filter(({ offUs }) => offUs !== undefined && offUs <= 1e6 / FPS + 2000);
  assert.ok(drawn.length >= seen.length * 0.8, `${drawn.length} of ${seen.length} had the result of their own time`);
  assert.ok(seen.some(({ boxes }) => boxes.length > 0), "nothing was drawn");
}

for (const [transport, name] of [["webrtc", "WebRTC"], ["mse", "MSE"]] as const) {
  test(`${name}: pictures are decoded, and the boxes drawn on them are their own`, options, async (t) => {
    const { url, stop, stream } = await barsOn(t);
    const { page, problems, elsewhere } = await openPage(t, `${url}?transport=${transport}`);
    await playing(page, name);
    await assertInStep(page);
    if (process.env["VEDETTE_SCREENSHOT"] !== undefined) {
      await page.screenshot({ path: `${process.env["VEDETTE_SCREENSHOT"]}-${transport}.png` });
    }
    await page.getByRole("button", { name: "Annotated" }).click();
    await playing(page, name);
    assert.equal((await seePictures(page, 8)).length, 8, "the annotated view does not move");
    assert.deepEqual(problems, []);
    assert.deepEqual(elsewhere, []);
    await page.goto("about:blank");
    await until(() => !stream.taps.wantsPictures, "something is still made for a viewer that has gone");
    await stop();
  });
}

test("without WebRTC the page falls back to MSE, without both to JPEGs", options, async (t) => {
  const { url } = await barsOn(t);
  const { page } = await openPage(t, "about:blank");
  await page.addInitScript("window.RTCPeerConnection = class { constructor() { throw new Error('blocked'); } };");
  await page.goto(url);
  await playing(page, "MSE");
  await page.addInitScript("window.WebSocket = class { constructor() { throw new Error('blocked'); } };");
  await page.goto(url);
  await playing(page, "MJPEG");
});

test("the camera button sends the camera up, and the page shows what the network sees", options, async (t) => {
  const port = await freePort();
  const { stream, stop } = await runStream(t, {
    source: { kind: "whip", port },
    analyse: { useCase: "motion" },
    outputs: [{ kind: "http", port }],
  });
  const { page, problems } = await openPage(t, `http://127.0.0.1:${port}/live`);
  await page.getByText("Waiting for a camera").waitFor();
  await page.getByRole("button", { name: "Use my camera" }).click();
  await page.locator("body.live").waitFor({ timeout: 30_000 });
  await until(() => page.evaluate<boolean>("Boolean(state.shown && results.some((one) => one.detections))"), "nothing was found in the camera's picture");
  assert.ok(stream.snapshot().analysed > 5);
  // The camera stops and comes back: the stream goes on.
  await page.getByRole("button", { name: "Stop my camera" }).click();
  const before = stream.snapshot().analysed;
  await page.getByRole("button", { name: "Use my camera" }).click();
  await until(() => stream.snapshot().analysed >= before + 10, "nothing is analysed after the camera came back");
  assert.deepEqual(problems, []);
  // Ends although nothing comes any more.
  await page.getByRole("button", { name: "Stop my camera" }).click();
  await stop();
});
