import { mkdir, open, readdir, readFile, rename, rm, truncate, unlink, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { VedetteError } from "../../errors.ts";
import type { Logger } from "../../contracts/log.ts";
import { wholeBlocks } from "../../protocols/kvs/whole-blocks.ts";
import { Wakeup } from "../../runtime/wakeup.ts";
import { Fragment, type StreamFormat } from "./fragment.ts";

/** Bytes that may wait for the disk before the source is held up. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;
const LOCK = "lock";
/** `000000000041-1599065432007-2000-60-k-231.mkv`: number, timecode, duration, frames, keyframe or not, length of the header. */
const COMPLETE = /^(\d{12})-(\d+)-(\d+)-(\d+)-([kc])-(\d+)\.mkv$/;
/** While it grows its duration and frames are not known: `000000000041-1599065432007-k-231.part`. */
const GROWING = /^(\d{12})-(\d+)-([kc])-(\d+)\.part$/;

interface SpoolFile {
  path: string;
  handle: FileHandle | undefined;
  /** Everything that was asked of this file, in order. */
  work: Promise<void>;
  isWhole: boolean;
}

/** Folders that this process uses: a lock with our own number, left by a process before us, is not one of them. */
const held = new Set<string>();

/**
 * Fragments on disk, each a Matroska file of its own, so that neither an hour without network nor the death of the process
 * loses them. Frames are written as they come; a file is renamed when it is complete, and deleted when the service has
 * stored it. One process uses a folder at a time.
 */
export class Spool implements AsyncDisposable {
  /** What an earlier run left behind, oldest first. */
  readonly recovered: readonly Fragment[];
  readonly #folder: string;
  readonly #log: Logger;
  readonly #files = new Map<Fragment, SpoolFile>();
  readonly #drained = new Wakeup();
  #pendingBytes = 0;
  #isFailing = false;
  #disposed: Promise<void> | undefined;

  private constructor(folder: string, recovered: readonly (readonly [Fragment, string])[], log: Logger) {
    this.#folder = folder;
    this.#log = log;
    this.recovered = recovered.map(([fragment]) => fragment);
    for (const [fragment, name] of recovered) {
      this.#files.set(fragment, { path: join(folder, name), handle: undefined, work: Promise.resolve(), isWhole: true });
    }
  }

  /** Makes the folder, takes it, and finds what is in it. Throws `E_KVS_SPOOL`. */
  static async open(folder: string, log: Logger): Promise<Spool> {
    try {
      await mkdir(folder, { recursive: true });
      await takeLock(folder);
      try {
        return new Spool(folder, await recover(folder, log), log);
      } catch (error) {
        await releaseLock(folder);
        throw error;
      }
    } catch (error) {
      if (error instanceof VedetteError) {
        throw error;
      }
      throw new VedetteError("E_KVS_SPOOL", { folder, reason: reasonOf(error) }, { cause: error });
    }
  }

  begin(fragment: Fragment): void {
    const header = fragment.format.header;
    const name = `${numbered(fragment.seq)}-${fragment.timecodeMs}-${letter(fragment)}-${header.length}.part`;
    const file: SpoolFile = { path: join(this.#folder, name), handle: undefined, work: Promise.resolve(), isWhole: false };
    this.#files.set(fragment, file);
    this.#do(fragment, async () => {
      file.handle = await open(file.path, "w", 0o600);
      await file.handle.write(header);
    });
  }

  append(fragment: Fragment, bytes: Buffer): void {
    this.#pendingBytes += bytes.length;
    this.#do(
      fragment,
      async (file) => {
        await file.handle?.write(bytes);
      },
      () => {
        this.#pendingBytes -= bytes.length;
        this.#drained.notify();
      },
    );
  }

  finish(fragment: Fragment): void {
    const { seq, timecodeMs, durationMs, frames, format } = fragment;
    const name = `${numbered(seq)}-${timecodeMs}-${durationMs}-${frames}-${letter(fragment)}-${format.header.length}.mkv`;
    this.#do(fragment, async (file) => {
      // The name says that it is whole: so it must be on the disk before it has that name.
      await file.handle?.datasync();
      await file.handle?.close();
      file.handle = undefined;
      await rename(file.path, join(this.#folder, name));
      file.path = join(this.#folder, name);
      file.isWhole = true;
    });
  }

  /** True when all of it is on disk, so that memory need not hold it. */
  holds(fragment: Fragment): boolean {
    return this.#files.get(fragment)?.isWhole === true;
  }

  /** The fragment's cluster. Throws `E_KVS_SPOOL` when somebody took the file away. */
  async read(fragment: Fragment): Promise<Buffer> {
    const file = this.#files.get(fragment);
    try {
      return (await readFile(file?.path ?? "")).subarray(fragment.format.header.length);
    } catch (error) {
      throw new VedetteError("E_KVS_SPOOL", { folder: this.#folder, reason: reasonOf(error) }, { cause: error });
    }
  }

  remove(fragment: Fragment): void {
    this.#do(fragment, async (file) => {
      await file.handle?.close();
      file.handle = undefined;
      this.#files.delete(fragment);
      await unlink(file.path);
    });
  }

  /** Resolves when the disk has caught up far enough. */
  async flushed(): Promise<void> {
    while (this.#pendingBytes > MAX_PENDING_BYTES) {
      await this.#drained.wait();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  /** Queues work on a fragment's file. A disk that fails is said once, and again after it has worked. */
  #do(fragment: Fragment, work: (file: SpoolFile) => Promise<void>, done: () => void = () => undefined): void {
    const file = this.#files.get(fragment);
    if (file === undefined) {
      done();
      return;
    }
    file.work = file.work
      .then(() => work(file))
      .then(
        () => {
          this.#isFailing = false;
        },
        (error: unknown) => {
          if (!this.#isFailing) {
            this.#isFailing = true;
            this.#log.error("the spool cannot be written: what comes is kept in memory only", { folder: this.#folder, reason: reasonOf(error) });
          }
        },
      )
      .finally(done);
  }

  async #dispose(): Promise<void> {
    for (const file of this.#files.values()) {
      await file.work;
      await file.handle?.close();
    }
    await releaseLock(this.#folder);
  }
}

async function takeLock(folder: string): Promise<void> {
  const path = join(folder, LOCK);
  try {
    await writeFile(path, String(process.pid), { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") { // errors of node:fs carry a code
      throw error;
    }
    const pid = Number(await readFile(path, "utf8"));
    if (held.has(folder) || (pid !== process.pid && isAlive(pid))) {
      throw new VedetteError("E_KVS_SPOOL", { folder, reason: `process ${pid} uses it` });
    }
    await writeFile(path, String(process.pid));
  }
  held.add(folder);
}

async function releaseLock(folder: string): Promise<void> {
  held.delete(folder);
  await rm(join(folder, LOCK), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    return Number.isSafeInteger(pid) && pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's process lives too
  }
}

/** The fragments in the folder. One that was growing is cut after its last whole frame. */
async function recover(folder: string, log: Logger): Promise<(readonly [Fragment, string])[]> {
  const formats = new Map<string, StreamFormat>();
  const found: (readonly [Fragment, string])[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const complete = COMPLETE.exec(name) === null ? await completed(folder, name, log) : name;
    const [, seq, timecode, duration, frames, kind, headerBytes] = COMPLETE.exec(complete ?? "") ?? [];
    if (complete === undefined || headerBytes === undefined) {
      continue;
    }
    const header = await readStart(join(folder, complete), Number(headerBytes));
    const key = header.toString("latin1");
    const format = formats.get(key) ?? { header };
    formats.set(key, format);
    const fragment = new Fragment({ seq: Number(seq), timecodeMs: Number(timecode), startsWithKeyframe: kind === "k", format });
    fragment.lastMs = fragment.timecodeMs + Number(duration);
    fragment.frames = Number(frames);
    fragment.sizeBytes = await sizeOf(join(folder, complete)) - header.length;
    fragment.chunks = undefined;
    fragment.isComplete = true;
    found.push([fragment, complete]);
  }
  return found;
}

/** Completes a file that was growing when its process died; undefined for what is not ours, or holds no frame. */
async function completed(folder: string, name: string, log: Logger): Promise<string | undefined> {
  const [, seq = "", timecode = "", kind = "", headerBytes] = GROWING.exec(name) ?? [];
  if (headerBytes === undefined) {
    return undefined;
  }
  const path = join(folder, name);
  const whole = wholeBlocks((await readFile(path)).subarray(Number(headerBytes)));
  if (whole.frames === 0) {
    await unlink(path);
    return undefined;
  }
  await truncate(path, Number(headerBytes) + whole.bytes);
  const complete = `${seq}-${timecode}-${whole.lastOffsetMs}-${whole.frames}-${kind}-${headerBytes}.mkv`;
  await rename(path, join(folder, complete));
  log.info("a fragment that an earlier run left unfinished is uploaded as far as it goes", { fragment: complete, frames: whole.frames });
  return complete;
}

async function readStart(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(bytes);
    await handle.read(buffer, 0, bytes, 0);
    return buffer;
  } finally {
    await handle.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  const handle = await open(path, "r");
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

function numbered(seq: number): string {
  return String(seq).padStart(12, "0");
}

function letter(fragment: Fragment): "k" | "c" {
  return fragment.startsWithKeyframe ? "k" : "c";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
