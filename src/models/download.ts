import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { VedetteError } from "../errors.ts";
import { redactUrl } from "../runtime/redact.ts";
import type { FileHandle } from "node:fs/promises";
import type { Hash } from "node:crypto";

/** What may be injected and listened to. */
export interface DownloadOptions {
  readonly fetch?: typeof globalThis.fetch;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** A server that sends nothing for so long is given up; 30 s by default. */
  readonly silenceMs?: number;
}

/** How far a download is. */
export interface DownloadProgress {
  readonly name: string;
  readonly url: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

/** A file to be downloaded: known to the byte. */
export interface Wanted {
  readonly name: string;
  /** Where it goes; `PATH.part` holds it until it is whole and right. */
  readonly path: string;
  readonly urls: readonly string[];
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** How often one address is asked again after its connection broke without having brought a single byte. */
const FRUITLESS_TRIES = 2;
const LFS_POINTER = "version https://git-lfs";

/** Why one address did not serve. `isCut`: the connection broke, so what came so far is good. */
class Refused extends Error {
  readonly isCut: boolean;
  /** The digest of what came, when that was wrong. */
  readonly got: string | undefined;

  constructor(message: string, details: { readonly isCut?: boolean; readonly got?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.isCut = details.isCut ?? false;
    this.got = details.got;
  }
}

/**
 * Brings a file from the first of its addresses that has it. Goes on where an earlier try stopped (HTTP range requests),
 * follows redirects, holds size and SHA-256 against what is wanted, and puts the file in place in one step after it has
 * reached the disk. Throws `E_MODEL_DIGEST` when the wrong file came last, `E_MODEL_DOWNLOAD` otherwise, with every
 * address and its reason; `E_OUTPUT_FULL` and `E_OUTPUT_UNWRITABLE` for the disk.
 */
export async function download(wanted: Wanted, options: DownloadOptions): Promise<void> {
  const reasons: string[] = [];
  let wrong: { readonly url: string; readonly got: string } | undefined;
  for (const url of wanted.urls) {
    try {
      await fromAddress(wanted, url, options);
      await putInPlace(wanted.path);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof Refused)) {
        throw diskError(wanted.path, error);
      }
      wrong = error.got === undefined ? wrong : { url: redactUrl(url), got: error.got };
      reasons.push(`${redactUrl(url)}: ${error.message}`);
    }
  }
  if (wrong !== undefined && reasons.length === 1) {
    throw new VedetteError("E_MODEL_DIGEST", { ...wrong, expected: wanted.sha256 });
  }
  throw new VedetteError("E_MODEL_DOWNLOAD", { model: wanted.name, reason: reasons.join("; ") });
}

/** Asks one address again as long as every try brings something. */
async function fromAddress(wanted: Wanted, url: string, options: DownloadOptions): Promise<void> {
  const part = `${wanted.path}.part`;
  for (let fruitless = 0; ; ) {
    const before = await sizeOf(part);
    try {
      await attempt(wanted, url, before, options);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof Refused)) {
        throw error;
      }
      if (!error.isCut) {
        await rm(part, { force: true });
      }
      // A wrong digest after going on may be the fault of the first part: once more, from the start.
      const mayRetry = error.isCut || (error.got !== undefined && before > 0);
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
      if (!mayRetry || fruitless > FRUITLESS_TRIES) {
        throw error;
      }
    }
  }
}

async function attempt(wanted: Wanted, url: string, have: number, options: DownloadOptions): Promise<void> {
  const part = `${wanted.path}.part`;
  let start = have > wanted.sizeBytes ? 0 : have;
  const hash = createHash("sha256");
  const watch = new SilenceWatch(options.silenceMs ?? 30_000, options.signal);
  try {
    if (start < wanted.sizeBytes) {
      const response = await request(url, start, options.fetch ?? globalThis.fetch, watch.signal);
      start = startOf(response, start);
      await using file = await open(part, start > 0 ? "r+" : "w");
      await hashFile(part, start, hash);
      await receive(response, file, start, hash, wanted, (receivedBytes) => {
        watch.heard();
        options.onProgress?.({ name: wanted.name, url, receivedBytes, totalBytes: wanted.sizeBytes });
      });
      await file.sync();
    } else {
      await hashFile(part, start, hash);
    }
  } catch (error) {
    throw isDiskError(error) || error instanceof Refused ? error : new Refused(reasonOf(error, watch.isSilent), { isCut: true, cause: error });
  } finally {
    watch[Symbol.dispose]();
  }
  const got = hash.digest("hex");
  if (got !== wanted.sha256) {
    throw new Refused(`SHA-256 is ${got}, expected ${wanted.sha256}`, { got });
  }
}

