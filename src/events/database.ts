import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { VedetteError } from "../errors.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";

/** What a database needs of its surroundings. */
export interface DatabaseOptions {
  readonly path: string;
  /** For people: `event store`. */
  readonly what: string;
  /** One script per version of the layout, oldest first. Never changed once released, only added to. */
  readonly migrations: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Why SQLite refused. `full` and `busy` pass by themselves; `corrupt` never does. */
export type DatabaseProblem = "full" | "busy" | "corrupt" | "other";

/** Result codes (sqlite.org/rescode.html), without their extension. */
const PROBLEMS: Readonly<Record<number, DatabaseProblem>> = { 5: "busy", 6: "busy", 8: "full", 10: "full", 13: "full", 14: "full", 11: "corrupt", 26: "corrupt" };

/** How long a write waits for another process that writes. */
const BUSY_TIMEOUT_MS = 2000;
/** Larger files are not read through at the start; damage in them shows when it is met. */
const CHECKED_BYTES = 64 * 1024 * 1024;

/** What kind of failure this is; undefined when it does not come from SQLite. */
export function databaseProblem(error: unknown): DatabaseProblem | undefined {
  const { code, errcode } = error as { readonly code?: string; readonly errcode?: number };
  return code === "ERR_SQLITE_ERROR" ? (PROBLEMS[(errcode ?? 0) & 0xff] ?? "other") : undefined;
}

/**
 * One SQLite file that several processes may use at once (write-ahead log, every commit on the disk). A damaged one is
 * kept beside under another name and a fresh one started, when it is opened and later: nothing is ever deleted.
 */
export class Database implements Disposable {
  readonly #options: DatabaseOptions;
  #connection: DatabaseSync;
  #inode: number;
  /** Counts how often a fresh file was started: row numbers begin again then. */
  generation = 0;

  private constructor(options: DatabaseOptions, connection: DatabaseSync) {
    this.#options = options;
    this.#connection = connection;
    this.#inode = inodeOf(options.path);
  }

  /** Creates the folder and the file where they are missing. Throws `E_EVENTS_UNWRITABLE`, `E_EVENTS_NEWER`. */
  static open(options: DatabaseOptions): Database {
    try {
      mkdirSync(dirname(options.path), { recursive: true });
      const existed = existsSync(options.path);
      try {
        return new Database(options, connect(options));
      } catch (error) {
        if (!existed || databaseProblem(error) !== "corrupt") {
          throw error;
        }
        setAside(options, error);
        return new Database(options, connect(options));
      }
    } catch (error) {
      throw error instanceof VedetteError ? error : new VedetteError("E_EVENTS_UNWRITABLE", { what: options.what, path: options.path, reason: reasonOf(error) }, { cause: error });
    }
  }

  /** Runs `work` on the connection; damage met on the way costs the file, not the work. Throws what SQLite throws. */
  use<T>(work: (connection: DatabaseSync) => T): T {
    try {
      return work(this.#connection);
    } catch (error) {
      if (databaseProblem(error) !== "corrupt") {
        throw error;
      }
      this.#connection.close();
      // Another process may have started a fresh file already.
      if (inodeOf(this.#options.path) === this.#inode) {
        setAside(this.#options, error);
      }
      this.#connection = connect(this.#options);
      this.#inode = inodeOf(this.#options.path);
      this.generation++;
      return work(this.#connection);
    }
  }

  /** As {@link use}, all or nothing. */
  transaction<T>(work: (connection: DatabaseSync) => T): T {
    return this.use((connection) => {
      connection.exec("BEGIN IMMEDIATE");
      try {
        const result = work(connection);
        connection.exec("COMMIT");
        return result;
      } catch (error) {
        if (connection.isTransaction) {
          connection.exec("ROLLBACK");
        }
        throw error;
      }
    });
  }

  [Symbol.dispose](): void {
    if (this.#connection.isOpen) {
      this.#connection.close();
    }
  }
}

function connect({ path, what, migrations }: DatabaseOptions): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    if (statSync(path).size === 0) {
      // Takes effect only before the first table: freed pages can be given back.
      connection.exec("PRAGMA auto_vacuum = INCREMENTAL");
    }
    connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    if (statSync(path).size <= CHECKED_BYTES) {
      const [row] = connection.prepare("PRAGMA quick_check(1)").all();
      const verdict = String(row?.["quick_check"]);
      if (verdict !== "ok") {
        throw Object.assign(new Error(verdict), { code: "ERR_SQLITE_ERROR", errcode: 11 });
      }
    }
    migrate(connection, what, path, migrations);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function migrate(connection: DatabaseSync, what: string, path: string, migrations: readonly string[]): void {
  const versionOf = (): number => Number(connection.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (versionOf() === migrations.length) {
    return;
  }
  connection.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have been faster.
    const version = versionOf();
    if (version > migrations.length) {
      throw new VedetteError("E_EVENTS_NEWER", { what, path, expected: migrations.length, got: version });
    }
    for (const script of migrations.slice(version)) {
      connection.exec(script);
    }
    connection.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`);
  } catch (error) {
    connection.exec("ROLLBACK");
    throw error;
  }
}

/** Renames the damaged file and what belongs to it. */
function setAside({ path, what, clock, log }: DatabaseOptions, cause: unknown): void {
  const stamp = new Date(clock.now()).toISOString().replaceAll(/[:.]/g, "-");
  const kept = `${path}.damaged-${stamp}`;
  renameSync(path, kept);
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(path + suffix)) {
      renameSync(path + suffix, kept + suffix);
    }
  }
  log.error(`the ${what} is damaged: it is kept as ${kept}, and a fresh one is started`, { reason: reasonOf(cause) });
}

function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

/** What went wrong, in a few words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
