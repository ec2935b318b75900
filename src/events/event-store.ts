import { join } from "node:path";
import { Database, databaseProblem, reasonOf } from "./database.ts";
import { SteadyTime } from "./steady-time.ts";
import { toCloudEvent } from "./cloud-event.ts";
import { resultToJson } from "../domain/result-json.ts";
import type { CloudEvent } from "./cloud-event.ts";
import type { SQLInputValue } from "node:sqlite";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";
import type { JsonValue } from "../domain/result-json.ts";

/** How long events are kept. */
export interface Retention {
  readonly maxAgeMs: number;
  /** Of the whole store, snapshots included. */
  readonly maxBytes: number;
}

/** What a store needs of its surroundings. */
export interface EventStoreOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly retention?: Retention;
}

/** An event as it is kept. */
export interface StoredEvent {
  /** Rises with every event kept: where `--follow` goes on. */
  readonly row: number;
  readonly event: CloudEvent;
  readonly hasSnapshot: boolean;
  /** Path of the clip that shows it. */
  readonly clip?: string;
  /** The result that caused it, as in JSON lines. */
  readonly result?: JsonValue;
}

/** Which events. Everything left out matches all. */
export interface EventFilter {
  readonly stream?: string | undefined;
  readonly rule?: string | undefined;
  /** A type, or the beginning of one: `zone` matches `zone.entered`. */
  readonly type?: string | undefined;
  /** Captured at or after. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Kept after this row. */
  readonly afterRow?: number | undefined;
  /** The newest so many, still oldest first. */
  readonly limit?: number | undefined;
}

/** Kept unless configured otherwise. */
export const DEFAULT_RETENTION: Retention = { maxAgeMs: 30 * 86_400_000, maxBytes: 1024 ** 3 };

/** How many failed writes are kept in memory, to be made up for when the disk has room again. */
const MEMORY_CAPACITY = 1000;
/** Old events go at most this often. */
const PRUNE_EVERY_MS = 60_000;

const MIGRATIONS = [
  `CREATE TABLE events (
     row INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     stream TEXT NOT NULL,
     rule TEXT NOT NULL,
     type TEXT NOT NULL,
     captured_ms REAL NOT NULL,
     kept_ms REAL NOT NULL,
     event TEXT NOT NULL,
     result TEXT,
     clip TEXT
   );
   CREATE INDEX events_by_stream ON events (stream, row);
   CREATE INDEX events_by_time ON events (captured_ms);
   CREATE TABLE snapshots (row INTEGER PRIMARY KEY REFERENCES events (row), jpeg BLOB NOT NULL);`,
];

const COLUMNS = "events.row, event, result, clip, snapshots.row IS NOT NULL AS has_snapshot";

/** Where the store lies in a data folder. */
export function eventStorePath(dataDir: string): string {
  return join(dataDir, "events.db");
}

/**
 * Events with what belongs to them: the result that caused each, a snapshot, a clip. In SQLite, so that several processes
 * may write and read at once. A disk that is full costs nobody else anything: writes wait in memory (up to a limit, what
 * is lost then is said) and are made up for later.
 */
export class EventStore implements Disposable {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #retention: Retention;
  readonly #time: SteadyTime;
  readonly #waiting: (() => void)[] = [];
  #prunedMs = Number.NEGATIVE_INFINITY;

  constructor({ dataDir, clock, log, retention = DEFAULT_RETENTION }: EventStoreOptions) {
    this.#database = Database.open({ path: eventStorePath(dataDir), what: "event store", migrations: MIGRATIONS, clock, log });
    this.#clock = clock;
    this.#log = log;
    this.#retention = retention;
    this.#time = new SteadyTime(clock, log);
  }

