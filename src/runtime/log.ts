import type { LogFields, Logger, LogLevel } from "../contracts/log.ts";

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Where lines go, and in what form. */
export interface LogOptions {
  readonly level: LogLevel;
  /** `json`: one object a line; `text`: for people. */
  readonly format: "text" | "json";
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/** A logger that writes one line per message. */
export function createLogger(options: LogOptions, bound: LogFields = {}): Logger {
  const log = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (RANK[level] < RANK[options.level]) {
      return;
    }
    const all = { ...bound, ...fields };
    const time = options.now().toISOString();
    options.write(
      options.format === "json"
        ? JSON.stringify({ time, level, message, ...all })
        : `${time} ${level.padEnd(5)} ${message}${Object.entries(all)
            .filter(([, value]) => value !== undefined)
            .map(([key, value]) => ` ${key}=${String(value)}`)
            .join("")}`,
    );
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    with: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

/** Says nothing: for tests and for library users who did not ask. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};
