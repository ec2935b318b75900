import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { redactText } from "../../runtime/redact.ts";
import { VedetteError } from "../../errors.ts";

/** Where lines go. One writer, one caller at a time. */
export interface LineWriter extends AsyncDisposable {
  /** Writes one or more whole lines. False when nobody reads any more; throws a coded error when it cannot go on. */
  write(lines: string): Promise<boolean>;
}

/** Opens a file for lines, emptying it. Throws `E_OUTPUT_UNWRITABLE`. */
export async function openFileLines(path: string, name: string): Promise<LineWriter> {
  try {
    return new FileLines(await open(path, "w"), name);
  } catch (error) {
    throw new VedetteError("E_OUTPUT_UNWRITABLE", { output: name, reason: reasonOf(error) }, { cause: error });
  }
}

/**
 * Lines in a file. Each call is one write to the system, so that a killed process leaves whole lines; a write that the
 * disk takes only in part is taken back.
 */
class FileLines implements LineWriter {
  readonly #file: FileHandle;
  readonly #name: string;
  #sizeBytes = 0;
  #closed: Promise<void> | undefined;

  constructor(file: FileHandle, name: string) {
    this.#file = file;
    this.#name = name;
  }

  async write(lines: string): Promise<boolean> {
    const bytes = Buffer.from(lines);
    let done = 0;
    try {
      while (done < bytes.length) {
        done += (await this.#file.write(bytes, done)).bytesWritten;
      }
    } catch (error) {
      await this.#takeBack(done);
      throw brokenOutput(this.#name, error);
    }
    this.#sizeBytes += bytes.length;
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#file.close();
    await this.#closed;
  }

  async #takeBack(partBytes: number): Promise<void> {
    if (partBytes > 0) {
      // Devices and pipes cannot be cut; the error of the write itself is the one to tell.
      await this.#file.truncate(this.#sizeBytes).catch(() => undefined);
    }
  }
}

/** Lines on a stream that somebody else owns and closes: standard output. */
export class StreamLines implements LineWriter {
  readonly #stream: NodeJS.WritableStream;
  readonly #name: string;
  #failure: unknown;
  // An unheard `error` event would end the process.
  readonly #onError = (error: unknown): void => {
    this.#failure = error;
  };

  constructor(stream: NodeJS.WritableStream, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.on("error", this.#onError);
  }

  async write(lines: string): Promise<boolean> {
    const error = this.#failure ?? (await new Promise<unknown>((resolve) => this.#stream.write(lines, resolve)));
    if (isCode(error, "EPIPE") || isCode(error, "ERR_STREAM_DESTROYED")) {
      return false;
    }
    if (error !== undefined && error !== null) {
      throw brokenOutput(this.#name, error);
    }
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    // A failed stream reports its error after the write's own callback: stay to hear it.
    if (this.#failure === undefined) {
      setImmediate(() => this.#stream.off("error", this.#onError));
    }
    return Promise.resolve();
  }
}

function brokenOutput(name: string, error: unknown): VedetteError {
  const isFull = isCode(error, "ENOSPC") || isCode(error, "EDQUOT") || isCode(error, "EFBIG");
  return isFull
    ? new VedetteError("E_OUTPUT_FULL", { output: name }, { cause: error })
    : new VedetteError("E_OUTPUT_BROKEN", { output: name, reason: reasonOf(error) }, { cause: error });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function reasonOf(error: unknown): string {
  if (isCode(error, "ENOENT")) {
    return "its folder does not exist";
  }
  if (isCode(error, "EISDIR")) {
    return "it is a directory";
  }
  if (isCode(error, "EACCES") || isCode(error, "EPERM")) {
    return "permission denied";
  }
  return redactText(error instanceof Error ? error.message : String(error));
}
