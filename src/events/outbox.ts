import { join } from "node:path";
import { Database, databaseProblem, reasonOf } from "./database.ts";
import { SteadyTime } from "./steady-time.ts";
import { toCloudEvent } from "./cloud-event.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";
import type { RuleEvent } from "../domain/event.ts";

/** An event on its way to one destination. */
export interface OutboxItem {
  /** Position on the disk; 0 while it is only in memory because the disk is full. */
  readonly seq: number;
  readonly id: string;
  readonly stream: string;
  readonly rule: string;
  /** How many events of this rule this destination has been given, this one included. */
  readonly count: number;
  /** The CloudEvent, as JSON: the same bytes at every try. */
  readonly body: string;
  readonly attempts: number;
}

/** An event that a destination would not take. */
export interface DeadLetter {
  readonly seq: number;
  readonly destination: string;
  readonly id: string;
  readonly body: string;
  readonly reason: string;
  readonly diedAtMs: number;
}

/** How much may wait. What exceeds it becomes a dead letter, and that is said. */
export interface OutboxLimits {
  /** Events per destination. */
  readonly maxEvents: number;
  readonly maxAgeMs: number;
  /** Dead letters per destination; the oldest go for good then, and that is said. */
  readonly maxDead: number;
}

/** What an outbox needs of its surroundings. */
export interface OutboxOptions {
  readonly dataDir: string;
  /** Who receives: stable over restarts, without credentials. */
  readonly destination: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<OutboxLimits>;
}

/** A hundred thousand events, a week. */
export const DEFAULT_LIMITS: OutboxLimits = { maxEvents: 100_000, maxAgeMs: 7 * 86_400_000, maxDead: 10_000 };

/** How many events are held in memory while the disk takes none. */
const MEMORY_CAPACITY = 10_000;

const MIGRATIONS = [
  `CREATE TABLE waiting (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     destination TEXT NOT NULL,
     id TEXT NOT NULL,
     stream TEXT NOT NULL,
     rule TEXT NOT NULL,
     count INTEGER NOT NULL,
     body TEXT NOT NULL,
     queued_ms REAL NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     UNIQUE (destination, id)
   );
   CREATE INDEX waiting_by_destination ON waiting (destination, seq);
   CREATE TABLE dead (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     destination TEXT NOT NULL,
     id TEXT NOT NULL,
     stream TEXT NOT NULL,
     rule TEXT NOT NULL,
     count INTEGER NOT NULL,
     body TEXT NOT NULL,
     reason TEXT NOT NULL,
     died_ms REAL NOT NULL
   );
   CREATE INDEX dead_by_destination ON dead (destination, seq);
   CREATE TABLE counts (destination TEXT NOT NULL, rule TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (destination, rule));`,
];

/** Opens the file that holds all destinations' events. Throws `E_EVENTS_UNWRITABLE`. */
export function openOutboxDatabase(options: Pick<OutboxOptions, "dataDir" | "clock" | "log">): Database {
  return Database.open({ path: join(options.dataDir, "outbox.db"), what: "outbox", migrations: MIGRATIONS, clock: options.clock, log: options.log });
}

/**
 * What one destination still has to get, on the disk, in order. An event is in it before anything else happens to it and
 * leaves it when the destination has confirmed it: a process that is killed at any moment loses nothing, and at most
 * repeats what was under way.
 */
