import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { readResults } from "../rules/stored-results.ts";
import type { Result } from "../domain/result.ts";

/** Results stored as JSON lines (`--to FILE.jsonl`). */
export class Recording {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** All of them. Throws when a line is no result: a test must not pass over half of its material. */
  async results(): Promise<readonly Result[]> {
    const file = createReadStream(this.#path);
    const lines = createInterface({ input: file, crlfDelay: Infinity });
    try {
      return await Array.fromAsync(
        readResults(lines, ({ line, reason }) => {
          throw new Error(`${this.#path}:${line}: ${reason}`);
        }),
      );
    } finally {
      lines.close();
      file.destroy();
    }
  }
}

/** Results stored by a real run, as what happens in a test. */
export function recorded(path: string): Recording {
  return new Recording(path);
}
