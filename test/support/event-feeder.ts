// A process that publishes numbered events to one output, as a stream does, until it is killed or done:
//   node event-feeder.ts CONFIG-JSON DATA-DIR TOTAL PROGRESS-FILE
// An event counts as published when the outbox has it: PROGRESS-FILE gets its number then, and the next process goes on after it.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { OUTPUTS } from "../../src/outputs/index.ts";
import { EventStore } from "../../src/events/event-store.ts";
import { createLogger } from "../../src/runtime/log.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { fakeEvent } from "./events.ts";
import { FakeTaps } from "./fake-taps.ts";

const [configJson = "", dataDir = "", total = "0", progressFile = ""] = process.argv.slice(2);
const config = JSON.parse(configJson) as { kind: string };
const kind = OUTPUTS.find((candidate) => candidate.kind === config.kind)!;
const log = createLogger({ level: "info", format: "text", write: (line) => process.stdout.write(`${line}\n`), now: () => new Date() });
const store = new EventStore({ dataDir, clock: systemClock, log });
const output = await kind.create(kind.schema.parse(config) as never, { stream: "gate", clock: systemClock, log, baseDir: ".", dataDir, allowAnonymous: false });
const taps = new FakeTaps({ rules: ["door"] });
const never = new AbortController().signal;
await output.open(never);
const running = output.run(taps, never);
const lines = existsSync(progressFile) ? readFileSync(progressFile, "utf8").split("\n").slice(0, -1) : [];
for (let n = Number(lines.at(-1) ?? -1) + 1; n < Number(total); n++) {
  store.add(fakeEvent(n));
  // One place: that this one has it means that the one before is on the disk.
  await taps.pushEvent(fakeEvent(n));
  await setImmediate();
  appendFileSync(progressFile, `${n - 1}\n`);
  await sleep(4);
}
taps.end();
await running;
await output[Symbol.asyncDispose]();
