import type { Clock } from "../contracts/clock.ts";
import type { Engine, EngineReply, EngineRequest } from "../contracts/engine.ts";
import type { Logger } from "../contracts/log.ts";
import type { InputSpec } from "../domain/model.ts";
import { VedetteError } from "../errors.ts";

/** What a fallback is made of. */
export interface FallbackOptions {
  /** Opens the engine that is preferred; called again, with growing pauses, while it fails. */
  readonly openPrimary: (signal: AbortSignal) => Promise<Engine>;
  /** Takes over meanwhile. Owned from here on. */
  readonly fallback: Engine;
  /** How long a frame waits for the preferred engine before the other one gets it. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const LONGEST_REST_MS = 4_000;

/**
 * An engine with a second one behind it (`--fallback onnx`): frames that the first fails go to the second, and the first
 * is used again as soon as it answers. Both take the same input. Starts also while the first cannot be opened.
 */
export class FallbackEngine implements Engine {
  readonly input: InputSpec;
  readonly #options: FallbackOptions;
  readonly #closing = new AbortController();
  #primary: Engine | undefined;
  #opening: Promise<void> = Promise.resolve();
  #usesFallback = false;
  /** A server that hangs costs every frame its patience: it is left alone until then. */
  #restUntilMs = -Infinity;
  #restMs = FIRST_PAUSE_MS;
  #disposal: Promise<void> | undefined;

  private constructor(options: FallbackOptions) {
    this.#options = options;
    this.input = options.fallback.input;
  }

  /** Tries the preferred engine once; goes on trying in the background when it cannot be opened now. */
  static async open(options: FallbackOptions, signal: AbortSignal): Promise<FallbackEngine> {
    const engine = new FallbackEngine(options);
    try {
      await engine.#tryOpening(signal);
    } catch (error) {
      if (signal.aborted || isMisfit(error)) {
        await engine[Symbol.asyncDispose]();
        throw error;
      }
      engine.#onFailure(error);
      engine.#opening = engine.#keepOpening();
    }
    return engine;
  }

  get description(): string {
    const { fallback } = this.#options;
    return `fallback: ${this.#primary?.description ?? "not reached yet"}; else ${fallback.description}`;
  }

  get parallelism(): number {
    return Math.max(this.#primary?.parallelism ?? 1, this.#options.fallback.parallelism);
  }

  /** Sizes that both take. */
  get batchSizes(): readonly number[] {
    const { batchSizes } = this.#options.fallback;
    return this.#primary === undefined ? batchSizes : batchSizes.filter((size) => this.#primary?.batchSizes.includes(size));
  }

  get wantsJpeg(): { readonly quality: number; readonly withPixels: boolean } | undefined {
    const wish = this.#primary?.wantsJpeg;
    return wish === undefined ? undefined : { ...wish, withPixels: true };
  }

  async infer(batch: readonly EngineRequest[], signal: AbortSignal): Promise<readonly EngineReply[]> {
    signal.throwIfAborted();
    const primary = this.#primary;
    if (primary !== undefined && this.#options.clock.monotonicMs() >= this.#restUntilMs && (primary.wantsJpeg === undefined || batch.every(({ jpeg }) => jpeg !== undefined))) {
      try {
        const replies = await this.#withPatience(primary, batch, signal);
        this.#onSuccess();
        return replies;
      } catch (error) {
        if (signal.aborted || this.#closing.signal.aborted) {
          throw error;
        }
        this.#rest(error);
        this.#onFailure(error);
      }
    }
    return this.#options.fallback.infer(batch, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= (async () => {
      this.#closing.abort(new VedetteError("E_STOPPED", { what: "the engine" }));
      await this.#opening;
      await Promise.all([this.#primary?.[Symbol.asyncDispose](), this.#options.fallback[Symbol.asyncDispose]()]);
    })();
    return this.#disposal;
  }

  async #withPatience(primary: Engine, batch: readonly EngineRequest[], signal: AbortSignal): Promise<readonly EngineReply[]> {
    const { clock, patienceMs } = this.#options;
    const late = new AbortController();
    const timer = clock.timer(patienceMs, () => late.abort(new VedetteError("E_ENGINE_TIMEOUT", { engine: "preferred engine", limit: `${patienceMs} ms` })));
    try {
      return await primary.infer(batch, AbortSignal.any([signal, late.signal]));
    } finally {
      timer[Symbol.dispose]();
    }
  }

  async #tryOpening(signal: AbortSignal): Promise<void> {
    const primary = await this.#options.openPrimary(signal);
    if (!takesTheSame(primary.input, this.input)) {
      await primary[Symbol.asyncDispose]();
      throw new VedetteError("E_CONFIG", { where: "fallback", reason: `expected both engines to take the same input, got ${describe(primary.input)} and ${describe(this.input)}` });
    }
    this.#primary = primary;
  }

  async #keepOpening(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; this.#primary === undefined; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        await this.#options.clock.sleep(pauseMs, this.#closing.signal);
        await this.#tryOpening(this.#closing.signal);
      } catch (error) {
        if (this.#closing.signal.aborted) {
          return;
        }
        if (isMisfit(error)) {
          this.#options.log.error("the preferred engine is not used", { reason: String(error) });
          return;
        }
      }
    }
  }

  #rest(error: unknown): void {
    if (error instanceof VedetteError && error.code === "E_ENGINE_TIMEOUT") {
      this.#restUntilMs = this.#options.clock.monotonicMs() + this.#restMs;
      this.#restMs = Math.min(LONGEST_REST_MS, this.#restMs * 2);
    }
  }

  #onFailure(error: unknown): void {
    if (!this.#usesFallback) {
      this.#usesFallback = true;
      this.#options.log.warn("fell back to the second engine", { engine: this.#options.fallback.description, reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #onSuccess(): void {
    this.#restMs = FIRST_PAUSE_MS;
    if (this.#usesFallback) {
      this.#usesFallback = false;
      this.#options.log.info("the preferred engine answers again", { engine: this.#primary?.description });
    }
  }
}

function isMisfit(error: unknown): boolean {
  return error instanceof VedetteError && error.code === "E_CONFIG";
}

function takesTheSame(a: InputSpec, b: InputSpec): boolean {
  return JSON.stringify({ ...a, name: "" }) === JSON.stringify({ ...b, name: "" });
}

function describe({ width, height, layout, color, type, fit }: InputSpec): string {
  return `${type} ${layout} ${color} ${width}×${height} (${fit})`;
}
