import { once } from "node:events";
import { stat } from "node:fs/promises";
import { Command } from "commander";
import { LiveLine, summaryText } from "./live-line.ts";
import { INTERRUPTED, isInterruption, onInterrupt } from "./interrupt.ts";
import { commonOptions, downloadNotices, loggerFor } from "./host-options.ts";
import { listenersFromFlags, parseServedModels, servingOptions } from "./serving-flags.ts";
import { usage } from "./report-error.ts";
import { loadConfig, parseConfig } from "../config/load.ts";
import { defaultDataDir } from "../daemon/data-dir.ts";
import { Host, baseDirOf } from "../daemon/host.ts";
import { configuredModels, findServed } from "../daemon/model-serving.ts";
import { VedetteError, toVedetteError } from "../errors.ts";
import { namedModels } from "../models/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { serviceNotifier } from "../runtime/service-notify.ts";
import type { CommonFlags } from "./host-options.ts";
import type { ServingFlags } from "./serving-flags.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../contracts/log.ts";
import type { Stream } from "../pipeline/stream.ts";
import type { ModelServer } from "../server/model-server.ts";

type ServeFlags = CommonFlags & ServingFlags & { readonly config?: string };

const DEFAULT_CONFIG = "vedette.yaml";

/** `vedette serve`: all the streams of one configuration file, a model server, or both. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .summary("run the streams of a configuration file, serve models, or both")
    .description(
      "Runs all the streams of a configuration file in one process, models shared between them; a stream that fails stops none of the others. " +
        "With --model it is a model server as well (docs/serving.md), and needs no configuration file.",
    )
    .option("-c, --config <file>", `the configuration (${DEFAULT_CONFIG}, where there is one)`);
  return commonOptions(servingOptions(command)).action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  const log = loggerFor(flags);
  const servesModels = flags.model.length > 0 || flags.allModels === true;
  const { config, file } = await findConfig(flags, servesModels);
  const names = Object.keys(config.streams);
  if (names.length === 0 && !servesModels) {
    throw new VedetteError("E_CONFIG", { where: file, reason: "has no streams; --model NAME=FILE serves a model without any" });
  }
  await using models = servesModels ? await startModelServer(flags, config, file, log, signal) : undefined;
  if (models !== undefined && flags.quiet !== true) {
    process.stderr.write(`${describeServer(models)}\n`);
  }
  await using manager = serviceNotifier({ env: process.env, clock: systemClock, log });
  await manager.ready(`${String(names.length)} streams, ${models === undefined ? "no" : String(models.registry.served().length)} models served`);
  const failure = names.length === 0 ? undefined : await runStreams(flags, config, file, log, signal);
  if (models !== undefined && !signal.aborted) {
    // Streams may end; the models are served until somebody asks for the end.
    await once(signal, "abort");
  }
  process.exitCode = failure?.exit ?? (signal.aborted ? INTERRUPTED : 0);
}

/** The configuration that was named; else the usual file, which need not be there when models are served. */
async function findConfig(flags: ServeFlags, servesModels: boolean): Promise<{ readonly config: Config; readonly file: string }> {
  const file = flags.config ?? DEFAULT_CONFIG;
  if (flags.config === undefined && servesModels && !(await stat(file).then(() => true, () => false))) {
    return { config: parseConfig("", file, {}), file };
  }
  return { config: await loadConfig(file), file };
}

async function startModelServer(flags: ServeFlags, config: Config, file: string, log: Logger, signal: AbortSignal): Promise<ModelServer> {
  const listeners = await listenersFromFlags(flags);
  const named = namedModels({ signal, ...downloadNotices() });
  const { workers } = flags;
  const [given, configured] = await Promise.all([
    findServed(parseServedModels(flags), { baseDir: process.cwd(), named, workers }),
    findServed(flags.allModels === true ? configuredModels(config.models) : [], { baseDir: baseDirOf(file), named, workers }),
  ]);
  const models = [...given, ...configured];
  if (models.length === 0) {
    throw usage(`--all-models: ${file} lists no models`);
  }
  // Loaded only where models are served: every other command starts faster without it.
  const { createModelServer } = await import("../server/model-server.ts");
  return createModelServer({ ...listeners, models, allowAnonymous: flags.allowAnonymous === true || config.allowAnonymous, clock: systemClock, log }, signal);
}

/** Where it listens and what it serves: one line. */
function describeServer({ ports, registry }: ModelServer): string {
  const listeners = Object.entries(ports).map(([name, port]) => `${name} ${port}`);
  const models = registry.served().map(({ name, version, description }) => `${name} ${version} (${description})`);
  return `model server: ${listeners.join(", ")} → ${models.join(", ")}`;
}

async function runStreams(flags: ServeFlags, config: Config, file: string, log: Logger, signal: AbortSignal): Promise<VedetteError | undefined> {
  await using host = new Host({
    clock: systemClock,
    log,
    baseDir: baseDirOf(file),
    dataDir: flags.dataDir ?? config.dataDir ?? defaultDataDir(),
    allowAnonymous: flags.allowAnonymous === true || config.allowAnonymous,
    models: config.models,
    eventRetention: { maxAgeMs: config.events.maxAgeDays * 86_400_000, maxBytes: config.events.maxBytes },
    isDaemon: true,
    download: downloadNotices(),
  });
  const running: Stream[] = [];
  using live = flags.quiet === true ? undefined : new LiveLine(() => running.map((stream) => stream.snapshot()));
  const failures = await Promise.all(
    Object.entries(config.streams).map(async ([name, stream]) => {
      try {
        const prepared = await host.prepare(name, { config: stream }, signal);
        running.push(prepared);
        live?.note(`${name}: ${host.describe(name)}`);
        // Not inside the optional call: without a live line its arguments would never be evaluated.
        const summary = await prepared.run(signal);
        live?.note(summaryText(summary));
        return undefined;
      } catch (error) {
        if (signal.aborted && isInterruption(error)) {
          return undefined;
        }
        const known = toVedetteError(error);
        log.error(`${name} stopped: ${known.message}`, { code: known.code });
        return known;
      }
    }),
  );
  return failures.find((known) => known !== undefined);
}
