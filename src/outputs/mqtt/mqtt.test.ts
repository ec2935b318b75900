import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { discoveryMessages, stateAfter } from "./home-assistant.ts";
import { MqttDestination } from "./mqtt-destination.ts";
import { mqttOutput } from "./index.ts";
import { Secret } from "../../domain/secret.ts";
import { wallTimeMs } from "../../domain/time.ts";
import { toCloudEvent } from "../../events/cloud-event.ts";
import type { DeliveryFailure } from "../../events/destination.ts";
import type { MqttOptions } from "./mqtt-destination.ts";
import { mosquitto } from "../../../test/support/brokers.ts";
import type { Broker } from "../../../test/support/brokers.ts";
import { deliveryRun } from "../../../test/support/delivery-run.ts";
import { fakeEvent, fakeItem, gatheringLog, tempFolder } from "../../../test/support/events.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { needsPrograms } from "../../../test/support/programs.ts";

const needed = needsPrograms("mosquitto", "mosquitto_sub");
const never = new AbortController().signal;

function destination(url: string, over: Partial<MqttOptions> = {}, context = { stream: "gate", rules: ["door"], countOf: () => 41 }): MqttDestination {
  return new MqttDestination(
    { url, user: undefined, password: undefined, topic: "site/gate", version: 5, qos: 1, retain: false, discoveryPrefix: undefined, pulseMs: 10_000, ca: undefined, rejectUnauthorized: true, clock: new FakeClock(), ...over },
    context,
  );
}

