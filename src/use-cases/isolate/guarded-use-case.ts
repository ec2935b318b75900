import { basename } from "node:path";
import type { Transferable } from "node:worker_threads";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import { toVedetteError, VedetteError } from "../../errors.ts";
import type { Checked } from "./check-answer.ts";
import type { Hook } from "./messages.ts";
import { UseCaseThread, type Budgets, type Loaded } from "./use-case-thread.ts";

/** Failures in a row before the use case is left alone for a while. */
const PATIENCE = 3;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A failure that keeps happening is logged once in this time. */
const REPEAT_MS = 10_000;

/**
 * A use case that may fail: calls go to its thread one after the other, a thread that ended is started again with the
 * next call, failures are logged without flooding, and after several in a row it has a pause.
 */
export class GuardedUseCase implements AsyncDisposable {
  readonly #file: string;
  readonly #budgets: Budgets;
  readonly #clock: Clock;
  readonly #log: Logger;
  #thread: UseCaseThread | undefined;
  /** End of the line: each call waits for the one before. */
  #turn: Promise<unknown> = Promise.resolve();
  #failures = 0;
  #pausedUntilMs = -Infinity;
  #lastLogged = { text: "", atMs: -Infinity, more: 0 };
  #disposal: Promise<void> | undefined;

  constructor(file: string, budgets: Budgets, clock: Clock, log: Logger) {
    this.#file = file;
    this.#budgets = budgets;
    this.#clock = clock;
    this.#log = log;
  }

  /** Loads the file. Throws `E_USE_CASE`. */
  async open(): Promise<Loaded> {
    const [thread, loaded] = await UseCaseThread.start(this.#file, this.#budgets, this.#clock, this.#log, (error) => this.#report(error));
    this.#thread = thread;
    return loaded;
  }

  /** Calls a function in its turn and checks what it returns. Throws `E_USE_CASE`. */
  call<T>(hook: Hook, args: readonly unknown[], check: (value: unknown) => Checked<T>, transfer: readonly Transferable[] = []): Promise<T> {
    const result = this.#turn.then(() => this.#callNow(hook, args, check, transfer));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= (async () => {
      await this.#thread?.[Symbol.asyncDispose]();
      // Calls that were waiting find the use case closed.
      await this.#turn;
      await this.#thread?.[Symbol.asyncDispose]();
    })();
    return this.#disposal;
  }

  async #callNow<T>(hook: Hook, args: readonly unknown[], check: (value: unknown) => Checked<T>, transfer: readonly Transferable[]): Promise<T> {
    if (this.#isClosing()) {
      throw this.#error("the use case is closed");
    }
    if (this.#clock.monotonicMs() < this.#pausedUntilMs) {
      throw this.#error(`left alone for a while after ${this.#failures} failures: ${this.#lastLogged.text}`);
    }
    try {
      if (this.#thread?.isAlive !== true) {
        await this.open();
      }
      const value = await this.#thread?.call(hook, args, transfer, this.#budgets.callMs);
      const checked = check(value);
      if ("wrong" in checked) {
        throw this.#error(`${hook} returned something else than expected: ${checked.wrong}`);
      }
      this.#failures = 0;
      return checked.value;
    } catch (error) {
      if (this.#isClosing()) {
        throw this.#error("the use case is closed");
      }
      const known = toVedetteError(error);
      this.#noteFailure(known);
      throw known;
    }
  }

  #isClosing(): boolean {
    return this.#disposal !== undefined;
  }

  #noteFailure(error: VedetteError): void {
    this.#failures += 1;
    this.#report(error);
    const beyond = this.#failures - PATIENCE;
    if (beyond >= 0) {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** beyond);
      this.#pausedUntilMs = this.#clock.monotonicMs() + pauseMs;
      this.#log.warn(`${this.#failures} failures in a row: left alone for ${pauseMs / 1000} s`);
    }
  }

  #report(error: VedetteError): void {
    const now = this.#clock.monotonicMs();
    const { text, atMs, more } = this.#lastLogged;
    if (text === error.message && now - atMs < REPEAT_MS) {
      this.#lastLogged = { text, atMs, more: more + 1 };
      return;
    }
    this.#lastLogged = { text: error.message, atMs: now, more: 0 };
    this.#log.warn(error.message, more > 0 ? { repeatedBefore: more } : {});
  }

  #error(reason: string): VedetteError {
    return new VedetteError("E_USE_CASE", { where: basename(this.#file), reason });
  }
}
