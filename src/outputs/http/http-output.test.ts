import assert from "node:assert/strict";
import { once } from "node:events";
import { get, request as httpRequest } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { VedetteError } from "../../errors.ts";
import { wallTimeMs } from "../../domain/time.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import type { JpegPicture } from "../../contracts/output.ts";
import { FakeTaps, fakeResult } from "../../../test/support/fake-taps.ts";
import { testOutput } from "../output.contract.ts";
import { HttpOutput } from "./http-output.ts";
import type { HttpOutputOptions } from "./http-output.ts";
import { httpOutput } from "./index.ts";

const never = new AbortController().signal;

function create(over: Partial<HttpOutputOptions> = {}): HttpOutput {
  return new HttpOutput({
    stream: "gate", host: "127.0.0.1", port: 0, view: "annotated", quality: 80, credentials: undefined, allowAnonymous: false, maxConnections: 64,
    origins: [], maxSessions: 8, ice: { stun: [], turn: [], announce: [] },
    clock: systemClock, log: silentLogger, ...over,
  });
}

testOutput({
  kind: "http",
  create: () => Promise.resolve(create()),
  broken: { create: () => Promise.resolve(create({ host: "203.0.113.7", allowAnonymous: true })), code: "E_ADDRESS_REFUSED" },
});

function picture(seq: number, data: Uint8Array = Buffer.from(`picture ${seq}`)): JpegPicture {
  return { data, seq, capturedAtMs: wallTimeMs(seq), width: 64, height: 48 };
}

interface Served {
  readonly output: HttpOutput;
  readonly taps: FakeTaps;
  readonly url: string;
  readonly running: Promise<void>;
}

async function serve(t: TestContext, over: Partial<HttpOutputOptions> = {}): Promise<Served> {
  const output = create(over);
  const taps = new FakeTaps();
  await output.open(never);
  const running = output.run(taps, never);
  t.after(async () => {
    await output[Symbol.asyncDispose]();
    await running;
  });
  return { output, taps, url: output.name, running };
}

async function fetched(url: string, options: RequestOptions = {}): Promise<{ readonly response: IncomingMessage; readonly body: Buffer }> {
  const sent = httpRequest(url, { agent: false, ...options });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { response, body: Buffer.concat(await response.toArray() as Buffer[]) };
}

async function status(url: string, options: RequestOptions = {}): Promise<number | undefined> {
  return (await fetched(url, options)).response.statusCode;
}

/** A viewer at the level of bytes: what it has received so far, and a way to wait for a text in it. */
async function rawViewer(t: TestContext, url: string, path: string, keepBytes = Infinity) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
  let text = "";
  socket.on("data", (bytes) => {
    text = (text + bytes.toString("latin1")).slice(-keepBytes);
  });
  await once(socket, "connect");
  return {
    socket,
    text: () => text,
    until: async (part: string) => {
      while (!text.includes(part)) {
        await once(socket, "data");
      }
    },
  };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (condition()) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`never came true: ${what}`);
}

/** Bytes of buffers that somebody still holds: what garbage collection leaves, which frees them some turns later. */
async function heldBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    least = Math.min(least, process.memoryUsage().arrayBuffers);
  }
  return least;
}

