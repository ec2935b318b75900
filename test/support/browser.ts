// Headless Chromium with its fake camera, for tests of pages.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { chromium } from "playwright-core";
import type { BrowserContext, Page } from "playwright-core";

const ARGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
];

/** A page, and what went wrong on it. */
export interface TestPage {
  readonly page: Page;
  readonly browser: BrowserContext;
  /** Errors of scripts, of the console and of the content security policy. */
  readonly problems: readonly string[];
  /** Requests to anywhere but the given origin. */
  readonly elsewhere: readonly string[];
}

/** Opens a page in a browser of its own, which ends with the test. */
export async function openPage(t: Pick<TestContext, "after">, url: string, viewport = { width: 1180, height: 760 }, args: readonly string[] = []): Promise<TestPage> {
  const profile = await mkdtemp(join(tmpdir(), "vedette-chromium-"));
  const browser = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", args: [...ARGS, ...args], viewport });
  t.after(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const page = await browser.newPage();
  const problems: string[] = [];
  const elsewhere: string[] = [];
  const { origin } = new URL(url);
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => !request.url().startsWith(origin) && !/^(data|blob):/.test(request.url()) && elsewhere.push(request.url()));
  await page.goto(url);
  return { page, browser, problems, elsewhere };
}