async function request(url: string, start: number, fetch: typeof globalThis.fetch, signal: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { "accept-encoding": "identity", ...(start > 0 ? { range: `bytes=${start}-` } : {}) };
  const response = await fetch(url, { signal, redirect: "follow", headers });
  if (!response.ok) {
    await response.body?.cancel();
    // A part longer than what the server has is not a part of it.
    throw new Refused(response.status === 416 ? "the server has a shorter file" : `HTTP ${response.status}${response.statusText === "" ? "" : ` ${response.statusText}`}`);
  }
  return response;
}

/** Where the body starts: servers may ignore a range and send everything. */
function startOf(response: Response, asked: number): number {
  if (response.status !== 206) {
    return 0;
  }
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (Number(start) !== asked) {
    throw new Refused(`the server answered with another range than ${asked}-`);
  }
  return asked;
}

async function receive(response: Response, file: FileHandle, start: number, hash: Hash, wanted: Wanted, onBytes: (received: number) => void): Promise<void> {
  let received = start;
  let head = "";
  await file.truncate(start);
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array; // A fetch body gives bytes.
    if (start === 0 && head.length < LFS_POINTER.length) {
      head += new TextDecoder("latin1").decode(bytes.subarray(0, LFS_POINTER.length));
      refusePointer(head);
    }
    if (received + bytes.length > wanted.sizeBytes) {
      throw new Refused(`more than the ${wanted.sizeBytes} bytes that it should be`);
    }
    await file.write(bytes, 0, bytes.length, received);
    hash.update(bytes);
    received += bytes.length;
    onBytes(received);
  }
  if (received < wanted.sizeBytes) {
    const announced = Number(response.headers.get("content-length") ?? NaN);
    const isWhole = start + announced === received;
    throw new Refused(`ended after ${received} of ${wanted.sizeBytes} bytes`, { isCut: !isWhole });
  }
}

function refusePointer(head: string): void {
  if (head.startsWith(LFS_POINTER)) {
    throw new Refused("a Git LFS pointer instead of the file");
  }
}

async function hashFile(path: string, bytes: number, hash: Hash): Promise<void> {
  if (bytes === 0) {
    return;
  }
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) {
    hash.update(chunk as Buffer); // A stream without an encoding gives buffers.
  }
}

async function putInPlace(path: string): Promise<void> {
  await rename(`${path}.part`, path);
  // The name reaches the disk with its folder; Windows cannot open folders, and does not need it.
  if (process.platform !== "win32") {
    await using folder = await open(dirname(path));
    await folder.sync();
  }
}

/** Aborts a request that has gone silent, or whose user gave up. */
class SilenceWatch implements Disposable {
  readonly #controller = new AbortController();
  readonly #silenceMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: NodeJS.Timeout | undefined;
  /** True once it has aborted for silence. */
  isSilent = false;

  constructor(silenceMs: number, outer: AbortSignal | undefined) {
    this.#silenceMs = silenceMs;
    this.#outer = outer;
    outer?.throwIfAborted();
    outer?.addEventListener("abort", this.#onAbort, { once: true });
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came: starts counting again. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isSilent = true;
      this.#controller.abort(new Error("silent"));
    }, this.#silenceMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }
}

function reasonOf(error: unknown, isSilent: boolean): string {
  if (isSilent) {
    return "the server went silent";
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  return `connection broken (${message})`;
}

/** Errors of node:fs name the call; those of sockets that fail while reading are another thing. */
function isDiskError(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException; // Only looked at; undefined for other errors.
  return error instanceof Error && ["open", "write", "fsync", "ftruncate", "rename"].includes(syscall ?? "");
}

function diskError(path: string, error: unknown): Error {
  if (error instanceof VedetteError || !(error instanceof Error)) {
    return new VedetteError("E_INTERNAL", { reason: String(error) }, { cause: error });
  }
  return (error as NodeJS.ErrnoException).code === "ENOSPC" // Errors of node:fs carry a code.
    ? new VedetteError("E_OUTPUT_FULL", { output: path }, { cause: error })
    : new VedetteError("E_OUTPUT_UNWRITABLE", { output: path, reason: error.message }, { cause: error });
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then((info) => info.size, () => 0);
}
