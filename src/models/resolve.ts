import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { VedetteError } from "../errors.ts";
import { CATALOGUE } from "./catalogue-data.ts";
import { defaultModelDir } from "./store-dir.ts";
import { completeModel } from "./complete.ts";
import { KNOWN_MODELS } from "./known-models.ts";
import { loadLabels, parseLabels } from "./labels.ts";
import { readManifest } from "./manifest.ts";
import { readOnnxFile, sha256OfFile } from "./onnx-file.ts";
import type { Completion } from "./complete.ts";
import type { Note } from "./notes.ts";
import type { ModelFacts } from "../tasks/family.ts";
import type { Manifest, ModelFlags } from "./manifest.ts";
import type { Model, TensorSpec } from "../domain/model.ts";
import type { ServedFacts } from "../contracts/kinds.ts";
import type { OnnxFile } from "./onnx-file.ts";

/** Where {@link resolveModel} looks. */
export interface ResolveOptions {
  /** Folder that relative paths in the flags start from; by default the current one. */
  readonly baseDir?: string;
  /**
   * Asked when there is no such file: the path of the weights or manifest of a model known by name (the store, after
   * downloading it), undefined when the name is not known either.
   */
  readonly named?: (name: string) => Promise<string | undefined>;
  /**
   * Asked for models that only a server holds, by their name there: what it says about inputs and outputs, or that it
   * answers with findings. Such models are not looked for in the store.
   */
  readonly served?: (name: string) => Promise<ServedFacts>;
  /** Folder with this user's `imagenet-1000.txt` and `imagenet-1001.txt`; by default `labels` in the model store. */
  readonly labelsDir?: string;
}

/** A model as found: complete, or with the list of what is missing. */
export interface ResolvedModel extends Completion {
  readonly onnx: OnnxFile | undefined;
}

/**
 * The model that a file, manifest or name stands for, complete and checked. What the file tells is taken from it, a
 * manifest beside it (`yolox.yaml` for `yolox.onnx`) overrides that, `flags` override both. Throws `E_MODEL_NOT_FOUND`,
 * `E_MODEL_INCOMPLETE` (naming what is missing and the flags for it), `E_MODEL_MANIFEST`, `E_MODEL_BROKEN`,
 * `E_MODEL_EXTERNAL_DATA`, `E_MODEL_OUTPUT` and `E_MODEL_LABELS`.
 */
export async function resolveModel(nameOrPath: string, flags: ModelFlags = {}, options: ResolveOptions = {}): Promise<Model> {
  const { model, missing } = await examineModel(nameOrPath, flags, options);
  if (model === undefined) {
    throw new VedetteError("E_MODEL_INCOMPLETE", {
      model: nameOrPath,
      missing: missing.map(({ what }) => what).join(", "),
      flags: missing.map(({ flag }) => flag).join(" "),
    });
  }
  return model;
}

/** As {@link resolveModel}, but with the reasons, and without failing for what is missing. */
export async function examineModel(nameOrPath: string, flags: ModelFlags = {}, options: ResolveOptions = {}): Promise<ResolvedModel> {
  const path = await locate(nameOrPath, options);
  if (path === undefined) {
    const known = CATALOGUE.find(({ name }) => name === nameOrPath)?.manifest;
    return examineManifest({ ...known, name: nameOrPath }, nameOrPath, flags, options);
  }
  if (isManifestPath(path)) {
    const manifest = await readManifest(path);
    const weights = `${stemOf(path)}.onnx`;
    const isBeside = manifest.file === undefined && (await exists(join(dirname(path), weights)));
    return examineManifest(isBeside ? { ...manifest, file: weights } : manifest, path, flags, options);
  }
  const beside = await manifestBeside(path);
  return beside === undefined
    ? examineManifest({ file: basename(path) }, path, flags, options)
    : examineManifest({ ...(await readManifest(beside)), file: basename(path) }, beside, flags, options);
}

/** As {@link examineModel}, from a manifest that the configuration holds; `where` is the file that relative paths start from. */
export async function examineManifest(manifest: Manifest, where: string, flags: ModelFlags, options: ResolveOptions): Promise<ResolvedModel> {
  const base = options.baseDir ?? ".";
  const folder = dirname(resolve(base, where));
  const file = manifest.file === undefined ? undefined : resolve(folder, manifest.file);
  const onnx = file === undefined ? undefined : await readOnnxFile(file);
  const notes: Note[] = [];
  const known = await recognise(onnx, flags.family ?? manifest.family, notes);
  const merged = merge(merge(known ?? {}, manifest), flags);
  const name = nameOf(merged, file, where);
  const labelsFolder = flags.labels === undefined ? folder : base;
  const facts = onnx ?? (await factsFrom(options.served?.(name)));
  if (facts === "findings") {
    return { model: await answeringModel(name, merged, labelsFolder), missing: [], notes, family: undefined, fit: undefined, onnx };
  }
  // Once without labels: how many there should be follows from the outputs.
  const without = completeModel(name, file, facts, { ...merged, labels: undefined });
  const asked = flags.labels ?? manifest.labels;
  const labels = asked === undefined
    ? await usualLabels(known?.labels, without, file, options, notes)
    : await loadLabels(asked, labelsFolder, without.fit?.classes);
  const completion = completeModel(name, file, facts, { ...merged, labels });
  return { ...completion, notes: [...notes, ...completion.notes], onnx };
}

function stemOf(path: string): string {
  return basename(path, extname(path));
}

