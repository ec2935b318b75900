import { dirname, resolve } from "node:path";
import { EngineStore } from "./engine-store.ts";
import { EventKeepers } from "./event-keepers.ts";
import { createOutput, createSource } from "./addresses.ts";
import { buildAnalysis } from "./analysis-plan.ts";
import { namedModels } from "../models/store.ts";
import { Stream } from "../pipeline/stream.ts";
import { createRules } from "../rules/create-rules.ts";
import { supervise } from "../runtime/supervisor.ts";
import { TRACKERS } from "../trackers/index.ts";
import type { Retention } from "../events/event-store.ts";
import type { StreamRequest } from "./stream-request.ts";
import type { ModelConfig, StreamConfig } from "../config/schema.ts";
import type { Clock } from "../contracts/clock.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { Logger } from "../contracts/log.ts";
import type { Source } from "../contracts/source.ts";
import type { Tracker } from "../contracts/tracker.ts";
import type { StreamSnapshot } from "../pipeline/stats.ts";

/** What a host needs of its process. */
export interface HostOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Folder that relative paths start from. */
  readonly baseDir: string;
  readonly dataDir: string;
  readonly allowAnonymous: boolean;
  /** A daemon waits for cameras that are not there yet; a command in the foreground says so and ends. */
  readonly isDaemon?: boolean;
  /** Told when a model has to be downloaded first, and how far that is. */
  readonly download?: NonNullable<Parameters<typeof namedModels>[0]>;
  /** How long events are kept. */
  readonly eventRetention?: Retention;
  /** Models by name, from the configuration. */
  readonly models?: Readonly<Record<string, string | ModelConfig>>;
}

/**
 * Runs streams in this process: the composition root, where kinds become running things. Models are shared between
 * streams; a stream that fails stops none of the others.
 */
export class Host implements AsyncDisposable {
  readonly #options: HostOptions;
  readonly #engines: EngineStore;
  readonly #keepers: EventKeepers;
  readonly #descriptions = new Map<string, string>();
  readonly #streams = new Map<string, Stream>();

  constructor(options: HostOptions) {
    this.#options = options;
    this.#engines = new EngineStore();
    this.#keepers = new EventKeepers(options);
  }

  /** Checks and creates everything one stream needs; loads its model. Nothing of it is connected yet. */
  async prepare(name: string, request: StreamRequest, signal: AbortSignal = new AbortController().signal): Promise<Stream> {
    const { clock, log, baseDir, dataDir, allowAnonymous } = this.#options;
    const { config } = request;
    const context: KindContext = { stream: name, clock, log: log.with({ stream: name }), baseDir, dataDir, allowAnonymous };
    const source = request.source ?? await createSource(config.source, request.sourceOverrides ?? {}, context);
    const outputs = await Promise.all(config.outputs.map((output) => createOutput(output, request.outputOverrides ?? {}, context)));
    const named = namedModels({ signal, ...this.#options.download });
    const analysis = await buildAnalysis(config, request, { models: this.#options.models ?? {}, engines: this.#engines, named, context, isDaemon: this.#options.isDaemon === true, signal });
    const labels = analysis.labels;
    const stream = new Stream(
      {
        name,
        source: this.#keepOpen(source, context),
        analysis: analysis.plan,
        useCase: analysis.useCase,
        tracker: createTracker(config.track),
        rules: createRules(config.rules as never, { stream: name, labels }),
        drawers: request.drawers ?? analysis.drawers,
        outputs,
        keepers: this.#keepers.of(config, context),
        pictureSink: request.pictureSink,
        buffer: { capacity: config.buffer.frames, whenFull: config.buffer.drop === "none" ? "wait" : `drop-${config.buffer.drop}` },
        encode: {
          codec: config.encode.codec,
          bitrateBps: config.encode.bitrate,
          quality: config.encode.quality,
          size: config.encode.size,
          gopFrames: config.encode.gop,
          hwaccel: config.hwaccel,
        },
        hwaccel: config.hwaccel,
        limitFrames: request.limitFrames ?? Infinity,
      },
      { clock, log },
    );
    this.#streams.set(name, stream);
    this.#descriptions.set(name, [source.name, analysis.description, ...outputs.map((output) => output.name)].join(" → "));
    return stream;
  }

  /** One line about a stream: where it comes from, what looks at it, where it goes. */
  describe(name: string): string {
    return this.#descriptions.get(name) ?? name;
  }

  snapshots(): readonly StreamSnapshot[] {
    return [...this.#streams.values()].map((stream) => stream.snapshot());
  }

  /** Cameras that go away come back by themselves; what waits for peers, files and generators need nobody for that. */
  #keepOpen(source: Source, { clock, log }: KindContext): Source {
    if (source.waitsForPeers === true || source.isLocal === true) {
      return source;
    }
    const isDaemon = this.#options.isDaemon === true;
    const options = { clock, log, random: Math.random, onPermanent: isDaemon ? "wait" : "fail", firstOpen: isDaemon ? "retry" : "fail" } as const;
    return { name: source.name, open: (signal) => supervise(source, options, signal) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#keepers[Symbol.dispose]();
    await this.#engines[Symbol.asyncDispose]();
  }
}

/** The host's options for a configuration file: paths in it are relative to its folder. */
export function baseDirOf(configFile: string): string {
  return dirname(resolve(configFile));
}

function createTracker(config: StreamConfig["track"]): Tracker | undefined {
  const kind = TRACKERS.find((candidate) => candidate.kind === (config as { kind: string } | undefined)?.kind);
  return kind?.create(config as never);
}
