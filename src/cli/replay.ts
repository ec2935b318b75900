import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { onInterrupt } from "./interrupt.ts";
import { usage } from "./report-error.ts";
import { loadConfig } from "../config/load.ts";
import { eventToJson } from "../domain/event-json.ts";
import { VedetteError } from "../errors.ts";
import { createRules } from "../rules/create-rules.ts";
import { parseLineFlag, parseZoneFlag } from "../rules/flags.ts";
import { replay } from "../rules/replay.ts";
import { TRACKERS } from "../trackers/index.ts";
import type { RuleConfig } from "../rules/create-rules.ts";

interface ReplayFlags {
  readonly line: readonly string[];
  readonly zone: readonly string[];
  readonly config?: string;
  readonly track?: string | boolean;
}

/** `vedette replay FILE`: runs rules over stored results again. */
export function replayCommand(): Command {
  const collect = (value: string, before: string[]): string[] => [...before, value];
  return new Command("replay")
    .summary("run rules over stored results again")
    .description("Runs rules over stored results (JSON lines, or the results beside a clip) again and prints their events: to try a new rule on last night's results.")
    .argument("<file>", "results: FILE.jsonl, or a clip with FILE.jsonl beside it")
    .option("--line <name=x1,y1,x2,y2>", "count who crosses (repeatable)", collect, [])
    .option("--zone <name=x,y;x,y;x,y…>", "who enters, leaves, waits (repeatable)", collect, [])
    .option("-c, --config <file>", "take the rules of that file's streams, by the results' stream names")
    .option("--track [kind]", "give objects identities anew; those stored are kept otherwise")
    .action(run);
}

async function run(path: string, flags: ReplayFlags): Promise<void> {
  using interrupt = onInterrupt();
  const file = path.replace(/\.(mp4|mkv)$/i, ".jsonl");
  const given: RuleConfig[] = [...flags.line.map(parseLineFlag), ...flags.zone.map(parseZoneFlag)];
  const config = flags.config === undefined ? undefined : await loadConfig(flags.config);
  if (given.length === 0 && config === undefined) {
    throw usage("no rules: give --line, --zone or --config");
  }
  const kind = flags.track === undefined || flags.track === false ? undefined : (TRACKERS.find((tracker) => tracker.kind === (flags.track === true ? "bytetrack" : flags.track)) ?? fail(flags.track));
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  const events = replay(lines, {
    rules: (stream) => createRules([...given, ...((config?.streams[stream]?.rules ?? []) as RuleConfig[])], { stream, labels: undefined }),
    tracker: kind === undefined ? undefined : () => kind.create(kind.schema.parse({ kind: kind.kind }) as never),
    onBadLine: ({ line, reason }) => process.stderr.write(`${file}:${line}: ${reason}\n`),
    signal: interrupt.signal,
  });
  try {
    for await (const event of events) {
      process.stdout.write(`${JSON.stringify(eventToJson(event))}\n`);
    }
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? new VedetteError("E_SOURCE_NOT_FOUND", { source: file }, { cause: error }) : error;
  }
}

function fail(kind: string | true): never {
  throw usage(`unknown tracker ${String(kind)}, expected ${TRACKERS.map((tracker) => tracker.kind).join(", ")}`);
}