test("the video feed: every part has type and length, and is closed by the next boundary at once", async (t) => {
  const { taps, url } = await serve(t);
  await taps.pushJpeg("annotated", picture(1));
  const viewer = await rawViewer(t, url, "/video_feed");
  const part = (text: string): string => `Content-Type: image/jpeg\r\nContent-Length: ${text.length}\r\n\r\n${text}\r\n--frame\r\n`;
  await viewer.until(`\r\n\r\n--frame\r\n${part("picture 1")}`);
  await taps.pushJpeg("annotated", picture(22));
  await viewer.until(`${part("picture 1")}${part("picture 22")}`);
  assert.match(viewer.text(), /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(viewer.text(), /\r\nContent-Type: multipart\/x-mixed-replace; boundary=frame\r\n/);
  assert.doesNotMatch(viewer.text(), /Transfer-Encoding/i);
});

test("a new viewer is greeted with the newest picture, and sees the view and quality it asked for", async (t) => {
  const { taps, url } = await serve(t);
  await taps.pushJpeg("original", picture(1, Buffer.from("old original")));
  await taps.pushJpeg("original", picture(2, Buffer.from("new original")));
  await taps.pushJpeg("annotated", picture(2, Buffer.from("new annotated")));
  const original = await rawViewer(t, url, "/video_feed?view=original&quality=41");
  await original.until("new original");
  assert.doesNotMatch(original.text(), /old|annotated/);
  assert.deepEqual(taps.askedQualities, [45], "qualities come in few steps, because each costs an encode");
});

test("no viewer costs nothing: pictures are asked for only while somebody watches", async (t) => {
  const { taps, url } = await serve(t);
  assert.equal(taps.readers.jpegs, 0);
  const first = await rawViewer(t, url, "/video_feed");
  const second = await rawViewer(t, url, "/video_feed");
  await until(() => taps.readers.jpegs === 2, "both are served");
  first.socket.destroy();
  second.socket.destroy();
  await until(() => taps.readers.jpegs === 0, "both have left");
  await fetched(`${url}/video_feed`, { method: "HEAD" });
  await fetched(`${url}/`);
  assert.equal(taps.askedQualities.length, 2);
});

test("twenty viewers each see every picture", { timeout: 20_000 }, async (t) => {
  const { taps, url } = await serve(t);
  const viewers = await Promise.all(Array.from({ length: 20 }, () => rawViewer(t, url, "/video_feed")));
  await until(() => taps.readers.jpegs === 20, "all are served");
  const data = Buffer.alloc(30_000, "x");
  for (let seq = 0; seq < 50; seq++) {
    await taps.pushJpeg("annotated", picture(seq, Buffer.concat([data, Buffer.from(`<${seq}>`)])));
    await Promise.all(viewers.map((viewer) => viewer.until(`<${seq}>`)));
  }
  for (const viewer of viewers) {
    assert.equal(viewer.text().split("Content-Length").length - 1, 50);
  }
});

test("a viewer that stops reading costs no memory and holds nobody up", { timeout: 20_000 }, async (t) => {
  const { taps, url } = await serve(t);
  const tail = 100;
  const stalled = await rawViewer(t, url, "/video_feed", tail);
  const good = await rawViewer(t, url, "/video_feed", tail);
  await until(() => taps.readers.jpegs === 2, "both are served");
  stalled.socket.pause();
  let seen = 0;
  let seenLate = "";
  const before = await heldBytes();
  for (let seq = 0; seq < 200; seq++) {
    // 200 MB in all.
    await taps.pushJpeg("annotated", picture(seq, Buffer.concat([Buffer.alloc(1 << 20, 0x41), Buffer.from(`<${seq}>`)])));
    await good.until(`<${seq}>`);
    seen++;
  }
  assert.equal(seen, 200);
  const grown = (await heldBytes()) - before;
  assert.ok(grown < 20 << 20, `${Math.round(grown / 1e6)} MB more`);
  stalled.socket.on("data", (bytes) => {
    seenLate += /<\d+>/.exec(bytes.toString("latin1"))?.[0] ?? "";
  });
  stalled.socket.resume();
  await stalled.until("<199>");
  // What the system had taken before it stalled, and then the newest.
  assert.ok(seenLate.split("><").length < 20, `it was shown stale pictures: ${seenLate}`);
});

test("a viewer that takes nothing for half a minute is sent away", async (t) => {
  const timers: { ms: number; callback: () => void }[] = [];
  const clock = {
    ...systemClock,
    timer: (ms: number, callback: () => void) => {
      const timer = { ms, callback };
      timers.push(timer);
      return { [Symbol.dispose]: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  const { taps, url } = await serve(t, { clock });
  const stalled = await rawViewer(t, url, "/video_feed");
  await until(() => taps.readers.jpegs === 1, "it is served");
  stalled.socket.pause();
  await taps.pushJpeg("annotated", picture(1, Buffer.alloc(32 << 20)));
  await until(() => timers.length === 1, "it is waited for");
  assert.equal(timers[0]?.ms, 30_000);
  timers[0].callback();
  await until(() => taps.readers.jpegs === 0, "it was sent away");
  assert.equal(timers.length, 0);
});

test("the stream's end ends the viewers, after their last picture", async (t) => {
  const { taps, url, running } = await serve(t);
  const viewer = await rawViewer(t, url, "/video_feed");
  await until(() => taps.readers.jpegs === 1, "it is served");
  const ended = once(viewer.socket, "end");
  await taps.pushJpeg("annotated", picture(7));
  taps.end();
  await running;
  await ended;
  assert.match(viewer.text(), /picture 7\r\n--frame\r\n$/);
  await assert.rejects(fetched(url), { code: "ECONNREFUSED" });
});

test("a still is the newest picture; without one the answer is 503", async (t) => {
  const immediately = { ...systemClock, timer: (ms: number, callback: () => void) => systemClock.timer(ms / 1000, callback) };
  const { taps, url } = await serve(t, { clock: immediately });
  assert.equal(await status(`${url}/snapshot.jpg`), 503);
  await taps.pushJpeg("annotated", picture(3));
  const { response, body } = await fetched(`${url}/snapshot.jpg`);
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers["content-type"], "image/jpeg");
  assert.equal(response.headers["cache-control"], "no-store");
  assert.equal(body.toString(), "picture 3");
  assert.equal(taps.readers.jpegs, 0);
});

test("results come as server-sent events, the newest first, a status every second", async (t) => {
  const { taps, url } = await serve(t);
  await taps.pushResult(fakeResult(1));
  await until(() => taps.readers.results === 1, "results are read");
  const viewer = await rawViewer(t, url, "/results");
  await viewer.until("event: status\n");
  await taps.pushResult(fakeResult(2, { data: 1n }));
  await viewer.until('"seq":2');
  assert.match(viewer.text(), /\r\nContent-Type: text\/event-stream/);
  const events = viewer.text().split("\n\n").flatMap((event) => /data: (.*)/.exec(event)?.[1] ?? []).map((data) => JSON.parse(data) as Record<string, unknown>);
  assert.equal(events[0]?.["seq"], 1);
  assert.deepEqual(events[1], { isRunning: true, resultsPerSecond: 0, picturesPerSecond: 0, ageMs: 21 });
  assert.equal(events[2]?.["seq"], 2);
});

test("paths, methods and questions that are not known are answered plainly", async (t) => {
  const { taps, url } = await serve(t);
  await taps.pushJpeg("annotated", picture(3));
  assert.equal(await status(`${url}/nothing`), 404);
  assert.equal(await status(`${url}//evil.example/`), 404);
  assert.equal(await status(`${url}/`, { method: "POST" }), 405);
  assert.equal((await fetched(url, { method: "DELETE" })).response.headers.allow, "GET, HEAD");
  for (const query of ["view=both", "quality=0", "quality=101", "quality=-5", "quality=8e1", "quality="]) {
    assert.equal(await status(`${url}/video_feed?${query}`), 400, query);
  }
  for (const path of ["/", "/video_feed", "/snapshot.jpg", "/results", "/healthz"]) {
    const { response, body } = await fetched(`${url}${path}`, { method: "HEAD" });
    assert.equal(response.statusCode, 200, path);
    assert.equal(body.length, 0, path);
  }
  const { body } = await fetched(`${url}/healthz`);
  assert.deepEqual(JSON.parse(body.toString()), { status: "ok", stream: "gate" });
});

test("before the stream runs, the page is there and its health says so", async (t) => {
  const output = create();
  t.after(() => output[Symbol.asyncDispose]());
  await output.open(never);
  assert.equal(await status(`${output.name}/`), 200);
  assert.equal(await status(`${output.name}/healthz`), 503);
  assert.equal(await status(`${output.name}/snapshot.jpg`), 503);
});

test("other sites' pages get nothing: foreign Host, foreign Origin", async (t) => {
  const { url } = await serve(t);
  assert.equal(await status(url, { headers: { Host: "evil.example" } }), 403);
  assert.equal(await status(url, { headers: { Host: "127.0.0.1.evil.example:80" } }), 403);
  assert.equal(await status(url, { headers: { Host: "localhost:9999" } }), 200, "a forwarded port is fine");
  assert.equal(await status(url, { headers: { Host: "[::1]:80" } }), 200);
  assert.equal(await status(url, { headers: { Origin: "https://evil.example" } }), 403);
  assert.equal(await status(url, { headers: { Origin: url } }), 200);
  const { response } = await fetched(url);
  assert.equal(response.headers["cross-origin-resource-policy"], "same-origin");
  assert.match(response.headers["content-security-policy"]?.toString() ?? "", /default-src 'none'/);
});

test("the page carries the stream's name as text, never as markup", async (t) => {
  const { url } = await serve(t, { stream: `<img src=x onerror="alert(1)">` });
  const { body } = await fetched(url);
  assert.ok(!body.includes("<img src=x"));
  assert.ok(body.includes("&#60;img src=x onerror=&#34;alert(1)&#34;&#62;"));
  assert.doesNotMatch(body.toString(), /https?:\/\//, "it needs nothing from elsewhere");
});

test("beyond loopback it wants credentials or --allow-anonymous", async (t) => {
  const open = create({ host: "0.0.0.0" });
  await assert.rejects(open.open(never), (error: unknown) => error instanceof VedetteError && error.code === "E_NOT_LOOPBACK");
  await serve(t, { host: "0.0.0.0", allowAnonymous: true });
  const { url } = await serve(t, { host: "0.0.0.0", credentials: { username: "anna", password: "pä:ss" } });
  const here = url.replace("0.0.0.0", "127.0.0.1");
  const { response } = await fetched(here);
  assert.equal(response.statusCode, 401);
  assert.match(response.headers["www-authenticate"] ?? "", /^Basic /);
  const basic = (text: string) => ({ headers: { Authorization: `Basic ${Buffer.from(text).toString("base64")}` } });
  assert.equal(await status(here, basic("anna:wrong")), 401);
  assert.equal(await status(here, basic("anna")), 401);
  assert.equal(await status(here, basic("anna:pä:ss")), 200);
});

test("a port in use is told when opening", async (t) => {
  const { url } = await serve(t);
  const second = create({ port: Number(new URL(url).port) });
  await assert.rejects(second.open(never), (error: unknown) => error instanceof VedetteError && error.code === "E_ADDRESS_IN_USE" && error.message.includes(url));
  await second[Symbol.asyncDispose]();
});

test("endless headers and too many connections are cut off", async (t) => {
  const { url } = await serve(t, { maxConnections: 2 });
  assert.equal(await status(url, { headers: { "X-Long": "x".repeat(20_000) } }), 431);
  const viewers = [get(`${url}/results`, { agent: false }), get(`${url}/results`, { agent: false })];
  t.after(() => viewers.forEach((viewer) => viewer.destroy()));
  await Promise.all(viewers.map((viewer) => once(viewer, "response")));
  await assert.rejects(fetched(url), { code: "ECONNRESET" });
});

test("addresses", () => {
  assert.deepEqual(httpOutput.fromAddress("http://127.0.0.1:9000"), { kind: "http", host: "127.0.0.1", port: 9000 });
  assert.deepEqual(httpOutput.fromAddress("http://0.0.0.0"), { kind: "http", host: "0.0.0.0", port: 8080 });
  assert.deepEqual(httpOutput.fromAddress("http://0.0.0.0:80/"), { kind: "http", host: "0.0.0.0", port: 80 });
  assert.deepEqual(httpOutput.fromAddress("http://:8000"), { kind: "http", host: "127.0.0.1", port: 8000 });
  assert.deepEqual(httpOutput.fromAddress("http://an%20na:p%25@[::1]:81?view=original&quality=50"), {
    kind: "http", host: "::1", port: 81, username: "an na", password: "p%", view: "original", quality: 50,
  });
  assert.equal(httpOutput.fromAddress("http://host/path"), undefined);
  assert.equal(httpOutput.fromAddress("rtsp://host:554/x"), undefined);
});

test("browsers get the next part's headers with each picture, because Chromium waits for them", async (t) => {
  const { taps, url } = await serve(t);
  await taps.pushJpeg("annotated", picture(1));
  const sent = get(`${url}/video_feed`, { agent: false, headers: { Accept: "image/avif,image/webp,image/*,*/*;q=0.8" } });
  t.after(() => sent.destroy());
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  const expected = "--frame\r\nContent-Type: image/jpeg\r\n\r\npicture 1\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n";
  while (text.length < expected.length) {
    text += String(((await once(response, "data")) as [Buffer])[0]);
  }
  assert.equal(text, expected);
});
