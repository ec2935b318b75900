import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { NatsDestination } from "./nats-destination.ts";
import { natsOutput } from "./index.ts";
import { Secret } from "../../domain/secret.ts";
import type { DeliveryFailure } from "../../events/destination.ts";
import type { NatsOptions } from "./nats-destination.ts";
import { natsServer } from "../../../test/support/brokers.ts";
import type { Broker } from "../../../test/support/brokers.ts";
import { deliveryRun } from "../../../test/support/delivery-run.ts";
import { fakeItem } from "../../../test/support/events.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { needsPrograms } from "../../../test/support/programs.ts";

const needed = needsPrograms("nats-server");
const never = new AbortController().signal;

function destination(port: number, over: Partial<NatsOptions> = {}): NatsDestination {
  return new NatsDestination({ server: `127.0.0.1:${port}`, user: undefined, password: undefined, token: undefined, subject: "site.events", stream: "events", tls: undefined, ...over });
}

/** What a stream holds, by its own consumer, without the destination's help. */
async function stored({ port }: Broker, stream: string): Promise<{ id: string; body: string }[]> {
  const nats = await connect({ servers: `127.0.0.1:${port}` });
  try {
    const manager = await jetstreamManager(nats);
    const { messages } = (await manager.streams.info(stream)).state;
    if (messages === 0) {
      return [];
    }
    const consumer = await jetstream(nats).consumers.get(stream);
    const found: { id: string; body: string }[] = [];
    for await (const message of await consumer.consume({ max_messages: 1000 })) {
      found.push({ id: message.headers?.get("Nats-Msg-Id") ?? "", body: message.string() });
      if (message.info.pending === 0) {
        break;
      }
    }
    return found;
  } finally {
    await nats.close();
  }
}

test("an event is a message with its id, in a stream made for it; repeated ones are left out by the stream", needed, async (t) => {
  const broker = await natsServer(t);
  await using nats = destination(broker.port);
  await nats.connect(never);
  await nats.send([fakeItem(1), fakeItem(2)], never);
  await nats.send([fakeItem(1), fakeItem(3)], never);
  assert.deepEqual(await stored(broker, "events"), [1, 2, 3].map((n) => ({ id: fakeItem(n).id, body: fakeItem(n).body })));
});

test("a stream that takes the subject already is left as it is; without one, and none to be made, that is said", needed, async (t) => {
  const broker = await natsServer(t);
  await using without = destination(broker.port, { stream: undefined });
  await without.connect(never);
  await assert.rejects(without.send([fakeItem(1)], never), (error: DeliveryFailure) => error.problem === "unreachable" && /no JetStream stream takes the subject site.events/.test(error.message));
  const admin = await connect({ servers: `127.0.0.1:${broker.port}` });
  t.after(() => admin.close());
  const manager = await jetstreamManager(admin);
  await manager.streams.add({ name: "mine", subjects: ["site.>"] });
  await using nats = destination(broker.port);
  await nats.connect(never);
  await nats.send([fakeItem(1)], never);
  assert.equal((await stored(broker, "mine")).length, 1);
});

test("a message that is too large is rejected, the ones before it are delivered", needed, async (t) => {
  const broker = await natsServer(t);
  await using nats = destination(broker.port);
  await nats.connect(never);
  const large = { ...fakeItem(2), body: "x".repeat(2_000_000) };
  await assert.rejects(nats.send([fakeItem(1), large, fakeItem(3)], never), (error: DeliveryFailure) => error.problem === "rejected" && error.delivered === 1);
  await nats.connect(never);
  await nats.send([fakeItem(3)], never);
  assert.equal((await stored(broker, "events")).length, 2);
});

async function refused(t: TestContext, args: string[], over: Partial<NatsOptions>): Promise<NatsDestination> {
  const broker = await natsServer(t, args);
  await assert.rejects(destination(broker.port).connect(never), /authorization/i);
  return destination(broker.port, over);
}

test("passwords and tokens", needed, async (t) => {
  await using user = await refused(t, ["--user", "me", "--pass", "s3cret"], { user: "me", password: new Secret("s3cret") });
  await user.connect(never);
  await using token = await refused(t, ["--auth", "t0ken"], { token: new Secret("t0ken") });
  await token.connect(never);
});

test("a server that is not there, and one that goes away", needed, async (t) => {
  await assert.rejects(destination(await freePort()).connect(never), /REFUSED|refused/);
  const broker = await natsServer(t);
  await using nats = destination(broker.port);
  await nats.connect(never);
  await broker.stop();
  await assert.rejects(nats.send([fakeItem(1)], never), (error: DeliveryFailure) => error.problem === "unreachable");
  await broker.start();
  await nats.connect(never);
  await nats.send([fakeItem(1)], never);
});

test("addresses", () => {
  assert.deepEqual(natsOutput.fromAddress("nats://h:4222/site.events"), { kind: "nats", url: "nats://h:4222/site.events" });
  assert.equal(natsOutput.fromAddress("http://h"), undefined);
});

test("nats: every event arrives, in order, whatever is killed", needed, async (t) => {
  const broker = await natsServer(t);
  await deliveryRun(t, { kind: "nats", url: `nats://127.0.0.1:${broker.port}/site.events`, streamName: "events" }, broker, async () => (await stored(broker, "events")).map(({ id }) => id));
});
