import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { WebhookDestination } from "./webhook-destination.ts";
import { webhookOutput } from "./index.ts";
import { DeliveryFailure } from "../../events/destination.ts";
import { Secret } from "../../domain/secret.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { WebhookOptions } from "./webhook-destination.ts";
import { fakeEvent, fakeItem, gatheringLog, tempFolder } from "../../../test/support/events.ts";
import { FakeTaps } from "../../../test/support/fake-taps.ts";
import { testOutput } from "../output.contract.ts";

const never = new AbortController().signal;

interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A receiver; `answer` says what it does with each request. */
async function receiver(t: TestContext, answer: (request: Seen, response: ServerResponse) => void): Promise<{ url: URL; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      const one = { path: request.url ?? "", headers: request.headers, body };
      seen.push(one);
      answer(one, response);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`), seen };
}

function hook(url: URL, over: Partial<WebhookOptions> = {}): WebhookDestination {
  return new WebhookDestination({ url, credentials: undefined, secret: undefined, headers: {}, timeoutMs: 5000, maxRedirects: 3, allowPrivateRedirects: false, ca: undefined, clock: systemClock, ...over });
}

const fails = (problem: string, reason: RegExp) => (error: unknown) => error instanceof DeliveryFailure && error.problem === problem && reason.test(error.message);

test("an event is a POST of its CloudEvent, signed as Standard Webhooks say", async (t) => {
  const { url, seen } = await receiver(t, (_, response) => response.writeHead(204).end());
  const key = Buffer.from("0123456789abcdef01234567");
  await hook(url, { secret: new Secret(`whsec_${key.toString("base64")}`), headers: { "X-Token": new Secret("abc") }, credentials: new Secret("me:pässword") }).send([fakeItem(7)], never);
  const [{ headers, body }] = seen as [Seen];
  assert.equal(headers["content-type"], "application/cloudevents+json; charset=UTF-8");
  assert.equal((JSON.parse(body) as { id: string }).id, "gate/door/7/7");
  assert.equal(headers["webhook-id"], "gate/door/7/7");
  assert.ok(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1000) < 5);
  const expected = createHmac("sha256", key).update(`gate/door/7/7.${String(headers["webhook-timestamp"])}.${body}`).digest("base64");
  assert.equal(headers["webhook-signature"], `v1,${expected}`);
  assert.equal(headers["x-token"], "abc");
  assert.equal(headers.authorization, `Basic ${Buffer.from("me:pässword").toString("base64")}`);
});

test("the example of the Standard Webhooks specification verifies", async () => {
  const { signatureHeaders } = await import("./signature.ts");
  // From the specification's reference tests (libraries/javascript, `sign`).
  const headers = signatureHeaders("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}', new Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  assert.equal(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

for (const [status, problem] of [[500, "refused"], [404, "refused"], [401, "refused"], [400, "rejected"], [413, "rejected"], [429, "unreachable"], [503, "unreachable"], [303, "refused"]] as const) {
  test(`an answer of ${status} counts as ${problem}`, async (t) => {
    const { url } = await receiver(t, (_, response) => response.writeHead(status, { "retry-after": "7" }).end("no\nthanks"));
    await assert.rejects(hook(url).send([fakeItem(1)], never), (error: DeliveryFailure) => fails(problem, new RegExp(`answered ${status}: no thanks`))(error) && (problem !== "unreachable" || error.retryAfterMs === 7000));
  });
}

test("a receiver that hangs costs the timeout, not more", async (t) => {
  const { url } = await receiver(t, () => undefined);
  await assert.rejects(hook(url, { timeoutMs: 200 }).send([fakeItem(1)], never), /no answer within 0.2 s/);
});

test("one that hangs after its headers has answered", async (t) => {
  const { url } = await receiver(t, (_, response) => void response.writeHead(200).write("so"));
  await hook(url, { timeoutMs: 300 }).send([fakeItem(1)], never);
});

test("an endless answer is cut off", async (t) => {
  let sentBytes = 0;
  const { url } = await receiver(t, (_, response) => {
    response.writeHead(200, { "content-length": String(10 * 1024 ** 3) });
    const piece = Buffer.alloc(65_536);
    const pump = (): void => {
      while (!response.destroyed && response.write(piece)) {
        sentBytes += piece.length;
      }
    };
    response.on("drain", pump);
    pump();
  });
  const before = process.memoryUsage.rss();
  await hook(url).send([fakeItem(1)], never);
  assert.ok(sentBytes < 64 * 1024 ** 2, `${sentBytes} bytes were taken`);
  assert.ok(process.memoryUsage.rss() - before < 100 * 1024 ** 2);
});

test("redirects go to public addresses only, unless allowed; the request stays the same", async (t) => {
  const { url, seen } = await receiver(t, ({ path }, response) =>
    path === "/hook" ? response.writeHead(307, { location: "/elsewhere" }).end() : response.writeHead(200).end(),
  );
  await assert.rejects(hook(url).send([fakeItem(1)], never), fails("refused", /private address/));
  assert.equal(seen.length, 1);
  await hook(url, { allowPrivateRedirects: true }).send([fakeItem(1)], never);
  assert.deepEqual(seen.slice(1).map(({ path, body }) => [path, (JSON.parse(body) as { id: string }).id]), [["/hook", fakeItem(1).id], ["/elsewhere", fakeItem(1).id]]);
});

test("a redirect by name to a private address is refused where it is resolved", async (t) => {
  const { url, seen } = await receiver(t, (_, response) => response.writeHead(308, { location: `http://localhost:${url.port}/inside` }).end());
  await assert.rejects(hook(url).send([fakeItem(1)], never), fails("refused", /localhost stands for the private address/));
  assert.equal(seen.length, 1);
});

