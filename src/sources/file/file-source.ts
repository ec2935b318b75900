import { open, stat } from "node:fs/promises";
import type { Clock } from "../../contracts/clock.ts";
import type { PacketSession, Source } from "../../contracts/source.ts";
import { VedetteError } from "../../errors.ts";
import { openMedia } from "../../media/index.ts";
import { looped } from "./looped.ts";
import { paced } from "./paced.ts";

/** What {@link FileSource} needs to know. */
export interface FileSourceOptions {
  /** Absolute path. */
  readonly path: string;
  /** For people: the path as it was given. */
  readonly name: string;
  readonly loop: boolean;
  readonly realtime: boolean;
  readonly clock: Clock;
}

/** Plays a file, once or for ever, at once or at its own speed. */
export class FileSource implements Source {
  readonly isLocal = true;
  readonly name: string;
  readonly #options: FileSourceOptions;

  constructor(options: FileSourceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async open(signal: AbortSignal): Promise<PacketSession> {
    signal.throwIfAborted();
    const { path, name, loop, realtime, clock } = this.#options;
    await assertReadable(path, name);
    const openOnce = (): Promise<PacketSession> => openMedia(`file:${path}`, { isLive: false, protocols: ["file"], signal, name, clock });
    const session = loop ? await looped(openOnce) : await openOnce();
    return realtime ? paced(session, clock, signal) : session;
  }
}

/** FFmpeg says little about a path that cannot be read: the system says more. */
async function assertReadable(path: string, name: string): Promise<void> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) {
      throw new VedetteError("E_SOURCE_DIRECTORY", { source: name });
    }
    if (found.isFile() && found.size === 0) {
      throw new VedetteError("E_SOURCE_EMPTY", { source: name });
    }
    if (found.isFile()) {
      await (await open(path, "r")).close();
    }
  } catch (error) {
    if (error instanceof VedetteError) {
      throw error;
    }
    // Errors of node:fs carry a code.
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new VedetteError("E_SOURCE_NOT_FOUND", { source: name }, { cause: error });
    }
    const reason = code === "EACCES" || code === "EPERM" ? "permission denied" : String(code ?? error);
    throw new VedetteError("E_SOURCE_UNREADABLE", { source: name, reason }, { cause: error });
  }
}
