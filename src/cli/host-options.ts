import { Option } from "commander";
import type { Command } from "commander";
import { DownloadLine } from "./download-line.ts";
import { Host } from "../daemon/host.ts";
import type { HostOptions } from "../daemon/host.ts";
import { defaultDataDir } from "../daemon/data-dir.ts";
import { createLogger } from "../runtime/log.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger, LogLevel } from "../contracts/log.ts";

/** Flags that every command which runs streams has. */
export interface CommonFlags {
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
  readonly dataDir?: string;
  readonly allowAnonymous?: boolean;
  readonly quiet?: boolean;
}

/** Adds the flags of {@link CommonFlags}. */
export function commonOptions(command: Command): Command {
  return command
    .option("--data-dir <folder>", "where state is kept")
    .option("--allow-anonymous", "let listeners beyond loopback go without credentials")
    .addOption(new Option("--log-level <level>", "how much is told").choices(["debug", "info", "warn", "error"]).default("warn").env("VEDETTE_LOG_LEVEL"))
    .addOption(new Option("--log-format <format>", "for people or for machines").choices(["text", "json"]).default("text"))
    .option("-q, --quiet", "print nothing but results and errors");
}

/** A logger to stderr as the flags say. */
export function loggerFor(flags: Pick<CommonFlags, "logLevel" | "logFormat">): Logger {
  return createLogger({
    level: flags.logLevel,
    format: flags.logFormat,
    write: (line) => process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${line}\n`),
    now: () => new Date(),
  });
}

/** The host that runs the streams of this command. */
export function createHost(flags: CommonFlags & { readonly isDaemon?: boolean }, baseDir: string = process.cwd()): Host {
  return new Host({
    clock: systemClock,
    log: loggerFor(flags),
    baseDir,
    dataDir: flags.dataDir ?? defaultDataDir(),
    allowAnonymous: flags.allowAnonymous === true,
    isDaemon: flags.isDaemon === true,
    download: downloadNotices(),
  });
}

/** Says that a model has to be downloaded first, and how far that is. */
export function downloadNotices(): NonNullable<HostOptions["download"]> {
  const line = new DownloadLine();
  return {
    beforePull: ({ name, sizeBytes }) => {
      process.stderr.write(`${name} is not in the store yet: downloading ${(sizeBytes / 1e6).toFixed(1)} MB\n`);
    },
    onProgress: (progress) => line.show(progress),
  };
}
