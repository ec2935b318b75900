import { mkdir, open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VedetteError } from "../errors.ts";

const LOOK_AGAIN_MS = 200;

/**
 * Runs `work` while nobody else on this machine holds `path`; waits for whoever does. A lock whose process is gone is
 * taken over. Rejects with the signal's reason when it aborts while waiting; throws `E_OUTPUT_UNWRITABLE` when the
 * folder cannot be written.
 */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    await mkdir(dirname(path), { recursive: true });
    while (!(await take(path))) {
      await sleep(LOOK_AGAIN_MS, undefined, { signal });
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new VedetteError("E_OUTPUT_UNWRITABLE", { output: dirname(path), reason: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    // Exclusive creation is atomic on local and on network file systems.
    await using file = await open(path, "wx");
    await file.writeFile(`${process.pid} ${hostname()}\n`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") { // Errors of node:fs carry a code.
      throw error;
    }
  }
  if (await isAbandoned(path)) {
    await rm(path, { force: true });
  }
  return false;
}

/** True when the process that wrote it was on this machine and is gone. */
async function isAbandoned(path: string): Promise<boolean> {
  const [pid = "", host] = (await readFile(path, "utf8").catch(() => "")).trim().split(" ");
  if (host !== hostname() || !/^\d+$/.test(pid)) {
    return false;
  }
  try {
    process.kill(Number(pid), 0); // Signal 0 only asks whether it is there.
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // Errors of process.kill carry a code.
  }
}
