import { Command } from "commander";
import { LiveLine, summaryText } from "./live-line.ts";
import { INTERRUPTED, isInterruption, onInterrupt } from "./interrupt.ts";
import { commonOptions, loggerFor } from "./host-options.ts";
import { loadConfig } from "../config/load.ts";
import { defaultDataDir } from "../daemon/data-dir.ts";
import { Host, baseDirOf } from "../daemon/host.ts";
import { VedetteError, toVedetteError } from "../errors.ts";
import { systemClock } from "../runtime/clock.ts";
import type { CommonFlags } from "./host-options.ts";
import type { Stream } from "../pipeline/stream.ts";

type ServeFlags = CommonFlags & { readonly config: string };

/** `vedette serve`: all the streams of one configuration file. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .summary("run all the streams of a configuration file")
    .description("Runs all the streams of a configuration file in one process, models shared between them. A stream that fails stops none of the others.")
    .option("-c, --config <file>", "the configuration", "vedette.yaml");
  return commonOptions(command).action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  using interrupt = onInterrupt();
  const config = await loadConfig(flags.config);
  const log = loggerFor(flags);
  await using host = new Host({
    clock: systemClock,
    log,
    baseDir: baseDirOf(flags.config),
    dataDir: flags.dataDir ?? config.dataDir ?? defaultDataDir(),
    allowAnonymous: flags.allowAnonymous === true || config.allowAnonymous,
    models: config.models,
    isDaemon: true,
  });
  const names = Object.keys(config.streams);
  if (names.length === 0) {
    throw new VedetteError("E_CONFIG", { where: flags.config, reason: "has no streams" });
  }
  const running: Stream[] = [];
  using live = flags.quiet === true ? undefined : new LiveLine(() => running.map((stream) => stream.snapshot()));
  const failures = await Promise.all(
    Object.entries(config.streams).map(async ([name, stream]) => {
      try {
        const prepared = await host.prepare(name, { config: stream }, interrupt.signal);
        running.push(prepared);
        live?.note(`${name}: ${host.describe(name)}`);
        live?.note(summaryText(await prepared.run(interrupt.signal)));
        return undefined;
      } catch (error) {
        if (interrupt.signal.aborted && isInterruption(error)) {
          return undefined;
        }
        const known = toVedetteError(error);
        log.error(`${name} stopped: ${known.message}`, { code: known.code });
        return known;
      }
    }),
  );
  const failure = failures.find((known) => known !== undefined);
  process.exitCode = failure?.exit ?? (interrupt.signal.aborted ? INTERRUPTED : 0);
}
