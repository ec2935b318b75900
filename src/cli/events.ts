import { writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { loggerFor } from "./host-options.ts";
import { onInterrupt } from "./interrupt.ts";
import { defaultDataDir } from "../daemon/data-dir.ts";
import { EventStore, eventStorePath } from "../events/event-store.ts";
import { listDead, listWaiting, replayDead } from "../events/dead-letters.ts";
import { systemClock } from "../runtime/clock.ts";
import { VedetteError } from "../errors.ts";
import { existsSync } from "node:fs";
import type { EventFilter, StoredEvent } from "../events/event-store.ts";

/** How often `--follow` looks for more. */
const FOLLOW_EVERY_MS = 250;
/** Events read at once by `export` and `--follow`. */
const PAGE = 500;

interface DataFlags {
  readonly dataDir?: string;
}

interface ListFlags extends DataFlags {
  readonly stream?: string;
  readonly rule?: string;
  readonly type?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** `vedette events`: what the rules found, and what has not reached its destination. */
export function eventsCommand(): Command {
  const command = new Command("events").summary("look at stored events, deliver dead letters again").description("Looks at the events that rules found, and at those that a destination would not take.");
  filtered(command.command("list").description("Prints events, oldest first, one a line."))
    .option("-n, --limit <n>", "the newest so many", count, 100)
    .option("-f, --follow", "go on with those that come")
    .option("--json", "print CloudEvents, one a line")
    .action(list);
  withData(command.command("show").description("Prints one event with the result that caused it.").argument("<id>", "its id"))
    .option("--snapshot <file>", "write its picture (JPEG) to a file")
    .action(show);
  filtered(command.command("export").description("Prints all events as JSON lines: the CloudEvent, the causing result, the clip."))
    .option("-f, --follow", "go on with those that come")
    .action(exportAll);
  dead(command.command("dead").description("Prints events that a destination would not take, and how many wait for each.")).option("--json", "one JSON object a line").action(printDead);
  dead(command.command("replay-dead").description("Puts dead letters back into the outbox: a running process delivers them at once, else the next one.")).action(replay);
  return command;
}

function withData(command: Command): Command {
  return command.option("--data-dir <folder>", "where state is kept");
}

function filtered(command: Command): Command {
  return withData(command)
    .option("--stream <name>", "of this stream")
    .option("--rule <name>", "of this rule")
    .option("--type <type>", "of this type, or beginning with it: zone, line.crossed, …")
    .addOption(new Option("--since <when>", "captured at or after: 2026-11-20, 2026-11-20T18:00:00Z, or an age: 30m, 12h, 7d").argParser(when))
    .addOption(new Option("--until <when>", "captured before").argParser(when));
}

function dead(command: Command): Command {
  return withData(command).option("--destination <text>", "of destinations whose name contains this").option("--id <id>", "of this event");
}

async function list(flags: ListFlags): Promise<void> {
  await print(flags, flags.json === true ? ({ event }) => JSON.stringify(event) : line);
}

async function exportAll(flags: ListFlags): Promise<void> {
  await print(flags, ({ event, result, clip }) => JSON.stringify({ event, ...(result === undefined ? {} : { result }), ...(clip === undefined ? {} : { clip }) }));
}

function show(id: string, flags: DataFlags & { readonly snapshot?: string }): Promise<void> {
  return withStore(flags, async (store) => {
    const found = store.get(id);
    if (found === undefined) {
      throw new VedetteError("E_EVENT_UNKNOWN", { id });
    }
    if (flags.snapshot !== undefined) {
      const jpeg = store.snapshot(id);
      if (jpeg === undefined) {
        throw new VedetteError("E_EVENT_UNKNOWN", { id: `${id} with a picture` });
      }
      await writeFile(flags.snapshot, jpeg);
    }
    const { event, result, clip, hasSnapshot } = found;
    process.stdout.write(`${JSON.stringify({ event, result, clip, hasSnapshot }, undefined, 2)}\n`);
  });
}

/** Prints what there is, page by page, then what comes. */
async function print(flags: ListFlags, toLine: (stored: StoredEvent) => string): Promise<void> {
  using interrupt = onInterrupt();
  const filter: EventFilter = { stream: flags.stream, rule: flags.rule, type: flags.type, sinceMs: flags.since, untilMs: flags.until };
  await withStore(flags, async (store) => {
    let afterRow = 0;
    const write = (events: readonly StoredEvent[]): void => {
      process.stdout.write(events.map((stored) => `${toLine(stored)}\n`).join(""));
      afterRow = events.at(-1)?.row ?? afterRow;
    };
    if (flags.limit !== undefined) {
      write(store.list({ ...filter, limit: flags.limit }));
    }
    while (!interrupt.signal.aborted) {
      const page = flags.limit !== undefined && flags.follow !== true ? [] : store.page({ ...filter, afterRow }, PAGE);
      write(page);
      if (page.length < PAGE) {
        if (flags.follow !== true) {
          return;
        }
        await systemClock.sleep(FOLLOW_EVERY_MS, interrupt.signal).catch(() => undefined);
      }
    }
  });
}

function printDead(flags: DataFlags & { readonly destination?: string; readonly id?: string; readonly json?: boolean }): void {
  const options = outboxOptions(flags);
  for (const letter of listDead(options, flags)) {
    const { destination, id, reason, diedAtMs, body } = letter;
    const diedAt = new Date(diedAtMs).toISOString();
    process.stdout.write(flags.json === true ? `${JSON.stringify({ destination, id, reason, diedAt, event: JSON.parse(body) as unknown })}\n` : `${diedAt}  ${id}  ${destination}  ${reason}\n`);
  }
  if (flags.json !== true) {
    for (const { destination, waiting } of listWaiting(options)) {
      process.stdout.write(`${waiting} waiting for ${destination}\n`);
    }
  }
}

function replay(flags: DataFlags & { readonly destination?: string; readonly id?: string }): void {
  const replayed = replayDead(outboxOptions(flags), flags);
  process.stdout.write(`${replayed} put back into the outbox\n`);
}

function outboxOptions({ dataDir }: DataFlags): Parameters<typeof listDead>[0] {
  return { dataDir: dataDir ?? defaultDataDir(), clock: systemClock, log: loggerFor({ logLevel: "warn", logFormat: "text" }) };
}

async function withStore(flags: DataFlags, work: (store: EventStore) => Promise<void>): Promise<void> {
  const { dataDir, clock, log } = outboxOptions(flags);
  if (!existsSync(eventStorePath(dataDir))) {
    throw new VedetteError("E_USAGE", { reason: `no events in ${dataDir}: nothing has been kept there yet, or --data-dir names another folder` });
  }
  using store = new EventStore({ dataDir, clock, log });
  await work(store);
}

/** One event for people. */
function line({ event, clip }: StoredEvent): string {
  const data = event.data as { readonly stream?: string; readonly detection?: { readonly label: string; readonly trackId?: number }; readonly data?: unknown };
  const who = data.detection === undefined ? "" : `  ${data.detection.label}${data.detection.trackId === undefined ? "" : ` ${data.detection.trackId}`}`;
  return `${event.time ?? "-"}  ${data.stream ?? "-"}  ${event.subject}  ${event.type.replace(/^vedette\./, "")}${who}  ${JSON.stringify(data.data)}  ${event.id}${clip === undefined ? "" : `  ${clip}`}`;
}

const AGES: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function when(text: string): number {
  const age = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  const ms = age === null ? Date.parse(text) : Date.now() - Number(age[1]) * (AGES[age[2] ?? ""] ?? 0);
  if (Number.isNaN(ms)) {
    throw new InvalidArgumentError("expected a date, a time or an age such as 12h");
  }
  return ms;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError("expected a whole number");
  }
  return value;
}
