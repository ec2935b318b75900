import { appendFile, mkdir, readFile, readdir, rename, stat, unlink, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { VedetteError } from "../errors.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";

/** One recorded file, as a line of the index. */
export interface IndexEntry {
  /** Relative to the folder. The results lie beside it, with the ending `.jsonl`. */
  readonly file: string;
  readonly startedAt: string;
  readonly endedAt: string;
  /** On the stream's own timeline; left out when the process died while it was written. */
  readonly startPtsUs?: number;
  readonly endPtsUs?: number;
  readonly sizeBytes: number;
  /** Ids of the events it shows. */
  readonly events?: readonly string[];
}

/** How long files are kept; undefined for ever. */
export interface FileRetention {
  readonly maxAgeMs: number | undefined;
  readonly maxBytes: number | undefined;
}

/** What a folder of recordings needs. */
export interface MediaFolderOptions {
  readonly folder: string;
  readonly stream: string;
  /** Sets clips and recordings in one folder apart. */
  readonly kind: "clips" | "recording";
  readonly retention: FileRetention;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The recordings of one stream in a folder, with an index (`.STREAM.KIND.index.jsonl`, one line a file). Only files that
 * are in the index are ever removed: each is written there before its first byte, so that those a killed process left
 * behind count too.
 */
export class MediaFolder {
  readonly #options: MediaFolderOptions;
  readonly #index: string;
  #entries: IndexEntry[] = [];

  constructor(options: MediaFolderOptions) {
    this.#options = options;
    this.#index = join(options.folder, `.${plainName(options.stream)}.${options.kind}.index.jsonl`);
  }

  /** Creates the folder, reads the index. Throws `E_OUTPUT_UNWRITABLE`. */
  async open(): Promise<void> {
    try {
      await mkdir(this.#options.folder, { recursive: true });
      await appendFile(this.#index, "");
      this.#entries = parseIndex(await readFile(this.#index, "utf8"));
    } catch (error) {
      throw new VedetteError("E_OUTPUT_UNWRITABLE", { output: this.#options.folder, reason: reasonOf(error) }, { cause: error });
    }
    await this.#measureInterrupted();
  }

  get entries(): readonly IndexEntry[] {
    return this.#entries;
  }

  /** A path for a new file, without ending, that nothing has yet; its folder is made. Noted in the index at once. */
  async newStem(name: string, startedAtMs: number): Promise<string> {
    const { folder } = this.#options;
    for (let n = 0; ; n++) {
      const stem = resolve(folder, n === 0 ? name : `${name}-${n}`);
      const inside = relative(folder, stem);
      if (inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
        throw new VedetteError("E_OUTPUT_UNWRITABLE", { output: name, reason: `it lies outside of ${folder}` });
      }
      await mkdir(resolve(stem, ".."), { recursive: true });
      const taken = await readdir(resolve(stem, ".."));
      const base = stem.slice(resolve(stem, "..").length + 1);
      if (!taken.includes(`${base}.mp4`) && !taken.includes(`${base}.jsonl`)) {
        const startedAt = isoTime(startedAtMs);
        await this.#put({ file: `${inside}.mp4`, startedAt, endedAt: startedAt, sizeBytes: 0 });
        return stem;
      }
    }
  }

  /** A file is complete. Then what is too old or too much goes, the oldest first. */
  async finished(entry: IndexEntry): Promise<void> {
    await this.#put(entry);
    await this.sweep();
  }

  /** Removes what retention says. A file that will not go is told of and tried again the next time. */
  async sweep(): Promise<void> {
    const { retention, clock, log, folder } = this.#options;
    const { maxAgeMs = Infinity, maxBytes = Infinity } = retention;
    let total = this.#entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const kept: IndexEntry[] = [];
    for (const [at, entry] of this.#entries.entries()) {
      // The newest stays whatever the limits say: it may still be written.
      const isOver = at < this.#entries.length - 1 && (total > maxBytes || clock.now() - Date.parse(entry.endedAt) > maxAgeMs);
      if (isOver && (await this.#remove(entry))) {
        total -= entry.sizeBytes;
        log.debug("an old recording is removed", { file: join(folder, entry.file) });
      } else {
        kept.push(entry);
      }
    }
    if (kept.length < this.#entries.length) {
      this.#entries = kept;
      await writeFile(`${this.#index}.new`, kept.map(lineOf).join(""));
      await rename(`${this.#index}.new`, this.#index);
    }
  }

  async #put(entry: IndexEntry): Promise<void> {
    this.#entries = [...this.#entries.filter(({ file }) => file !== entry.file), entry];
    await appendFile(this.#index, lineOf(entry));
  }

  /** Sizes of what a killed process left, from the files themselves. */
  async #measureInterrupted(): Promise<void> {
    const measured = await Promise.all(
      this.#entries.map(async (entry) => {
        if (entry.sizeBytes > 0) {
          return entry;
        }
        const found = await stat(join(this.#options.folder, entry.file)).catch(() => undefined);
        return found === undefined ? undefined : { ...entry, sizeBytes: found.size, endedAt: found.mtime.toISOString() };
      }),
    );
    this.#entries = measured.filter((entry) => entry !== undefined);
  }

  async #remove({ file }: IndexEntry): Promise<boolean> {
    const { folder, log } = this.#options;
    for (const path of [join(folder, file), join(folder, file.replace(/\.mp4$/, ".jsonl"))]) {
      try {
        await unlink(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
          log.warn(`an old recording cannot be removed: ${reasonOf(error)}`, { file: path });
          return false;
        }
      }
    }
    return true;
  }
}

/** Letters, digits, `.`, `_` and `-` only: names of streams and rules as parts of file names. */
export function plainName(name: string): string {
  return name.replaceAll(/[^\w.-]/g, "_").replace(/^\.+/, "_");
}

/** A time for people and machines; the epoch when there is none. */
export function isoTime(ms: number): string {
  return new Date(Number.isFinite(ms) ? ms : 0).toISOString();
}

function lineOf(entry: IndexEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** The last line about a file counts; lines that a crash cut are passed over. */
function parseIndex(text: string): IndexEntry[] {
  const entries = new Map<string, IndexEntry>();
  for (const line of text.split("\n")) {
    try {
      const entry = JSON.parse(line) as IndexEntry;
      entries.delete(entry.file);
      entries.set(entry.file, entry);
    } catch {
      continue;
    }
  }
  return [...entries.values()];
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
