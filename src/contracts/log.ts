/** How loud. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Named values that go with a message. Addresses must have passed `redactUrl`. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Tells people what happens. Never throws, never blocks, never shows a secret. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same logger with more fields on every message: `log.with({ stream: "gate" })`. */
  with(fields: LogFields): Logger;
}
