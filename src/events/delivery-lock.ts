import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { databaseProblem } from "./database.ts";

/**
 * The right to deliver to one destination: two processes with the same one would mix up the order. Held as a lock on a
 * small SQLite file, which the operating system lets go of when the process ends, however it ends.
 */
export class DeliveryLock implements Disposable {
  readonly #path: string;
  #held: DatabaseSync | undefined;

  constructor(dataDir: string, destination: string) {
    const name = createHash("sha256").update(destination).digest("hex").slice(0, 16);
    this.#path = join(dataDir, `outbox-${name}.lock`);
  }

  /** True when this process has it now. */
  tryTake(): boolean {
    if (this.#held !== undefined) {
      return true;
    }
    const database = new DatabaseSync(this.#path, { timeout: 0 });
    try {
      database.exec("BEGIN EXCLUSIVE");
      this.#held = database;
      return true;
    } catch (error) {
      database.close();
      if (databaseProblem(error) === "busy") {
        return false;
      }
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#held?.close();
    this.#held = undefined;
  }
}