/** A subscriber that is not ours; lines are `TOPIC PAYLOAD`. It comes back by itself, with its session. */
function subscriber(t: TestContext, { port }: Broker, topics: readonly string[], args: readonly string[] = []): string[] {
  const lines: string[] = [];
  const child = spawn("mosquitto_sub", ["-h", "127.0.0.1", "-p", String(port), "-v", "-q", "1", ...topics.flatMap((topic) => ["-t", topic]), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let rest = "";
  child.stdout.on("data", (text: Buffer) => {
    const parts = (rest + text.toString()).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  });
  t.after(() => child.kill("SIGKILL"));
  return lines;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo() && tries < 200; tries++) {
    await sleep(25);
  }
  assert.ok(isSo(), isSo.toString());
}

for (const [version, name] of [[4, "3.1.1"], [5, "5"]] as const) {
  test(`MQTT ${name}: an event is its CloudEvent on the topic`, needed, async (t) => {
    const broker = await mosquitto(t);
    const lines = subscriber(t, broker, ["site/gate", "ready"]);
    await using mqtt = destination(`mqtt://127.0.0.1:${broker.port}`, { version });
    await mqtt.connect(never);
    await until(() => {
      execFileSync("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(broker.port), "-t", "ready", "-m", "x"]);
      return lines.length > 0;
    });
    await mqtt.send([fakeItem(1), fakeItem(2)], never);
    await until(() => lines.filter((line) => line.startsWith("site")).length === 2);
    assert.deepEqual(lines.filter((line) => line.startsWith("site")), [1, 2].map((n) => `site/gate ${fakeItem(n).body}`));
  });
}

test("entities for Home Assistant appear by themselves, show what happens, and the broker tells when the process dies", needed, async (t) => {
  const broker = await mosquitto(t);
  const clock = new FakeClock();
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const mqtt = destination(url, { discoveryPrefix: "homeassistant", clock });
  await mqtt.connect(never);
  // Home Assistant starts later: everything it needs is retained.
  const lines = subscriber(t, broker, ["homeassistant/#", "site/gate/#"]);
  await until(() => lines.length >= 5);
  const found = new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
  const sensor = JSON.parse(found.get("homeassistant/binary_sensor/vedette_gate/door/config")!) as Record<string, unknown>;
  const counter = JSON.parse(found.get("homeassistant/sensor/vedette_gate/door_count/config")!) as Record<string, unknown>;
  assert.equal(found.get(String(sensor["availability_topic"])), "online");
  assert.equal(found.get(String(sensor["state_topic"])), sensor["payload_off"]);
  assert.equal(found.get(String(counter["state_topic"])), "41");
  assert.notEqual(sensor["unique_id"], counter["unique_id"]);
  await mqtt.send([{ ...fakeItem(1), count: 42 }], never);
  await until(() => lines.includes("site/gate/door/state ON") && lines.includes("site/gate/door/count 42"));
  await clock.advance(10_000);
  await until(() => lines.at(-1) === "site/gate/door/state OFF");
  await mqtt.send([{ ...fakeItem(2, { rule: "lawn" }), count: 1 }], never);
  await until(() => lines.some((line) => line.startsWith("homeassistant/binary_sensor/vedette_gate/lawn/config")));
  await mqtt[Symbol.asyncDispose]();
  await until(() => lines.at(-1) === "site/gate/status offline");
  assert.equal(clock.timers, 0);
});

test("the will says offline for a process that is killed", needed, async (t) => {
  const broker = await mosquitto(t);
  const lines = subscriber(t, broker, ["site/gate/status"]);
  const script = `const { MqttDestination } = await import(${JSON.stringify(join(import.meta.dirname, "mqtt-destination.ts"))});
    const { systemClock: clock } = await import(${JSON.stringify(join(import.meta.dirname, "../../runtime/clock.ts"))});
    const mqtt = new MqttDestination({ url: "mqtt://127.0.0.1:${broker.port}", topic: "site/gate", version: 4, qos: 1, retain: false, pulseMs: 1, clock }, { stream: "gate", rules: [], countOf: () => 0 });
    await mqtt.connect(new AbortController().signal);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  t.after(() => child.kill("SIGKILL"));
  await until(() => lines.includes("site/gate/status online"));
  child.kill("SIGKILL");
  await until(() => lines.at(-1) === "site/gate/status offline");
});

test("names that are no ids make ids of their own", () => {
  const ids = ["a b", "a/b", "a_b"].map((rule) => (JSON.parse(discoveryMessages(rule, { stream: "gate", topic: "t", prefix: "ha" })[0]!.payload) as { unique_id: string; name: string }));
  assert.equal(new Set(ids.map((each) => each.unique_id)).size, 3);
  assert.ok(ids.every((each) => /^[\w-]+$/.test(each.unique_id)));
  assert.deepEqual(ids.map((each) => each.name), ["a b", "a/b", "a_b"]);
});

for (const [type, data, state] of [
  ["line.crossed", { in: 1 }, "pulse"], ["zone.entered", { occupancy: 1 }, "on"], ["zone.left", { occupancy: 0 }, "off"], ["zone.left", { occupancy: 2 }, "on"],
  ["absence.started", { seconds: 5 }, "on"], ["absence.ended", { seconds: 9 }, "off"], ["threshold.crowd_ended", {}, "off"], ["appear.seen", {}, "pulse"],
] as const) {
  test(`${type} ${JSON.stringify(data)} makes the sensor ${state}`, () => {
    assert.equal(stateAfter(toCloudEvent(fakeEvent(1, { type, data }), wallTimeMs(0))), state);
  });
}

test("TLS with an authority of one's own, and passwords", { ...needed, skip: needed.skip || needsPrograms("openssl", "mosquitto_passwd").skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-tls-"));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", join(folder, "key"), "-out", join(folder, "crt")], { stdio: "ignore" });
  execFileSync("mosquitto_passwd", ["-c", "-b", join(folder, "users"), "me", "s3cret"], { stdio: "ignore" });
  const files = Object.fromEntries(["key", "crt", "users"].map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  const broker = await mosquitto(t, "listener %PORT% 127.0.0.1\ncertfile %FOLDER%/crt\nkeyfile %FOLDER%/key\npassword_file %FOLDER%/users\nallow_anonymous false", files);
  const url = `mqtts://localhost:${broker.port}`;
  const ca = files["crt"]!;
  await using mqtt = destination(url, { ca, user: "me", password: new Secret("s3cret") });
  await mqtt.connect(never);
  await mqtt.send([fakeItem(1)], never);
  await assert.rejects(destination(url, { user: "me", password: new Secret("s3cret") }).connect(never), /self-signed|certificate/i);
  await assert.rejects(destination(url, { ca, user: "me", password: new Secret("wrong") }).connect(never), /authori[sz]ed|credentials|password/i);
});

test("a broker that is not there, and one that goes away", needed, async (t) => {
  await assert.rejects(destination(`mqtt://127.0.0.1:${await freePort()}`).connect(never), /ECONNREFUSED/);
  const broker = await mosquitto(t);
  await using mqtt = destination(`mqtt://127.0.0.1:${broker.port}`);
  await mqtt.connect(never);
  await broker.stop();
  await assert.rejects(mqtt.send([fakeItem(1)], never), (error: DeliveryFailure) => error.problem === "unreachable");
  await broker.start();
  await mqtt.connect(never);
  await mqtt.send([fakeItem(1)], never);
});

test("addresses and topics", (t) => {
  const context = { stream: "gate", clock: new FakeClock(), log: gatheringLog(), baseDir: ".", dataDir: tempFolder(t), allowAnonymous: false };
  const name = (address: string): string => mqttOutput.create(mqttOutput.schema.parse(mqttOutput.fromAddress(address)), context).name;
  assert.equal(name("mqtt://me:pw@h:1883/a/b"), "mqtt://me:***@h:1883/a/b (a/b)");
  assert.equal(name("mqtts://h"), "mqtts://h (vedette/gate)");
  assert.equal(mqttOutput.fromAddress("http://h"), undefined);
  assert.throws(() => mqttOutput.schema.parse({ kind: "mqtt", url: "mqtt://h", topic: "a/#" }));
});

test("mqtt: every event arrives, in order, whatever is killed", needed, async (t) => {
  const broker = await mosquitto(t);
  const lines = subscriber(t, broker, ["site/gate", "ready"], ["-c", "-i", "consumer"]);
  await until(() => {
    execFileSync("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(broker.port), "-t", "ready", "-m", "x"]);
    return lines.length > 0;
  });
  const received = (): string[] => lines.filter((line) => line.startsWith("site/gate ")).map((line) => (JSON.parse(line.slice("site/gate ".length)) as { id: string }).id);
  await deliveryRun(t, { kind: "mqtt", url: `mqtt://127.0.0.1:${broker.port}/site/gate` }, broker, received);
});
