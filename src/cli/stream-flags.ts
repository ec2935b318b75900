import { parseStream } from "../config/load.ts";
import { parseInputFlags } from "../models/input-flags.ts";
import { usage } from "./report-error.ts";
import { parseLineFlag, parseZoneFlag } from "../rules/flags.ts";
import type { StreamRequest } from "../daemon/stream-request.ts";

/** The flags that describe one stream. */
export interface StreamFlags {
  readonly model?: string;
  readonly task?: NonNullable<StreamRequest["model"]>["task"];
  readonly family?: string;
  readonly labels?: string;
  readonly threshold?: number;
  readonly inputSize?: string;
  readonly layout?: string;
  readonly color?: string;
  readonly normalise?: string;
  readonly fit?: string;
  readonly useCase?: string;
  readonly gate?: string;
  readonly engine?: string;
  readonly fallback?: string;
  readonly fallbackAfter?: number;
  readonly shadow?: string;
  readonly shadowModel?: string;
  readonly engineModel?: string;
  readonly engineTokenEnv?: string;
  readonly clientBatch?: number;
  readonly binaryInput?: boolean;
  readonly executors?: number;
  readonly batch?: number;
  readonly maxBatchDelay?: number;
  readonly buffer?: number;
  readonly drop?: "oldest" | "newest" | "none";
  readonly fps?: number;
  readonly maxAge?: number;
  readonly hwaccel?: string;
  readonly track?: string | boolean;
  readonly line?: readonly string[];
  readonly zone?: readonly string[];
  readonly to?: readonly string[];
  readonly clips?: string;
  readonly preRoll?: number;
  readonly postRoll?: number;
  readonly record?: string;
  readonly view?: "original" | "annotated";
  readonly codec?: "h264" | "h265";
  readonly bitrate?: string;
  readonly quality?: number;
  readonly maxRate?: string;
  readonly size?: string;
  readonly limitFrames?: number;
  readonly loop?: boolean;
  readonly realtime?: boolean;
}

/** The same words as in the configuration file, from flags: what is not said stays with the schema's defaults. */
export function streamFromFlags(name: string, source: string, flags: StreamFlags): StreamRequest {
  checkNumbers(flags);
  const analyse = given({
    model: flags.model,
    engine: flags.engine,
    fallback: flags.fallback,
    fallbackAfterMs: flags.fallbackAfter,
    shadow: flags.shadow,
    shadowModel: flags.shadowModel,
    threshold: flags.threshold,
    fps: flags.fps,
    maxAgeMs: flags.maxAge,
    executors: flags.executors,
    batch: flags.batch,
    maxBatchDelayMs: flags.maxBatchDelay,
    useCase: flags.useCase,
    gate: flags.gate,
  });
  const config = given({
    source,
    analyse: flags.model === undefined && flags.useCase === undefined ? undefined : analyse,
    track: trackOf(flags),
    rules: [...(flags.line ?? []).map(parseLineFlag), ...(flags.zone ?? []).map(parseZoneFlag)],
    events: flags.clips === undefined ? undefined : { clips: given({ folder: flags.clips, preS: flags.preRoll, postS: flags.postRoll }) },
    outputs: flags.record === undefined ? flags.to : [...(flags.to ?? []), { kind: "record", folder: flags.record }],
    encode: given({ codec: flags.codec, bitrate: flags.bitrate, quality: flags.quality, size: flags.size }),
    buffer: given({ frames: flags.buffer, drop: flags.drop }),
    hwaccel: flags.hwaccel,
  });
  return {
    config: parseStream(name, config),
    model: given({ task: flags.task, family: flags.family, labels: flags.labels, threshold: flags.threshold, input: parseInputFlags(flags) }),
    sourceOverrides: given({ loop: flags.loop, realtime: flags.realtime, size: flags.size, fps: flags.fps }),
    outputOverrides: given({ view: flags.view, quality: flags.quality, maxRate: flags.maxRate }),
    engineOverrides: given({ binaryInput: flags.binaryInput, model: flags.engineModel, tokenEnv: flags.engineTokenEnv, clientBatch: flags.clientBatch }),
    limitFrames: flags.limitFrames ?? Infinity,
  };
}

/** Rules about objects need identities: a line or zone brings the default tracker along. */
function trackOf(flags: StreamFlags): { kind: string } | undefined {
  if (typeof flags.track === "string") {
    return { kind: flags.track };
  }
  const needsTracks = flags.track === true || (flags.line?.length ?? 0) > 0 || (flags.zone?.length ?? 0) > 0;
  return needsTracks ? { kind: "bytetrack" } : undefined;
}

function checkNumbers(flags: StreamFlags): void {
  for (const [name, value] of Object.entries(flags)) {
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw usage(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: expected a number`);
    }
  }
}

function given<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
