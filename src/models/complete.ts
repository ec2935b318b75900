import { VedetteError } from "../errors.ts";
import { chooseFamily } from "./choose-family.ts";
import { checkedOptions } from "../tasks/create.ts";
import { completeInput, hintsOf, pictureInput } from "./picture-input.ts";
import { parseNames } from "./labels.ts";
import type { Missing, Note } from "./notes.ts";
import type { Choice } from "./choose-family.ts";
import type { Family, Fit, ModelFacts } from "../tasks/family.ts";
import type { InputSpec, Model, TaskName, TensorSpec } from "../domain/model.ts";
import type { Manifest } from "./manifest.ts";

/** What is wanted of a model: manifest and flags merged, labels loaded. */
export interface Given extends Omit<Manifest, "labels" | "file"> {
  readonly labels?: readonly string[] | undefined;
}

/** A model as far as it is known. */
export interface Completion {
  /** Undefined while something is missing. */
  readonly model: Model | undefined;
  readonly missing: readonly Missing[];
  readonly notes: readonly Note[];
  readonly family: Family | undefined;
  readonly fit: Fit | undefined;
}

/** Largest batch of a model whose batch dimension may vary and whose manifest does not say. */
const DEFAULT_MAX_BATCH = 8;

/**
 * Makes a model out of what its file (or the server that holds it) says and what was given; lists what is missing
 * instead of guessing. Throws `E_MODEL_OUTPUT` when the given family cannot read the outputs, `E_MODEL_LABELS` when
 * labels do not match them, `E_MODEL_MANIFEST` for an unknown family, `E_MODEL_BROKEN` for a network that cannot be fed
 * with pictures.
 */
export function completeModel(name: string, file: string | undefined, facts: Omit<ModelFacts, "inputWidth" | "inputHeight">, given: Given): Completion {
  const notes: Note[] = [];
  const missing: Missing[] = [];
  const picture = pictureInput(name, facts.inputs, given.input ?? {});
  const size = inputSize(picture, facts.metadata, given);
  const choice = chooseFamily(name, { ...facts, inputWidth: size.width, inputHeight: size.height }, given, notes, missing);
  const preferred = { ...choice.family?.defaults.input, ...choice.fit?.input, ...hintsOf(facts.metadata) };
  // Without a family nothing is known about preparation yet: asking for that too would ask for more than is needed.
  const input = choice.family && completeInput(picture, size, given.input ?? {}, preferred, notes, missing);
  const labels = checkedLabels(name, facts, given, choice, missing);
  const model = choice.family && input && missing.length === 0
    ? assemble({ name, file, input, labels, maxBatch: maxBatch(picture.spec, facts.outputs, given.maxBatch) }, choice.family, choice.fit, given)
    : undefined;
  return { model, missing, notes, ...choice };
}

function assemble(
  base: Pick<Model, "name" | "file" | "input" | "labels" | "maxBatch">, family: Family, fit: Fit | undefined, given: Given,
): Model {
  const classThresholds = given.classThresholds ?? {};
  const unknown = Object.keys(classThresholds).find((label) => !base.labels.includes(label));
  if (unknown !== undefined) {
    throw new VedetteError("E_MODEL_MANIFEST", { file: base.name, reason: `classThresholds: no label is called ${unknown}` });
  }
  const options = checkedOptions(family, { name: base.name, options: { ...fit?.options, ...given.options } });
  return {
    ...base,
    task: family.task,
    family: family.name,
    threshold: given.threshold ?? family.defaults.threshold,
    classThresholds,
    nmsIou: given.nmsIou ?? family.defaults.nmsIou,
    topK: given.topK ?? family.defaults.topK,
    options,
  };
}

function checkedLabels(name: string, facts: Pick<ModelFacts, "metadata">, given: Given, { family, fit }: Choice, missing: Missing[]): readonly string[] {
  const labels = given.labels ?? parseNames(facts.metadata["names"]);
  const classes = fit?.classes;
  if (labels === undefined) {
    if (needsLabels(family?.task)) {
      missing.push({ what: classes === undefined ? "labels" : `labels (${classes} classes)`, flag: "--labels FILE" });
    }
    return [];
  }
  if (classes !== undefined && labels.length !== classes) {
    throw new VedetteError("E_MODEL_LABELS", { model: name, expected: classes, got: labels.length });
  }
  return labels;
}

function needsLabels(task: TaskName | undefined): boolean {
  return task === "classify" || task === "detect" || task === "segment";
}

/** Size of the picture: as given, as declared, or as Ultralytics notes it (`imgsz: [height, width]`); 0 when open. */
function inputSize(picture: { readonly width: number; readonly height: number }, metadata: ModelFacts["metadata"], given: Given): Pick<InputSpec, "width" | "height"> {
  const noted = (metadata["imgsz"]?.match(/\d+/g) ?? []).map(Number);
  const [height = 0, width = height] = noted;
  return {
    width: given.input?.width ?? (picture.width > 0 ? picture.width : width),
    height: given.input?.height ?? (picture.height > 0 ? picture.height : height),
  };
}

function maxBatch(input: TensorSpec, outputs: readonly TensorSpec[], wanted: number | undefined): number {
  // A fixed first dimension of an output means that the graph cannot batch, whatever its input says.
  const varies = [input, ...outputs].every(({ shape }) => (shape[0] ?? -1) < 0);
  return varies ? (wanted ?? DEFAULT_MAX_BATCH) : 1;
}
