import { VedetteError, toVedetteError } from "../errors.ts";
import { ENGINES } from "../engines/index.ts";
import { resolveModel } from "../models/resolve.ts";
import { redactUrl } from "../runtime/redact.ts";
import type { EngineStore } from "./engine-store.ts";
import type { StreamRequest } from "./stream-request.ts";
import type { ChosenUseCase } from "./use-case.ts";
import type { ModelConfig, StreamConfig } from "../config/schema.ts";
import type { EngineKind, KindContext } from "../contracts/kinds.ts";
import type { Model } from "../domain/model.ts";

/** What building an analysis needs of the host. */
export interface AnalysisSurroundings {
  readonly models: Readonly<Record<string, string | ModelConfig>>;
  readonly engines: EngineStore;
  /** The file of a model known by name, downloaded when it has to be. */
  readonly named: (name: string) => Promise<string | undefined>;
  readonly context: KindContext;
  /** Waits for model servers that are not up yet. */
  readonly isDaemon: boolean;
  readonly signal: AbortSignal;
}

/** What a stream's configuration says about its analysis. */
export type Analyse = NonNullable<StreamConfig["analyse"]>;

/** A kind of engine with its configuration, as parsed. */
export interface ChosenEngine {
  readonly kind: EngineKind;
  readonly config: unknown;
}

/** For `JSON.stringify`: kinds hold functions and schemas: their name is enough of a key. */
export function withoutFunctions(key: string, value: unknown): unknown {
  return key === "kind" && typeof value === "object" && value !== null ? (value as EngineKind).kind : value;
}

/** The model of that name, file or manifest, or what the engine's server says about it. Throws as `resolveModel` does. */
export async function resolveNamed(name: string, analyse: Analyse, useCase: ChosenUseCase, request: StreamRequest, around: AnalysisSurroundings, { kind, config }: ChosenEngine): Promise<Model> {
  const configured = around.models[name];
  const said: ModelConfig = typeof configured === "string" ? { file: configured } : (configured ?? {});
  const { file, ...flags } = {
    ...(useCase.task === undefined ? {} : { task: useCase.task }),
    ...said,
    ...request.model,
    ...(analyse.threshold === undefined ? {} : { threshold: analyse.threshold }),
  };
  const { context, signal, named } = around;
  const served = kind.ask && ((asked: string) => askPatiently(() => kind.ask?.(config as never, asked, context, signal) ?? Promise.resolve("findings" as const), around));
  return resolveModel(file ?? name, flags, { baseDir: context.baseDir, named, ...(served === undefined ? {} : { served }) });
}

/** The kind and configuration behind an engine's address or description. */
export function engineOf(given: Analyse["engine"], { executors }: Pick<Analyse, "executors">, { engineOverrides }: Pick<StreamRequest, "engineOverrides">): ChosenEngine {
  const extra = { ...engineOverrides, ...(executors === undefined ? {} : { executors }) };
  for (const kind of ENGINES) {
    const input = typeof given === "string" ? kind.fromAddress(given) : (given as { kind: string }).kind === kind.kind ? given : undefined;
    if (input !== undefined) {
      const parsed = kind.schema.safeParse({ ...(input as object), ...extra });
      if (!parsed.success) {
        throw new VedetteError("E_CONFIG", { where: `engine ${kind.kind}`, reason: parsed.error.issues[0]?.message ?? "not valid" });
      }
      return { kind, config: parsed.data };
    }
  }
  const expected = ENGINES.flatMap((kind) => kind.addresses).join(", ");
  const shown = typeof given === "string" ? redactUrl(given) : JSON.stringify(given);
  throw new VedetteError("E_USAGE", { reason: `unknown engine ${shown}, expected ${expected}` });
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** A daemon waits for a model server that is not up yet, as it does for cameras; a command in the foreground says so and ends. */
export async function askPatiently<T>(ask: () => Promise<T>, { isDaemon, context, signal }: Pick<AnalysisSurroundings, "isDaemon" | "context" | "signal">): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await ask();
    } catch (error) {
      const known = toVedetteError(error);
      if (!isDaemon || !known.retryable || signal.aborted) {
        throw known;
      }
      context.log.warn(`${known.message}; tried again in ${pauseMs} ms`);
      await context.clock.sleep(pauseMs, signal);
    }
  }
}
