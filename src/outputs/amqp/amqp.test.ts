import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "amqplib";
import type { ConsumeMessage } from "amqplib";
import { setTimeout as sleep } from "node:timers/promises";
import { AmqpDestination } from "./amqp-destination.ts";
import { amqpOutput } from "./index.ts";
import { Secret } from "../../domain/secret.ts";
import type { DeliveryFailure } from "../../events/destination.ts";
import type { AmqpOptions } from "./amqp-destination.ts";
import { rabbitmq } from "../../../test/support/brokers.ts";
import type { Broker } from "../../../test/support/brokers.ts";
import { deliveryRun } from "../../../test/support/delivery-run.ts";
import { fakeItem } from "../../../test/support/events.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { needsPrograms } from "../../../test/support/programs.ts";

const needed = needsPrograms("rabbitmq-server");
const never = new AbortController().signal;

// It takes seconds to start: one for all tests.
let broker: Broker;
const endings: (() => void | Promise<void>)[] = [];
before(async () => {
  if (needed.skip === false) {
    broker = await rabbitmq({ after: (work: () => void) => void endings.push(work) } as never);
  }
});
after(async () => {
  for (const work of endings) {
    await work();
  }
});

function destination(over: Partial<AmqpOptions> = {}): AmqpDestination {
  return new AmqpDestination({ host: "127.0.0.1", port: broker.port, vhost: "/", user: "guest", password: new Secret("guest"), exchange: "", routingKey: "events", tls: undefined, ...over });
}

/** A consumer that takes everything a queue has and comes back when the broker does. */
function consumer(queue: string): { readonly got: ConsumeMessage[]; readonly stop: () => Promise<void> } {
  const got: ConsumeMessage[] = [];
  const stopped = new AbortController();
  const isStopped = (): boolean => stopped.signal.aborted;
  const run = async (): Promise<void> => {
    while (!isStopped()) {
      try {
        const connection = await connect(`amqp://127.0.0.1:${broker.port}`);
        const gone = new Promise((resolve) => connection.once("close", resolve));
        connection.on("error", () => undefined);
        const channel = await connection.createChannel();
        await channel.assertQueue(queue, { durable: true });
        await channel.consume(queue, (message) => {
          if (message !== null) {
            got.push(message);
            channel.ack(message);
          }
        });
        while (!isStopped() && !(await Promise.race([gone.then(() => true), sleep(50).then(() => false)]))) {
          // Goes on taking.
        }
        if (isStopped()) {
          await connection.close();
        }
      } catch {
        await sleep(200);
      }
    }
  };
  const running = run();
  return {
    got,
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}

test("an event is a persistent message with its id and type", needed, async () => {
  await using amqp = destination();
  await amqp.connect(never);
  await amqp.send([fakeItem(1), fakeItem(2)], never);
  const { got, stop } = consumer("events");
  while (got.length < 2) {
    await sleep(20);
  }
  await stop();
  const [{ properties, content }] = got as [ConsumeMessage];
  assert.equal(properties.messageId, fakeItem(1).id);
  assert.equal(properties.type, "vedette.line.crossed");
  assert.equal(properties.contentType, "application/cloudevents+json");
  assert.equal(properties.deliveryMode, 2);
  assert.equal(content.toString(), fakeItem(1).body);
});

test("an exchange without a queue gives the event back; with one it goes through", needed, async () => {
  await using amqp = destination({ exchange: "site", routingKey: "gate" });
  await amqp.connect(never);
  await assert.rejects(amqp.send([fakeItem(1)], never), (error: DeliveryFailure) => error.problem === "refused" && /no queue is bound to site for gate/.test(error.message));
  const connection = await connect(`amqp://127.0.0.1:${broker.port}`);
  const channel = await connection.createChannel();
  await channel.assertQueue("bound", { durable: true });
  await channel.bindQueue("bound", "site", "#");
  await amqp.send([fakeItem(1)], never);
  assert.equal((await channel.get("bound", { noAck: true }) as unknown as ConsumeMessage).properties.messageId, fakeItem(1).id);
  await connection.close();
});

test("a wrong password, and a broker that is not there", needed, async () => {
  await assert.rejects(destination({ password: new Secret("wrong") }).connect(never), /ACCESS_REFUSED|403/);
  await assert.rejects(destination({ port: await freePort() }).connect(never), /ECONNREFUSED/);
});

test("addresses", () => {
  assert.deepEqual(amqpOutput.fromAddress("amqp://me:pw@h/site?queue=q"), { kind: "amqp", url: "amqp://me:pw@h/site", queue: "q", exchange: undefined, routingKey: undefined });
  assert.equal(amqpOutput.schema.parse(amqpOutput.fromAddress("amqp://h")).queue, "vedette");
  assert.equal(amqpOutput.fromAddress("http://h"), undefined);
});

test("amqp: every event arrives, in order, whatever is killed", needed, async (t) => {
  const { got, stop } = consumer("run");
  t.after(stop);
  await deliveryRun(t, { kind: "amqp", url: `amqp://127.0.0.1:${broker.port}`, queue: "run" }, broker, () => got.map(({ properties }) => String(properties.messageId)));
});