test("credentials stay with their host", async (t) => {
  const other = await receiver(t, (_, response) => response.writeHead(200).end());
  const { url } = await receiver(t, (_, response) => response.writeHead(302, { location: other.url.href }).end());
  await hook(url, { allowPrivateRedirects: true, credentials: new Secret("a:b"), headers: { token: new Secret("t") } }).send([fakeItem(1)], never);
  const [seen] = other.seen as [Seen];
  assert.equal(seen.headers.authorization, undefined);
  assert.equal(seen.headers["token"], undefined);
});

test("a ring of redirects ends", async (t) => {
  const { url, seen } = await receiver(t, (_, response) => response.writeHead(307, { location: "/hook" }).end());
  await assert.rejects(hook(url, { allowPrivateRedirects: true }).send([fakeItem(1)], never), fails("refused", /more than 3 redirects/));
  assert.equal(seen.length, 4);
});

test("rubbish instead of HTTP is a failure like any other", async (t) => {
  const server = createTcpServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n\r\n")).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  await assert.rejects(hook(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).send([fakeItem(1)], never), /Parse Error|hang up/);
});

test("openssl agrees about the signature", () => {
  const script = `printf '%s' 'a.1.b' | openssl dgst -sha256 -hmac key -binary | openssl base64`;
  assert.equal(execFileSync("sh", ["-c", script]).toString().trim(), createHmac("sha256", "key").update("a.1.b").digest("base64"));
});

function context(t: { after: (work: () => void) => void }) {
  return { stream: "gate", clock: systemClock, log: gatheringLog(), baseDir: ".", dataDir: tempFolder(t), allowAnonymous: false };
}

test("addresses, names and secrets", (t) => {
  assert.deepEqual(webhookOutput.fromAddress("webhook+https://h/x"), { kind: "webhook", url: "https://h/x" });
  assert.equal(webhookOutput.fromAddress("https://h/x"), undefined);
  const config = webhookOutput.schema.parse({ kind: "webhook", url: "https://me:pw@hooks.example/services/T0123456789ABCDEFGH?token=abc", secret: "s3cret" });
  const output = webhookOutput.create(config, context(t));
  assert.match(output.name, /^https:\/\/me:\*\*\*@hooks\.example\/services\/\*\*\*\?token=\*\*\* #[0-9a-f]{6}$/);
  assert.doesNotMatch(JSON.stringify(config.secret), /s3cret/);
});

testOutput({
  kind: "webhook",
  create: () => Promise.resolve(webhookOutput.create(webhookOutput.schema.parse({ kind: "webhook", url: "http://u:p@127.0.0.1:9/hook" }), context({ after: (work) => void process.once("exit", work) }))),
  feed: (taps, seq) => taps.pushEvent(fakeEvent(seq)),
});

test("a thousand events reach a receiver that fails now and then, in order and each recognisable", async (t) => {
  let calls = 0;
  const got: string[] = [];
  const { url } = await receiver(t, ({ body }, response) => {
    calls++;
    if (calls % 400 === 50) {
      response.destroy();
    } else {
      got.push((JSON.parse(body) as { id: string }).id);
      response.writeHead(200).end();
    }
  });
  const output = webhookOutput.create(webhookOutput.schema.parse({ kind: "webhook", url: url.href }), context(t));
  await output.open(never);
  const taps = new FakeTaps();
  const running = output.run(taps, never);
  for (let n = 0; n < 1000; n++) {
    await taps.pushEvent(fakeEvent(n));
  }
  while (got.length < 1000) {
    await systemClock.sleep(50);
  }
  taps.end();
  await running;
  await output[Symbol.asyncDispose]();
  assert.deepEqual([...new Set(got)], Array.from({ length: 1000 }, (_, n) => fakeEvent(n).id));
});