/** What the model is called, else what its file is. */
function nameOf({ name }: ModelFlags, file: string | undefined, where: string): string {
  return name ?? stemOf(file ?? where);
}

/** What a server says, as an ONNX file would. */
async function factsFrom(asked: Promise<ServedFacts> | undefined): Promise<typeof NOTHING_KNOWN | "findings"> {
  const served = await asked;
  return served === undefined || served === "findings" ? (served ?? NOTHING_KNOWN) : { ...NOTHING_KNOWN, inputs: served.inputs.map(asPicture), outputs: served.outputs };
}

/** An input that takes whole files: JPEGs, which the server prepares. */
function asPicture(spec: TensorSpec): TensorSpec {
  return spec.type === "string" ? { name: spec.name, type: "uint8", shape: [-1, -1, -1, 3] } : spec;
}

/** A model whose server answers with findings: nothing has to be known about its tensors. */
async function answeringModel(name: string, said: ModelFlags, folder: string): Promise<Model> {
  const labels = said.labels === undefined ? [] : await loadLabels(said.labels, folder, undefined);
  return {
    name, file: undefined, task: said.task ?? "classify", family: said.family ?? "softmax",
    input: { name: "data", width: 0, height: 0, layout: "NHWC", color: "RGB", type: "uint8", fit: "none", anchor: "center", pad: 0, scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    maxBatch: said.maxBatch ?? 256, threshold: said.threshold ?? 0, topK: said.topK ?? 5, classThresholds: {}, nmsIou: 1, options: {}, labels,
  };
}

const NOTHING_KNOWN: Pick<ModelFacts, "inputs" | "outputs" | "producers" | "metadata"> = { inputs: [], outputs: [], producers: [], metadata: {} };

/** Labels nobody asked for by name: those of a known file, of the kind of output, or a list of the right length beside the weights. */
async function usualLabels(
  known: ModelFlags["labels"], { fit }: Completion, file: string | undefined, options: ResolveOptions, notes: Note[],
): Promise<readonly string[] | undefined> {
  const classes = fit?.classes;
  if (file !== undefined && classes !== undefined) {
    for (const name of await labelFiles(dirname(file))) {
      const labels = parseLabels(await readFile(join(dirname(file), name), "utf8"));
      if (labels.length === classes) {
        notes.push({ what: "labels", value: name, why: `beside the weights, and it holds ${classes} lines` });
        return labels;
      }
    }
  }
  const set = known ?? fit?.labels;
  if (typeof set !== "string") {
    return set;
  }
  if (set.startsWith("imagenet-")) {
    const path = join(options.labelsDir ?? join(defaultModelDir(), "labels"), `${set}.txt`);
    return (await exists(path)) ? loadLabels(path, ".", classes) : undefined;
  }
  notes.push({ what: "labels", value: set, why: "the usual ones for these outputs" });
  return loadLabels(set, ".", classes);
}

async function labelFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => /\.names$|(label|class)\w*\.txt$/i.test(name) || /^labels?_?\w*\.txt$/i.test(name)).sort();
}

/** Who names the family knows the model; only otherwise is it worth reading the whole file for its digest. */
async function recognise(onnx: OnnxFile | undefined, family: string | undefined, notes: Note[]): Promise<ModelFlags | undefined> {
  if (onnx === undefined || family !== undefined) {
    return undefined;
  }
  const candidates = [...KNOWN_MODELS, ...CATALOGUE].filter(({ sizeBytes, manifest }) => sizeBytes === onnx.sizeBytes && manifest !== undefined);
  if (candidates.length === 0) {
    return undefined;
  }
  const digest = await sha256OfFile(onnx.path);
  const known = candidates.find(({ sha256 }) => sha256 === digest)?.manifest;
  if (known !== undefined) {
    notes.push({ what: "file", value: "well-known", why: "its SHA-256 is that of a published model" });
  }
  return known;
}

/** Undefined: only the server has it. */
async function locate(nameOrPath: string, options: ResolveOptions): Promise<string | undefined> {
  const path = resolve(options.baseDir ?? ".", nameOrPath);
  if (await exists(path)) {
    return path;
  }
  const looksLikePath = /[/\\]|\.(onnx|ya?ml)$/i.test(nameOrPath);
  if (!looksLikePath && options.served !== undefined) {
    return undefined;
  }
  const named = looksLikePath ? undefined : await options.named?.(nameOrPath);
  if (named === undefined) {
    throw new VedetteError("E_MODEL_NOT_FOUND", { model: nameOrPath });
  }
  return named;
}

async function manifestBeside(path: string): Promise<string | undefined> {
  const stem = path.slice(0, path.length - extname(path).length);
  for (const candidate of [`${stem}.yaml`, `${stem}.yml`]) {
    if (await exists(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

function isManifestPath(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

/** `over` wins, key by key; so it does inside `input`, `options` and `classThresholds`. A given normalisation replaces the numbers below it. */
function merge<Lower extends ModelFlags, Upper extends ModelFlags>(under: Lower, over: Upper): Lower & Upper {
  const lower = { ...under.input };
  if (over.input?.normalise !== undefined) {
    delete lower.scale;
    delete lower.mean;
    delete lower.std;
  }
  return {
    ...under,
    ...dropUndefined(over),
    input: { ...lower, ...dropUndefined(over.input ?? {}) },
    options: { ...under.options, ...over.options },
    classThresholds: { ...under.classThresholds, ...over.classThresholds },
  };
}

function dropUndefined<T extends object>(value: T): T {
  // Keys are only left out, so what remains is still a T whose optional keys are absent.
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}
