import { VedetteError } from "../errors.ts";
import { describeTensors } from "../tasks/family.ts";
import { FAMILIES, familyNamed } from "../tasks/index.ts";
import type { Family, Fit, ModelFacts } from "../tasks/family.ts";
import type { TaskName } from "../domain/model.ts";
import type { Missing, Note } from "./notes.ts";

/** Tasks as Ultralytics names them in its metadata. */
const ULTRALYTICS_TASKS: Readonly<Record<string, TaskName>> = { detect: "detect", pose: "pose", classify: "classify" };

/** A family and how it fits; both undefined when nothing says which. */
export interface Choice {
  readonly family: Family | undefined;
  readonly fit: Fit | undefined;
}

/** What was said about it. */
export interface Wish {
  readonly task?: TaskName | undefined;
  readonly family?: string | undefined;
}

/**
 * The given family, or the one whose outputs these are. Throws `E_MODEL_MANIFEST` for a family that is unknown or of
 * another task, `E_MODEL_OUTPUT` when the given one cannot read the outputs.
 */
export function chooseFamily(name: string, facts: ModelFacts, wish: Wish, notes: Note[], missing: Missing[]): Choice {
  return wish.family === undefined ? recognised(facts, wish, notes, missing) : given(name, facts, wish.family, wish.task);
}

function given(name: string, facts: ModelFacts, wanted: string, task: TaskName | undefined): Choice {
  const family = familyNamed(wanted);
  if (family === undefined || (task !== undefined && family.task !== task)) {
    const known = FAMILIES.filter((other) => task === undefined || other.task === task).map((other) => other.name).join(", ");
    const which = task === undefined ? "" : ` of task ${task}`;
    throw new VedetteError("E_MODEL_MANIFEST", { file: name, reason: `family ${wanted}: expected a family${which}: ${known}` });
  }
  const fit = family.fit(facts);
  // Outputs of unknown rank (and those of a server that does not describe them) are checked when they come.
  const isDescribed = facts.outputs.length > 0 && facts.outputs.every(({ shape }) => shape.length > 0);
  if (fit === undefined && isDescribed) {
    throw new VedetteError("E_MODEL_OUTPUT", { model: name, family: family.name, expected: family.outputs, got: describeTensors(facts.outputs) });
  }
  return { family, fit };
}

function recognised(facts: ModelFacts, { task }: Wish, notes: Note[], missing: Missing[]): Choice {
  const wanted = task ?? ULTRALYTICS_TASKS[facts.metadata["task"] ?? ""];
  const fitting = FAMILIES.filter((family) => wanted === undefined || family.task === wanted).flatMap((family) => {
    const fit = family.fit(facts);
    return fit === undefined ? [] : [{ family, fit }];
  });
  const sure = fitting.find(({ fit }) => fit.sure);
  const chosen = sure ?? (wanted !== undefined && fitting.length === 1 ? fitting[0] : undefined);
  if (chosen === undefined) {
    const names = fitting.map(({ family }) => family.name);
    const which = names.length > 0 ? `one of ${names.join(", ")}, by the outputs` : `outputs are ${describeTensors(facts.outputs)}`;
    missing.push({ what: `family (${which})`, flag: "--family NAME" });
    return { family: undefined, fit: undefined };
  }
  notes.push({ what: "family", value: chosen.family.name, why: chosen.fit.why });
  return chosen;
}
