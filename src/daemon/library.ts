import { Host } from "./host.ts";
import { defaultDataDir } from "./data-dir.ts";
import { parseStream } from "../config/load.ts";
import { createOverlay } from "../drawing/overlay.ts";
import { VedetteError } from "../errors.ts";
import { systemClock } from "../runtime/clock.ts";
import { silentLogger } from "../runtime/log.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { Logger } from "../contracts/log.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";
import type { OverlayOptions } from "../drawing/overlay.ts";
import type { Stream } from "../pipeline/stream.ts";
import type { StreamSnapshot } from "../pipeline/stats.ts";

/**
 * One part of a pipeline: plain data, made and configured in one expression. Its place follows from what it is, so parts
 * may be kept in variables, reused, added and left out freely.
 */
export interface Element {
  /** What the part does in the pipeline. */
  readonly role: "source" | "analyse" | "track" | "rule" | "draw" | "output" | "settings";
  /** The part's settings, in the words of the configuration file; an address for sources and outputs. */
  readonly config: unknown;
}

type Settings = Readonly<Record<string, unknown>>;
/** Points as shares of the picture (0…1), from its top left corner. */
export type RelativePoints = readonly (readonly [x: number, y: number])[];

/** Any source: an address (`rtsp://…`, a path, `device:0`, `scene:street`) or a configured kind. */
export function source(config: string | Settings): Element {
  return { role: "source", config };
}

/** A recording. `loop` begins again at its end; `realtime` reads it at its own speed. */
export function file(path: string, options: { readonly loop?: boolean; readonly realtime?: boolean } = {}): Element {
  return source({ kind: "file", path, ...options });
}

/** A camera or server that speaks RTSP. */
export function rtsp(url: string): Element {
  return source(url);
}

/** A camera of this machine. */
export function device(index = 0): Element {
  return source(`device:${index}`);
}

/** Runs a network on the frames: a catalogue name, weights or manifest. */
export function infer(model: string, options: Settings = {}): Element {
  return { role: "analyse", config: { model, ...options } };
}

/** A built-in use case (`motion`, `invert`, …) or the path of a user's own. */
export function useCase(name: string): Element {
  return { role: "analyse", config: { useCase: name } };
}

/** Gives objects identities over time. */
export function track(kind = "bytetrack", options: Settings = {}): Element {
  return { role: "track", config: { kind, ...options } };
}

/** A rule: `rule({ kind: "line", name: "door", points: … })`. */
export function rule(config: Settings): Element {
  return { role: "rule", config };
}

/** Counts who crosses a line. */
export function lineRule(name: string, points: RelativePoints, options: Settings = {}): Element {
  return rule({ kind: "line", name, points, ...options });
}

/** Watches who enters, leaves and waits in a polygon. */
export function zoneRule(name: string, points: RelativePoints, options: Settings = {}): Element {
  return rule({ kind: "zone", name, points, ...options });
}

/** Draws results onto the annotated view. */
export function overlay(options: OverlayOptions = {}): Element {
  return { role: "draw", config: createOverlay(options) };
}

/** Any output: an address (`out.mp4`, `results.jsonl`, `http://…`) or a configured kind. */
export function output(config: string | Settings): Element {
  return { role: "output", config };
}

/** Records into an MP4 or MKV file. */
export function recorder(path: string): Element {
  return output(path);
}

/** Serves the view over RTSP: `rtspServer(":8554/ds")`. */
export function rtspServer(address: string): Element {
  return output(`rtsp://${withHost(address)}`);
}

/** Serves a page with the live picture: `mjpegServer(":8080")`. */
export function mjpegServer(address = ":8080"): Element {
  return output(`http://${withHost(address)}`);
}

/** Further settings of the stream, as the configuration file has them: `encode`, `buffer`, `hwaccel`. */
export function settings(config: Settings): Element {
  return { role: "settings", config };
}

/** Settings of {@link pipeline} that concern the whole of it. */
export interface PipelineOptions {
  readonly name?: string;
  readonly log?: Logger;
  readonly dataDir?: string;
  /** Let listeners beyond loopback go without credentials. */
  readonly allowAnonymous?: boolean;
}

/** A running pipeline. Disposing it stops reading, finishes the outputs and waits for the end. */
export interface App extends AsyncDisposable {
  /** Every result, in order. Frames wait for a reader that is slow, where the source can wait. */
  results(): AsyncIterable<Result>;
  events(): AsyncIterable<RuleEvent>;
  /** The numbers at this moment. */
  snapshot(): StreamSnapshot;
  /** Resolves at the end; rejects with what ended it. */
  readonly finished: Promise<StreamSnapshot>;
  /** Asks it to end; `finished` tells when it has. */
  stop(): void;
}

/**
 * Links the parts into a running pipeline: a source, and whatever is wanted of analysis, tracker, rules, overlay and
 * outputs. It starts after the caller's next step, so that `results()` called right away misses nothing. Throws a coded
 * error when a part's settings are wrong or a model cannot be loaded.
 */
export async function pipeline(...parts: readonly (Element | PipelineOptions)[]): Promise<App> {
  const elements = parts.filter((part) => "role" in part);
  const options = Object.assign({}, ...parts.filter((part) => !("role" in part))) as PipelineOptions;
  const { name = "main", log = silentLogger, dataDir = defaultDataDir(), allowAnonymous = false } = options;
  const host = new Host({ clock: systemClock, log, baseDir: process.cwd(), dataDir, allowAnonymous });
  try {
    const drawers = elements.filter(({ role }) => role === "draw").map(({ config }) => config as Drawer);
    const stream = await host.prepare(name, { config: parseStream(name, toConfig(elements)), ...(drawers.length > 0 ? { drawers } : {}) });
    return run(stream, host);
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

function run(stream: Stream, host: Host): App {
  const stop = new AbortController();
  const finished = (async () => {
    await new Promise(setImmediate);
    try {
      return await stream.run(stop.signal);
    } finally {
      await host[Symbol.asyncDispose]();
    }
  })();
  // Whoever does not ask for the outcome is not punished for it; whoever does gets it.
  finished.catch(() => undefined);
  const reading = { whenSlow: "wait", capacity: 16, signal: stop.signal } as const;
  return {
    results: () => stream.taps.results(reading),
    events: () => stream.taps.events(reading),
    snapshot: () => stream.snapshot(),
    finished,
    stop: () => stop.abort(),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await finished.catch(() => undefined);
    },
  };
}

function toConfig(elements: readonly Element[]): Settings {
  const of = (role: Element["role"]): readonly Element[] => elements.filter((element) => element.role === role);
  const only = (role: Element["role"]): unknown => {
    const found = of(role);
    if (found.length > 1) {
      throw new VedetteError("E_USAGE", { reason: `a pipeline has one ${role}, this one has ${found.length}` });
    }
    return found[0]?.config;
  };
  const from = only("source");
  if (from === undefined) {
    throw new VedetteError("E_USAGE", { reason: "a pipeline needs a source: file(…), rtsp(…), device(…) or source(…)" });
  }
  const analyse = of("analyse");
  return {
    source: from,
    ...(analyse.length === 0 ? {} : { analyse: Object.assign({}, ...analyse.map(({ config }) => config)) as Settings }),
    ...(of("track").length === 0 ? {} : { track: only("track") }),
    rules: of("rule").map(({ config }) => config),
    outputs: of("output").map(({ config }) => config),
    ...(Object.assign({}, ...of("settings").map(({ config }) => config)) as Settings),
  };
}

/** `:8554/ds` is that port of this machine only. */
function withHost(address: string): string {
  return address.startsWith(":") ? `127.0.0.1${address}` : address;
}
