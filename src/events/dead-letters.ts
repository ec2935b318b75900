import { openOutboxDatabase } from "./outbox.ts";
import type { DeadLetter, OutboxOptions } from "./outbox.ts";

/** Which dead letters; everything left out matches all. */
export interface DeadFilter {
  /** A destination, or a part of its name. */
  readonly destination?: string | undefined;
  readonly id?: string | undefined;
}

const CONDITION = "(?1 IS NULL OR instr(destination, ?1) > 0) AND (?2 IS NULL OR id = ?2)";

/** What waits for a destination, in numbers. */
export interface WaitingSummary {
  readonly destination: string;
  readonly waiting: number;
}

/** What destinations would not take, oldest first. */
export function listDead(options: Pick<OutboxOptions, "dataDir" | "clock" | "log">, filter: DeadFilter = {}): readonly DeadLetter[] {
  using database = openOutboxDatabase(options);
  const rows = database.use((connection) =>
    connection
      .prepare(`SELECT seq, destination, id, body, reason, died_ms AS diedAtMs FROM dead WHERE ${CONDITION} ORDER BY seq`)
      .all(filter.destination ?? null, filter.id ?? null),
  );
  // The columns of the statement, by name.
  return rows as unknown as readonly DeadLetter[];
}

/**
 * Puts dead letters back, after what waits already; a running process delivers them within a second, else the next that
 * has this destination. Returns how many.
 */
export function replayDead(options: Pick<OutboxOptions, "dataDir" | "clock" | "log">, filter: DeadFilter = {}): number {
  using database = openOutboxDatabase(options);
  return database.transaction((connection) => {
    const values = [filter.destination ?? null, filter.id ?? null];
    connection
      .prepare(
        `INSERT INTO waiting (destination, id, stream, rule, count, body, queued_ms)
         SELECT destination, id, stream, rule, count, body, ?3 FROM dead WHERE ${CONDITION} ORDER BY seq
         ON CONFLICT (destination, id) DO NOTHING`,
      )
      .run(...values, options.clock.now());
    return Number(connection.prepare(`DELETE FROM dead WHERE ${CONDITION}`).run(...values).changes);
  });
}

/** How many events wait, by destination. */
export function listWaiting(options: Pick<OutboxOptions, "dataDir" | "clock" | "log">): readonly WaitingSummary[] {
  using database = openOutboxDatabase(options);
  const rows = database.use((connection) => connection.prepare("SELECT destination, count(*) AS waiting FROM waiting GROUP BY destination ORDER BY destination").all());
  // The columns of the statement, by name.
  return rows as unknown as readonly WaitingSummary[];
}
