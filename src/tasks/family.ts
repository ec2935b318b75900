import type { z } from "zod";
import { VedetteError } from "../errors.ts";
import type { InputSpec, Model, TaskName, Tensor, TensorSpec } from "../domain/model.ts";
import type { Interpreter } from "../contracts/engine.ts";

/** What is known about a network before it runs: from its file, or from the server that holds it. */
export interface ModelFacts {
  /** Declared inputs; -1 marks a dimension that may vary, an empty shape one that is not known at all. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The operator that computes each output (`Softmax`, `Gemm` …), looked up behind reshapes and casts; "" when not known. */
  readonly producers: readonly string[];
  /** What the exporter wrote beside the weights: `names`, `imgsz`, `task`, `stride` … */
  readonly metadata: Readonly<Record<string, string>>;
  /** Size of the input picture, 0 when the file leaves it open. */
  readonly inputWidth: number;
  readonly inputHeight: number;
}

/** How pictures are prepared for a network when nothing says otherwise. */
export type InputDefaults = Partial<Pick<InputSpec, "width" | "height" | "color" | "fit" | "anchor" | "pad" | "scale" | "mean" | "std">> & {
  /** Short for scale, mean and std; left out when pictures of this family are normalised in more than one way. */
  readonly normalise?: Normalise;
};

/** The usual normalisations: what becomes of a pixel 0…255. `imagenet`: to 0…1, minus mean and divided by deviation of ImageNet. */
export type Normalise = "0..255" | "0..1" | "-1..1" | "imagenet";

/** A family's answer to "are these your outputs?". */
export interface Fit {
  /** True when the shapes alone leave no doubt; false when the family fits but others would too. */
  readonly sure: boolean;
  /** One line for people: which shapes said so. */
  readonly why: string;
  /** Number of classes the outputs have room for; undefined when they do not say. */
  readonly classes?: number;
  /** Options that follow from the outputs. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Preparation that follows from this variant; it overrides the family's defaults. */
  readonly input?: InputDefaults;
  /** Labels that follow from this variant: the name of a built-in set. */
  readonly labels?: string;
}

/** Values used when neither manifest nor flags nor the file say otherwise. */
export interface FamilyDefaults {
  readonly threshold: number;
  readonly nmsIou: number;
  readonly topK: number;
  readonly input: InputDefaults;
}

/** How one kind of network output is read. One folder and one line in `src/tasks/index.ts` per family. */
export interface Family<Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly task: TaskName;
  /** The outputs it reads, for people: `[1, anchors, 5 + classes]`. */
  readonly outputs: string;
  /** Strict schema of the manifest's `options`, every field described and defaulted. */
  readonly options: Schema;
  readonly defaults: FamilyDefaults;
  /** Whether outputs declared like this could be its own; undefined when they cannot. Never throws. */
  fit(facts: ModelFacts): Fit | undefined;
  /** An interpreter for one model. Reuses scratch memory between calls; findings are fresh objects. */
  create(model: Model, options: z.output<Schema>): Interpreter;
}

/** Fixes the schema's type while a family is written down. */
export function defineFamily<Schema extends z.ZodType>(family: Family<Schema>): Family<Schema> {
  return family;
}

/** The error for outputs that are not the family's: what was expected and every output that came. */
export function outputMismatch(model: Model, expected: string, outputs: readonly (Tensor | TensorSpec)[]): VedetteError {
  return new VedetteError("E_MODEL_OUTPUT", { model: model.name, family: model.family, expected, got: describeTensors(outputs) });
}

/** The error for a label list that does not match the outputs. */
export function labelMismatch(model: Model, expected: number): VedetteError {
  return new VedetteError("E_MODEL_LABELS", { model: model.name, expected, got: model.labels.length });
}

/** `output float32 [1, 3549, 85]`, one after the other; `?` marks a dimension that may vary. */
export function describeTensors(tensors: readonly (Tensor | TensorSpec)[]): string {
  return tensors.length === 0
    ? "no output"
    : tensors.map((tensor) => `${tensor.name} ${tensor.type} [${tensor.shape.map((n) => (n < 0 ? "?" : n)).join(", ")}]`).join("; ");
}
