// The run that every destination must pass: 1,000 events, the broker gone for a while, the process killed again and again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fakeEvent, tempFolder } from "./events.ts";
import type { Broker } from "./brokers.ts";
import { EventStore } from "../../src/events/event-store.ts";
import { listDead, listWaiting } from "../../src/events/dead-letters.ts";
import { silentLogger } from "../../src/runtime/log.ts";
import { systemClock } from "../../src/runtime/clock.ts";

const FEEDER = fileURLToPath(new URL("event-feeder.ts", import.meta.url));
const TOTAL = 1000;
/** More would only lengthen the test: a process takes most of a second to start. */
const MAX_KILLS = process.env["VEDETTE_LONG_TESTS"] === "1" ? 60 : 10;

/** How long the broker is away: ten seconds, a minute with VEDETTE_LONG_TESTS=1. */
export const OUTAGE_MS = process.env["VEDETTE_LONG_TESTS"] === "1" ? 60_000 : 10_000;

/**
 * Runs it. `received` gives the ids that a consumer has got so far, in its order. Every event arrives, none twice once
 * ids seen before are left out, none out of order.
 */
export async function deliveryRun(t: TestContext, config: Readonly<Record<string, unknown>>, broker: Broker, received: () => Promise<readonly string[]> | readonly string[]): Promise<void> {
  const dataDir = tempFolder(t);
  const progressFile = join(dataDir, "progress");
  let feeder: ReturnType<typeof spawn> | undefined;
  let log = "";
  let kills = 0;
  const done = new AbortController();
  const isDone = (): boolean => done.signal.aborted;
  const start = (): void => {
    const child = spawn(process.execPath, [FEEDER, JSON.stringify(config), dataDir, String(TOTAL), progressFile], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (text: Buffer) => (log += text.toString()));
    child.stderr.on("data", (text: Buffer) => (log += text.toString()));
    feeder = child;
  };
  const kill = async (): Promise<void> => {
    if (feeder !== undefined && feeder.exitCode === null && feeder.signalCode === null) {
      const gone = once(feeder, "exit");
      feeder.kill("SIGKILL");
      await gone;
      kills++;
    }
  };
  t.after(kill);
  const published = (): number => (existsSync(progressFile) ? Number(readFileSync(progressFile, "utf8").split("\n").at(-2) ?? -1) : -1);
  const killing = (async () => {
    start();
    while (!isDone()) {
      // At random: while it starts, connects, writes, waits.
      await sleep(300 + Math.random() * 2700);
      if (!isDone() && published() < TOTAL - 3 && kills < MAX_KILLS) {
        await kill();
        start();
      } else if (feeder?.exitCode !== null && !isDone()) {
        start();
      }
    }
  })();
  while (published() < 200) {
    await sleep(20);
  }
  await broker.stop();
  await sleep(OUTAGE_MS);
  await broker.start();
  const deadline = Date.now() + 90_000;
  const expected = Array.from({ length: TOTAL }, (_, n) => fakeEvent(n).id);
  let got: readonly string[] = [];
  while (new Set(got).size < TOTAL && Date.now() < deadline) {
    await sleep(250);
    got = await received();
  }
  done.abort();
  await killing;
  await kill();
  assert.deepEqual([...new Set(got)], expected, `${new Set(got).size} of ${TOTAL} arrived\n${log.slice(-3000)}`);
  // How often depends on how fast the machine publishes; the diagnostic says it.
  assert.ok(kills >= 1, "killed at least once");
  t.diagnostic(`${TOTAL} events, ${got.length - TOTAL} repeated, broker away for ${OUTAGE_MS / 1000} s, process killed ${kills} times`);
  const options = { dataDir, clock: systemClock, log: silentLogger };
  assert.deepEqual(listDead(options), []);
  assert.deepEqual(listWaiting(options).filter(({ waiting }) => waiting > 60), []);
  using store = new EventStore(options);
  assert.deepEqual(store.list().map(({ event }) => event.id), expected);
}