export class Outbox implements Disposable {
  readonly #options: OutboxOptions;
  readonly #limits: OutboxLimits;
  readonly #database: Database;
  readonly #time: SteadyTime;
  /** Not on the disk because it takes none; goes after what is there. */
  readonly #memory: OutboxItem[] = [];
  /** Everything up to here is done with, also when the disk did not take that. */
  #doneSeq = 0;
  #generation = 0;
  #isTold = false;
  #wake: (() => void) | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#database = openOutboxDatabase(options);
    this.#time = new SteadyTime(options.clock, options.log);
  }

  /** Takes an event in: on the disk when this returns, unless the disk is full. One that waits already is not taken twice. */
  enqueue(event: RuleEvent): void {
    const { destination, clock } = this.#options;
    const body = JSON.stringify(toCloudEvent(event, clock.now()));
    const item = { seq: 0, id: event.id, stream: event.stream, rule: event.rule, count: 0, body, attempts: 0 };
    if (!this.#toDisk(() => this.#moveToDisk(), true) || !this.#toDisk(() => this.#insert(item))) {
      if (this.#memory.length >= MEMORY_CAPACITY) {
        const lost = this.#memory.shift();
        this.#options.log.error("the outbox cannot be written and memory is full: an event is lost", { output: destination, event: lost?.id });
      }
      this.#memory.push(item);
    }
    this.#wake?.();
  }

  /** The next events to deliver, oldest first. */
  next(limit: number): readonly OutboxItem[] {
    this.#toDisk(() => this.#moveToDisk(), true);
    const rows = this.#select("seq > ?2", this.#doneSeq, limit);
    return rows.length === 0 ? this.#memory.slice(0, limit) : rows;
  }

  /** How many wait. */
  get size(): number {
    const row = this.#read((connection) => connection.prepare("SELECT count(*) AS n FROM waiting WHERE destination = ? AND seq > ?").all(this.#options.destination, this.#doneSeq));
    return Number(row?.[0]?.["n"] ?? 0) + this.#memory.length;
  }

  /** Events of a rule so far, for counters that survive a restart. */
  countOf(rule: string): number {
    const row = this.#read((connection) => connection.prepare("SELECT count FROM counts WHERE destination = ? AND rule = ?").all(this.#options.destination, rule));
    return Number(row?.[0]?.["count"] ?? 0);
  }

  /** The destination has them: the oldest so many, as {@link next} gave them. */
  settle(items: readonly OutboxItem[]): void {
    if (items.length === 0) {
      return;
    }
    this.#forget(items);
    this.#toDisk(() => {
      this.#database.use((connection) => {
        // Not waiting for the disk: a power cut makes this undone, and then an event is delivered twice.
        connection.exec("PRAGMA synchronous = NORMAL");
        try {
          connection.prepare("DELETE FROM waiting WHERE destination = ? AND seq <= ?").run(this.#options.destination, this.#doneSeq);
        } finally {
          connection.exec("PRAGMA synchronous = FULL");
        }
      });
    });
  }

  /** The destination will never take the oldest event. */
  bury(item: OutboxItem, reason: string): void {
    this.#forget([item]);
    this.#moveToDead(item, reason);
  }

  /** One more failed try; returns how many there were. */
  failed(item: OutboxItem): number {
    const attempts = item.attempts + 1;
    this.#toDisk(() => {
      this.#database.use((connection) => connection.prepare("UPDATE waiting SET attempts = ? WHERE seq = ?").run(attempts, item.seq));
    });
    return attempts;
  }

  /** Makes dead letters of what is too old or too much. */
  enforceLimits(): void {
    const { maxEvents, maxAgeMs, maxDead } = this.#limits;
    const { destination, log } = this.#options;
    const nowMs = this.#time.now();
    this.#toDisk(() => {
      this.#database.use((connection) => {
        // Stamped by a clock that was wrong: their age begins to count now.
        connection.prepare("UPDATE waiting SET queued_ms = ? WHERE queued_ms > ? OR queued_ms < ?").run(nowMs, nowMs + 86_400_000, Math.min(nowMs, Date.UTC(2020, 0, 1)));
      });
    });
    for (const item of this.#select("queued_ms < ?2", nowMs - maxAgeMs)) {
      this.#moveToDead(item, `waited for more than ${Math.round(maxAgeMs / 3_600_000)} h`);
    }
    for (const item of this.#select("seq IN (SELECT seq FROM waiting WHERE destination = ?1 ORDER BY seq DESC LIMIT -1 OFFSET ?2)", maxEvents)) {
      this.#moveToDead(item, `more than ${maxEvents} events waited`);
    }
    this.#toDisk(() => {
      const { changes } = this.#database.use((connection) =>
        connection
          .prepare("DELETE FROM dead WHERE destination = ?1 AND seq IN (SELECT seq FROM dead WHERE destination = ?1 ORDER BY seq DESC LIMIT -1 OFFSET ?2)")
          .run(destination, maxDead),
      );
      if (Number(changes) > 0) {
        log.error(`more than ${maxDead} dead letters: the oldest ${changes} are gone for good`, { output: destination });
      }
    });
  }

  /** Resolves when an event was taken in, and at the latest after `ms`: another process may have taken one in. */
  async changed(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#wake = () => resolve(undefined);
    const timer = this.#options.clock.timer(ms, this.#wake);
    signal.addEventListener("abort", this.#wake, { once: true });
    if (signal.aborted) {
      resolve(undefined);
    }
    await promise;
    timer[Symbol.dispose]();
    signal.removeEventListener("abort", this.#wake);
    this.#wake = undefined;
  }

  [Symbol.dispose](): void {
    this.#toDisk(() => this.#moveToDisk(), true);
    if (this.#memory.length > 0) {
      this.#options.log.error(`the outbox could not be written: ${this.#memory.length} events are lost`, { output: this.#options.destination });
    }
    this.#database[Symbol.dispose]();
  }

  #moveToDead(item: OutboxItem, reason: string): void {
    const { destination, clock, log } = this.#options;
    log.error("an event is not delivered: it is kept as a dead letter (`vedette events dead`)", { output: destination, event: item.id, reason });
    this.#toDisk(() => {
      this.#database.transaction((connection) => {
        connection
          .prepare("INSERT INTO dead (destination, id, stream, rule, count, body, reason, died_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
          .run(destination, item.id, item.stream, item.rule, item.count, item.body, reason, clock.now());
        connection.prepare("DELETE FROM waiting WHERE destination = ? AND seq = ?").run(destination, item.seq);
      });
    });
  }

  #insert(item: OutboxItem): void {
    const { destination } = this.#options;
    const nowMs = this.#time.now();
    this.#database.transaction((connection) => {
      const added = connection
        .prepare("INSERT INTO waiting (destination, id, stream, rule, count, body, queued_ms) VALUES (?, ?, ?, ?, 0, ?, ?) ON CONFLICT (destination, id) DO NOTHING")
        .run(destination, item.id, item.stream, item.rule, item.body, nowMs);
      if (Number(added.changes) === 0) {
        return;
      }
      const counted = connection
        .prepare("INSERT INTO counts (destination, rule, count) VALUES (?, ?, 1) ON CONFLICT (destination, rule) DO UPDATE SET count = count + 1 RETURNING count")
        .get(destination, item.rule);
      connection.prepare("UPDATE waiting SET count = ? WHERE seq = ?").run(Number(counted?.["count"]), Number(added.lastInsertRowid));
    });
  }

  /** Oldest first. In the condition ?1 is the destination, ?2 the value. */
  #select(condition: string, value: number, limit = 1000): readonly OutboxItem[] {
    const sql = `SELECT seq, id, stream, rule, count, body, attempts FROM waiting WHERE destination = ?1 AND ${condition} ORDER BY seq LIMIT ?3`;
    const rows = this.#read((connection) => connection.prepare(sql).all(this.#options.destination, value, limit));
    // The columns of the statement, by name.
    return (rows ?? []) as unknown as readonly OutboxItem[];
  }

  #moveToDisk(): void {
    for (let item = this.#memory[0]; item !== undefined; item = this.#memory[0]) {
      this.#insert(item);
      this.#memory.shift();
    }
  }

  #forget(items: readonly OutboxItem[]): void {
    for (const item of items) {
      if (item.seq > 0) {
        this.#doneSeq = Math.max(this.#doneSeq, item.seq);
      } else {
        const at = this.#memory.indexOf(item);
        this.#memory.splice(at, at < 0 ? 0 : 1);
      }
    }
  }

  /** Writes; false when the disk does not take it now. Says so once, and once when it does again. */
  #toDisk(work: () => void, isMakingUp = false): boolean {
    const { destination, log } = this.#options;
    try {
      work();
      this.#noticeFreshFile();
      if (this.#isTold && !isMakingUp) {
        this.#isTold = false;
        log.info("the outbox can be written again", { output: destination });
      }
      return true;
    } catch (error) {
      if (databaseProblem(error) === undefined) {
        throw error;
      }
      if (!this.#isTold) {
        this.#isTold = true;
        log.error(`the outbox cannot be written (${reasonOf(error)}): events are held in memory and everything else goes on`, { output: destination });
      }
      return false;
    }
  }

  #read(work: Parameters<Database["use"]>[0]): Record<string, unknown>[] | undefined {
    try {
      // Every caller selects rows.
      return this.#database.use(work) as Record<string, unknown>[];
    } catch (error) {
      if (databaseProblem(error) === undefined) {
        throw error;
      }
      this.#options.log.warn(`the outbox cannot be read: ${reasonOf(error)}`, { output: this.#options.destination });
      return undefined;
    } finally {
      this.#noticeFreshFile();
    }
  }

  /** Positions begin again in a fresh file. */
  #noticeFreshFile(): void {
    if (this.#database.generation !== this.#generation) {
      this.#generation = this.#database.generation;
      this.#doneSeq = 0;
    }
  }
}