  /** Keeps an event. One that is known already (a replay, a file read again) is left as it is. */
  add(event: RuleEvent, result?: Result): void {
    const cloudEvent = JSON.stringify(toCloudEvent(event, this.#clock.now()));
    const values = [event.id, event.stream, event.rule, event.type, finite(event.capturedAtMs), this.#time.now(), cloudEvent, resultText(result)];
    this.#write(() => {
      this.#database.use((connection) => {
        connection
          .prepare("INSERT INTO events (id, stream, rule, type, captured_ms, kept_ms, event, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")
          .run(...values);
      });
    });
    this.#pruneNowAndThen();
  }

  /** Keeps the picture of an event. */
  attachSnapshot(id: string, jpeg: Uint8Array): void {
    this.#write(() => {
      this.#database.use((connection) => {
        connection.prepare("INSERT INTO snapshots (row, jpeg) SELECT row, ? FROM events WHERE id = ? ON CONFLICT (row) DO UPDATE SET jpeg = excluded.jpeg").run(jpeg, id);
      });
    });
  }

  /** Says which clip shows an event. */
  attachClip(id: string, path: string): void {
    this.#write(() => {
      this.#database.use((connection) => {
        connection.prepare("UPDATE events SET clip = ? WHERE id = ?").run(path, id);
      });
    });
  }

  /** Events, in the order in which they were kept. */
  list(filter: EventFilter = {}): readonly StoredEvent[] {
    const { where, values } = conditions(filter);
    const sql = `SELECT ${COLUMNS} FROM events LEFT JOIN snapshots ON snapshots.row = events.row ${where} ORDER BY events.row DESC LIMIT ?`;
    const rows = this.#database.use((connection) => connection.prepare(sql).all(...values, filter.limit ?? -1));
    return rows.map(toStored).reverse();
  }

  /** The oldest so many, in the order in which they were kept: with `afterRow`, page by page. */
  page(filter: EventFilter, size: number): readonly StoredEvent[] {
    const { where, values } = conditions(filter);
    const sql = `SELECT ${COLUMNS} FROM events LEFT JOIN snapshots ON snapshots.row = events.row ${where} ORDER BY events.row LIMIT ?`;
    return this.#database.use((connection) => connection.prepare(sql).all(...values, size)).map(toStored);
  }

  /** One event by its id. */
  get(id: string): StoredEvent | undefined {
    const row = this.#database.use((connection) =>
      connection.prepare(`SELECT ${COLUMNS} FROM events LEFT JOIN snapshots ON snapshots.row = events.row WHERE id = ?`).get(id),
    );
    return row === undefined ? undefined : toStored(row);
  }

  /** The JPEG of an event. */
  snapshot(id: string): Uint8Array | undefined {
    const row = this.#database.use((connection) => connection.prepare("SELECT jpeg FROM events JOIN snapshots USING (row) WHERE id = ?").get(id));
    return row?.["jpeg"] as Uint8Array | undefined;
  }

  /** Removes what is too old, then the oldest until the rest is small enough. Returns how many went. */
  prune(): number {
    const nowMs = this.#time.now();
    const { maxAgeMs, maxBytes } = this.#retention;
    return this.#database.transaction((connection) => {
      // Stamped by a clock that was wrong, before or after: their age begins to count now.
      connection.prepare("UPDATE events SET kept_ms = ? WHERE kept_ms > ? OR kept_ms < ?").run(nowMs, nowMs + 86_400_000, Math.min(nowMs, Date.UTC(2020, 0, 1)));
      const remove = (rows: string, ...values: SQLInputValue[]): number => {
        connection.prepare(`DELETE FROM snapshots WHERE row IN (${rows})`).run(...values);
        return Number(connection.prepare(`DELETE FROM events WHERE row IN (${rows})`).run(...values).changes);
      };
      let removed = remove("SELECT row FROM events WHERE kept_ms < ?", nowMs - maxAgeMs);
      const usedBytes = (): number => {
        const row = connection.prepare("SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count, pragma_freelist_count, pragma_page_size").get();
        return Number(row?.["bytes"]);
      };
      const total = (): number => Number(connection.prepare("SELECT count(*) AS n FROM events").get()?.["n"]);
      while (usedBytes() > maxBytes && total() > 0) {
        removed += remove("SELECT row FROM events ORDER BY row LIMIT ?", Math.max(1, Math.ceil(total() / 20)));
      }
      connection.exec("PRAGMA incremental_vacuum");
      return removed;
    });
  }

  [Symbol.dispose](): void {
    this.#catchUp();
    if (this.#waiting.length > 0) {
      this.#log.error(`the event store could not be written: ${this.#waiting.length} entries are lost`);
    }
    this.#database[Symbol.dispose]();
  }

  /** Writes in order, after what waits. */
  #write(work: () => void): void {
    this.#waiting.push(work);
    this.#catchUp();
  }

  #catchUp(): void {
    const before = this.#waiting.length;
    while (this.#waiting[0] !== undefined) {
      try {
        this.#waiting[0]();
        this.#waiting.shift();
      } catch (error) {
        if (databaseProblem(error) === undefined) {
          throw error;
        }
        this.#onFailure(error);
        return;
      }
    }
    if (before > 1) {
      this.#log.info("the event store can be written again", { madeUp: before });
    }
  }

  #onFailure(error: unknown): void {
    if (this.#waiting.length === 1) {
      this.#log.error(`the event store cannot be written (${reasonOf(error)}): events are held in memory and everything else goes on`);
    } else if (this.#waiting.length > MEMORY_CAPACITY) {
      this.#waiting.shift();
      this.#log.error("the event store still cannot be written: an entry is lost", { reason: reasonOf(error) });
    }
  }

  #pruneNowAndThen(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#waiting.length > 0 || nowMs - this.#prunedMs < PRUNE_EVERY_MS) {
      return;
    }
    this.#prunedMs = nowMs;
    try {
      this.prune();
    } catch (error) {
      this.#log.warn(`old events could not be removed: ${reasonOf(error)}`);
    }
  }
}

function conditions({ stream, rule, type, sinceMs, untilMs, afterRow }: EventFilter): { readonly where: string; readonly values: SQLInputValue[] } {
  const parts: [sql: string, value: SQLInputValue | undefined][] = [
    ["stream = ?", stream],
    ["rule = ?", rule],
    ["(type || '.') LIKE ? ESCAPE '\\'", type === undefined ? undefined : `${type.replaceAll(/[\\%_]/g, "\\$&")}.%`],
    ["captured_ms >= ?", sinceMs],
    ["captured_ms < ?", untilMs],
    ["events.row > ?", afterRow],
  ];
  const used = parts.filter((part): part is [string, SQLInputValue] => part[1] !== undefined);
  return { where: used.length === 0 ? "" : `WHERE ${used.map(([sql]) => sql).join(" AND ")}`, values: used.map(([, value]) => value) };
}

function toStored(row: Record<string, unknown>): StoredEvent {
  const { event, result, clip } = row;
  return {
    row: Number(row["row"]),
    // Written by `add`.
    event: JSON.parse(event as string) as CloudEvent,
    hasSnapshot: row["has_snapshot"] === 1,
    ...(typeof clip === "string" ? { clip } : {}),
    ...(typeof result === "string" ? { result: JSON.parse(result) as JsonValue } : {}),
  };
}

function resultText(result: Result | undefined): string | null {
  if (result === undefined) {
    return null;
  }
  const json = resultToJson(result);
  try {
    return JSON.stringify(json);
  } catch {
    // Only a use case's own `data` can be circular or hold what JSON lacks.
    return JSON.stringify({ ...json, data: null });
  }
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
