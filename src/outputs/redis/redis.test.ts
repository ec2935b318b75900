import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { RedisDestination } from "./redis-destination.ts";
import { redisOutput } from "./index.ts";
import { Secret } from "../../domain/secret.ts";
import { DeliveryFailure } from "../../events/destination.ts";
import type { RedisStreamOptions } from "./redis-destination.ts";
import { redisServer } from "../../../test/support/brokers.ts";
import type { Broker } from "../../../test/support/brokers.ts";
import { deliveryRun } from "../../../test/support/delivery-run.ts";
import { fakeItem } from "../../../test/support/events.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { needsPrograms } from "../../../test/support/programs.ts";

const needed = needsPrograms("redis-server", "redis-cli");
const never = new AbortController().signal;

function cli({ port }: Broker, ...args: string[]): string {
  return execFileSync("redis-cli", ["-p", String(port), "--no-auth-warning", ...args], { encoding: "utf8", maxBuffer: 1e8 });
}

function entries(broker: Broker): [string, string[]][] {
  return JSON.parse(cli(broker, "--json", "XRANGE", "events", "-", "+")) as [string, string[]][];
}

function destination(port: number, over: Partial<RedisStreamOptions> = {}): RedisDestination {
  return new RedisDestination({ host: "127.0.0.1", port, user: undefined, password: undefined, db: 0, key: "events", maxLength: undefined, tls: undefined, ...over });
}

test("an event is an entry with its id, type and CloudEvent", needed, async (t) => {
  const broker = await redisServer(t);
  await using redis = destination(broker.port);
  await redis.connect(never);
  await redis.send([fakeItem(1), fakeItem(2)], never);
  assert.deepEqual(entries(broker).map(([, fields]) => fields), [1, 2].map((n) => ["id", fakeItem(n).id, "type", "vedette.line.crossed", "event", fakeItem(n).body]));
});

test("maxLength bounds the stream", needed, async (t) => {
  const broker = await redisServer(t);
  await using redis = destination(broker.port, { maxLength: 200 });
  await redis.connect(never);
  for (let n = 0; n < 1000; n += 50) {
    await redis.send(Array.from({ length: 50 }, (_, i) => fakeItem(n + i)), never);
  }
  const length = Number(cli(broker, "XLEN", "events"));
  assert.ok(length >= 200 && length < 400, `${length} entries`);
});

test("passwords, wrong ones, and a key of another type", needed, async (t) => {
  const broker = await redisServer(t, ["--requirepass", "s3cret"]);
  await assert.rejects(destination(broker.port, { password: new Secret("wrong") }).connect(never));
  await using unauthorised = destination(broker.port);
  await assert.rejects((async () => {
    await unauthorised.connect(never);
    await unauthorised.send([fakeItem(1)], never);
  })(), /NOAUTH|auth/i);
  await using redis = destination(broker.port, { password: new Secret("s3cret") });
  await redis.connect(never);
  cli(broker, "-a", "s3cret", "SET", "events", "text");
  await assert.rejects(redis.send([fakeItem(1)], never), (error: DeliveryFailure) => error.problem === "refused" && /WRONGTYPE/.test(error.message));
});

test("a server that is not there, and one that goes away", needed, async (t) => {
  await assert.rejects(destination(await freePort()).connect(never), /ECONNREFUSED/);
  const broker = await redisServer(t);
  await using redis = destination(broker.port);
  await redis.connect(never);
  await broker.stop();
  await assert.rejects(redis.send([fakeItem(1)], never), DeliveryFailure);
  await broker.start();
  await redis.connect(never);
  await redis.send([fakeItem(1)], never);
});

test("addresses", () => {
  const input = redisOutput.fromAddress("redis://h:1234/my:events?maxlen=5000");
  assert.deepEqual(redisOutput.schema.parse(input).maxLength, 5000);
  assert.equal(redisOutput.fromAddress("http://h"), undefined);
});

test("redis: every event arrives, in order, whatever is killed", needed, async (t) => {
  const broker = await redisServer(t);
  const received = (): string[] => entries(broker).map(([, fields]) => fields[1]!);
  await deliveryRun(t, { kind: "redis", url: `redis://127.0.0.1:${broker.port}/events` }, broker, received);
});
