// Events, and what gathers log lines, for tests of the store, the outbox and the destinations.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogFields, Logger, LogLevel } from "../../src/contracts/log.ts";
import type { RuleEvent } from "../../src/domain/event.ts";
import { toCloudEvent } from "../../src/events/cloud-event.ts";
import type { OutboxItem } from "../../src/events/outbox.ts";
import { mediaTimeUs, wallTimeMs } from "../../src/domain/time.ts";

/** The n-th crossing of a line. */
export function fakeEvent(n: number, over: Partial<RuleEvent> = {}): RuleEvent {
  return {
    id: `gate/door/${n}/${n}`,
    stream: "gate",
    rule: "door",
    type: "line.crossed",
    ptsUs: mediaTimeUs(n * 40_000),
    capturedAtMs: wallTimeMs(Date.UTC(2026, 10, 20, 18) + n * 40),
    seq: n,
    detection: { label: "person", classId: 0, score: 0.9, box: [1, 2, 3, 4], trackId: n },
    data: { direction: "in", in: n },
    ...over,
  };
}

/** A logger whose lines can be looked at. */
export function gatheringLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const add = (level: LogLevel) => (message: string, fields?: LogFields) => void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const log = { lines, debug: add("debug"), info: add("info"), warn: add("warn"), error: add("error"), with: () => log };
  return log;
}

/** A folder that is gone when the test ends. */
export function tempFolder(t: { after: (work: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-events-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The same, on its way out of an outbox. */
export function fakeItem(n: number, over: Partial<RuleEvent> = {}): OutboxItem {
  const event = fakeEvent(n, over);
  return { seq: n, id: event.id, stream: event.stream, rule: event.rule, count: n, body: JSON.stringify(toCloudEvent(event, wallTimeMs(0))), attempts: 0 };
}
