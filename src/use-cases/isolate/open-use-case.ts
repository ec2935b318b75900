import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Transferable } from "node:worker_threads";
import type { Clock } from "../../contracts/clock.ts";
import type { InputPixels } from "../../contracts/frame.ts";
import type { Logger } from "../../contracts/log.ts";
import type { OverlayShape } from "../../contracts/rule.ts";
import type { Tensor } from "../../domain/model.ts";
import type { Finding, Result } from "../../domain/result.ts";
import { VedetteError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { checkFinding, checkHints, checkShapes, type Checked } from "./check-answer.ts";
import { GuardedUseCase } from "./guarded-use-case.ts";
import type { UseCaseHints } from "../authoring.ts";
import type { Hook } from "./messages.ts";
import { rawTensors } from "./raw-interpreter.ts";

/** How a use case is opened. */
export interface UseCaseOptions {
  readonly log: Logger;
  readonly clock?: Clock;
  /** For loading the file; 1000 when left out. */
  readonly loadMs?: number;
  /** For one call; 250 when left out. */
  readonly callMs?: number;
}

/**
 * A user's file at work in a thread of its own. Only what the file exports is there. Calls reject with `E_USE_CASE` (file
 * and line included) when the code throws, takes too long, dies or answers nonsense; that has been logged then, and the
 * caller goes on without. After repeated failures calls reject at once for a while.
 */
export interface OpenUseCase extends AsyncDisposable {
  readonly name: string;
  /** What the file asks for where nobody says otherwise. */
  readonly hints: UseCaseHints;
  /** Changes the pixels in place, without a copy when they lie on shared memory. */
  readonly prepare?: (pixels: InputPixels) => Promise<void>;
  /** `finding`: raw outputs, from an engine opened with `rawInterpreterModule`. Their memory is handed over. */
  readonly interpret?: (finding: Finding, pixels: InputPixels) => Promise<Finding>;
  readonly draw?: (result: Result) => Promise<readonly OverlayShape[]>;
  readonly onResult?: (result: Result) => Promise<void>;
}

const ENDINGS = /\.[cm]?[jt]s$/;

/** Whether a `--use-case` names a file, not one of the built-in ones. */
export function isUseCaseFile(name: string): boolean {
  return ENDINGS.test(name);
}

/** Loads a use case. Throws `E_USE_CASE` when the file is missing, cannot be loaded or exports nothing of use. */
export async function openUseCase(path: string, options: UseCaseOptions): Promise<OpenUseCase> {
  const file = resolve(path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw new VedetteError("E_USE_CASE", { where: path, reason: "no such file" });
  }
  if (!isUseCaseFile(file)) {
    throw new VedetteError("E_USE_CASE", { where: path, reason: "expected a .ts or .js file" });
  }
  const name = basename(file);
  const { log, clock = systemClock, loadMs = 1_000, callMs = 250 } = options;
  const guarded = new GuardedUseCase(file, { loadMs, callMs }, clock, log.with({ useCase: name }));
  const loaded = await guarded.open();
  const hints = checkHints(loaded.hints);
  if ("wrong" in hints) {
    await guarded[Symbol.asyncDispose]();
    throw new VedetteError("E_USE_CASE", { where: name, reason: hints.wrong });
  }
  const has = (hook: Hook): boolean => loaded.hooks.includes(hook);
  return {
    name,
    hints: hints.value,
    ...(has("prepare") ? { prepare: (pixels: InputPixels) => prepare(guarded, pixels) } : {}),
    ...(has("interpret") ? { interpret: (finding: Finding, pixels: InputPixels) => interpret(guarded, finding, pixels) } : {}),
    ...(has("draw") ? { draw: (result: Result) => draw(guarded, result) } : {}),
    ...(has("onResult") ? { onResult: (result: Result) => onResult(guarded, result) } : {}),
    [Symbol.asyncDispose]: () => guarded[Symbol.asyncDispose](),
  };
}

async function prepare(guarded: GuardedUseCase, pixels: InputPixels): Promise<void> {
  const isShared = pixels.data.buffer instanceof SharedArrayBuffer;
  const data = isShared ? pixels.data : new Uint8Array(new SharedArrayBuffer(pixels.data.length));
  if (!isShared) {
    data.set(pixels.data);
  }
  await guarded.call("prepare", [{ ...pixels, data }], (value): Checked<undefined> => {
    if (value === undefined) {
      pixels.data.set(data);
    } else if (value instanceof Uint8Array && value.length === pixels.data.length) {
      pixels.data.set(value);
    } else {
      return { wrong: `expected nothing or a Uint8Array of ${pixels.data.length} bytes` };
    }
    return { value: undefined };
  });
}

function interpret(guarded: GuardedUseCase, finding: Finding, pixels: InputPixels): Promise<Finding> {
  const tensors = rawTensors(finding).map(withOwnMemory);
  return guarded.call("interpret", [tensors, pixels.geometry], checkFinding, tensors.flatMap(memoryOf));
}

function draw(guarded: GuardedUseCase, result: Result): Promise<readonly OverlayShape[]> {
  return guarded.call("draw", [result, { width: result.width, height: result.height }], checkShapes);
}

function onResult(guarded: GuardedUseCase, result: Result): Promise<void> {
  return guarded.call("onResult", [result], () => ({ value: undefined }));
}

/** Frames of one batch share memory, and handing over one's part would take it from the others. */
function withOwnMemory(tensor: Tensor): Tensor {
  const { data } = tensor;
  return ArrayBuffer.isView(data) && data.byteLength !== data.buffer.byteLength ? { ...tensor, data: data.slice() } : tensor;
}

function memoryOf({ data }: Tensor): readonly Transferable[] {
  return ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer ? [data.buffer] : [];
}
