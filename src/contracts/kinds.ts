import type { z } from "zod";
import type { Clock } from "./clock.ts";
import type { Engine, InterpreterRef } from "./engine.ts";
import type { Logger } from "./log.ts";
import type { Output } from "./output.ts";
import type { Rule } from "./rule.ts";
import type { Source } from "./source.ts";
import type { Tracker } from "./tracker.ts";
import type { Model, TensorSpec } from "../domain/model.ts";

/**
 * How a kind is added: one folder that exports a definition, one line in its family's list (`sources/index.ts`, …). The
 * configuration's union, its JSON schema and the reference page follow from the definitions. Every start loads every
 * definition: one whose work needs more than a few modules imports them in `create` or `open` (docs/adr/load-what-runs.md).
 */

/** What every kind may use of its surroundings. */
export interface KindContext {
  /** Name of the stream it serves. */
  readonly stream: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Folder that relative paths of the configuration start from. */
  readonly baseDir: string;
  /** Where state is kept (`--data-dir`). */
  readonly dataDir: string;
  /** Whether unauthenticated listeners beyond loopback were allowed (`--allow-anonymous`). */
  readonly allowAnonymous: boolean;
  /**
   * Makes the source behind another address, for kinds that only find out where the video is: ONVIF devices, makers'
   * address templates. Given to sources by the daemon, which knows every kind; kinds never import their siblings.
   */
  readonly sourceAt?: (address: string) => Source | Promise<Source>;
}

/** A kind of source. The schema is a strict object with `kind: z.literal(…)`, every field described. */
export interface SourceKind<Schema extends z.ZodType = z.ZodType, Made extends Source | Promise<Source> = Source | Promise<Source>> {
  readonly kind: string;
  readonly schema: Schema;
  /** Examples of the addresses it takes, for help texts: `rtsp://…`. */
  readonly addresses: readonly string[];
  /** The configuration behind a SOURCE of the command line; undefined says "not mine". */
  fromAddress(address: string): z.input<Schema> | undefined;
  create(config: z.output<Schema>, context: KindContext): Made;
}

/** A kind of output; as {@link SourceKind}. */
export interface OutputKind<Schema extends z.ZodType = z.ZodType, Made extends Output | Promise<Output> = Output | Promise<Output>> {
  readonly kind: string;
  readonly schema: Schema;
  readonly addresses: readonly string[];
  fromAddress(address: string): z.input<Schema> | undefined;
  create(config: z.output<Schema>, context: KindContext): Made;
}

/** A kind of tracker. */
export interface TrackerKind<Schema extends z.ZodType = z.ZodType> {
  readonly kind: string;
  readonly schema: Schema;
  create(config: z.output<Schema>): Tracker;
}

/** What a rule may know of its stream when it is made. */
export interface RuleContext {
  readonly stream: string;
  /** What the model can report, for checking classes; undefined when not known. */
  readonly labels: readonly string[] | undefined;
  /** Size of the pictures, when known already: points outside are refused then. */
  readonly frame?: { readonly width: number; readonly height: number } | undefined;
  /** False refuses rules that need identities over time; undefined when not known. */
  readonly isTracked?: boolean | undefined;
  /** Told, once each, what only shows while running: points outside the pictures that come. */
  readonly warn?: ((message: string) => void) | undefined;
}

/** A kind of rule. */
export interface RuleKind<Schema extends z.ZodType = z.ZodType> {
  readonly kind: string;
  readonly schema: Schema;
  /** Throws `E_CONFIG`, naming the rule and the field. */
  create(config: z.output<Schema>, context: RuleContext): Rule;
}

/** What a model server says about a model: its tensors, or that it answers with findings that need no reading. */
export type ServedFacts = { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] } | "findings";

/** A kind of engine. Opening loads the model, or asks the server about it. */
export interface EngineKind<Schema extends z.ZodType = z.ZodType> {
  readonly kind: string;
  readonly schema: Schema;
  readonly addresses: readonly string[];
  /** The configuration behind an `--engine` of the command line; undefined says "not mine". */
  fromAddress(address: string): z.input<Schema> | undefined;
  /** Asks the server what it knows about the model called `name`; kinds that compute here leave it out. */
  ask?(config: z.output<Schema>, name: string, context: KindContext, signal: AbortSignal): Promise<ServedFacts>;
  open(config: z.output<Schema>, model: Model, interpreter: InterpreterRef, context: KindContext, signal: AbortSignal): Promise<Engine>;
}

/** Fixes the types of the schema and of what is made while a definition is written down. */
export function defineSource<Schema extends z.ZodType, Made extends Source | Promise<Source>>(kind: SourceKind<Schema, Made>): SourceKind<Schema, Made> {
  return kind;
}

/** As {@link defineSource}. */
export function defineOutput<Schema extends z.ZodType, Made extends Output | Promise<Output>>(kind: OutputKind<Schema, Made>): OutputKind<Schema, Made> {
  return kind;
}

/** As {@link defineSource}. */
export function defineTracker<Schema extends z.ZodType>(kind: TrackerKind<Schema>): TrackerKind<Schema> {
  return kind;
}

/** As {@link defineSource}. */
export function defineRule<Schema extends z.ZodType>(kind: RuleKind<Schema>): RuleKind<Schema> {
  return kind;
}

/** As {@link defineSource}. */
export function defineEngine<Schema extends z.ZodType>(kind: EngineKind<Schema>): EngineKind<Schema> {
  return kind;
}
