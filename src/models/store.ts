import { readdir, stat, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { stringify } from "yaml";
import { VedetteError } from "../errors.ts";
import { loadCatalogue } from "./catalogue.ts";
import { download } from "./download.ts";
import { sha256OfFile } from "./onnx-file.ts";
import { withLock } from "./lock.ts";
import { defaultModelDir } from "./store-dir.ts";
import type { CatalogueModel } from "./catalogue-model.ts";
import type { DownloadOptions } from "./download.ts";
import type { TaskName } from "../domain/model.ts";

export { defaultModelDir } from "./store-dir.ts";

/** Where models are kept, and what can be had. */
export interface StoreOptions {
  /** The store's folder; by default {@link defaultModelDir}. */
  readonly dir?: string;
  /** By default the built-in catalogue with that of `VEDETTE_CATALOGUE`. */
  readonly catalogue?: readonly CatalogueModel[];
  readonly signal?: AbortSignal;
}

/** A model of the store or the catalogue. */
export interface ListedModel {
  readonly name: string;
  readonly task: TaskName | undefined;
  readonly licence: string | undefined;
  readonly sizeBytes: number;
  /** `partial`: a download that can go on. `own`: a file that the user put there. */
  readonly state: "present" | "partial" | "absent" | "own";
  /** Whether a family reads its outputs; without one it needs a use case. */
  readonly isUsable: boolean;
  readonly path: string | undefined;
}

/** What verifying found. */
export interface Verification {
  readonly name: string;
  readonly path: string;
  readonly isIntact: boolean;
  readonly expected: string;
  readonly got: string;
}

/**
 * Downloads a model of the catalogue unless it is there already, and answers its path. Only a file of the right size
 * and SHA-256 ever appears under its name; a manifest is written beside it. Two processes never download the same model
 * at once: the second waits. Throws `E_MODEL_NOT_FOUND` for a name that the catalogue does not have,
 * `E_MODEL_DOWNLOAD` (what came so far is kept and the next try goes on), `E_MODEL_DIGEST`, `E_OUTPUT_UNWRITABLE`,
 * `E_OUTPUT_FULL`; rejects with the signal's reason when it aborts.
 */
export async function pullModel(name: string, options: StoreOptions & DownloadOptions = {}): Promise<string> {
  const model = await entryOf(name, options);
  const path = pathOf(name, options);
  return withLock(`${path}.lock`, options.signal, async () => {
    if (await isFileOfSize(path, model.sizeBytes)) {
      return path;
    }
    await download({ name, path, urls: model.urls, sizeBytes: model.sizeBytes, sha256: model.sha256 }, options);
    await writeManifest(path, model);
    return path;
  });
}

/** Everything that can be named: the catalogue in its order, then the user's own files in the store. */
export async function listModels(options: StoreOptions = {}): Promise<readonly ListedModel[]> {
  const catalogue = await catalogueOf(options);
  const listed = await Promise.all(catalogue.map(async (model): Promise<ListedModel> => {
    const path = pathOf(model.name, options);
    const isPresent = await isFileOfSize(path, model.sizeBytes);
    const state = isPresent ? "present" : (await sizeOf(`${path}.part`)) === undefined ? "absent" : "partial";
    const { name, task, licence, sizeBytes, manifest } = model;
    return { name, task, licence, sizeBytes, state, isUsable: manifest !== undefined, path: isPresent ? path : undefined };
  }));
  return [...listed, ...(await ownModels(options, new Set(catalogue.map(({ name }) => name))))];
}

/** Reads a stored model again and compares its SHA-256. Throws `E_MODEL_NOT_FOUND` when it is not in catalogue and store. */
export async function verifyModel(name: string, options: StoreOptions = {}): Promise<Verification> {
  const { sha256 } = await entryOf(name, options);
  const path = pathOf(name, options);
  if ((await sizeOf(path)) === undefined) {
    throw new VedetteError("E_MODEL_NOT_FOUND", { model: name });
  }
  const got = await sha256OfFile(path, options.signal);
  return { name, path, isIntact: got === sha256, expected: sha256, got };
}

/**
 * For `ResolveOptions.named`: the stored file of a name, downloaded on first use after `beforePull` was told. Undefined
 * for a name that neither store nor catalogue has.
 */
export function namedModels(options: StoreOptions & DownloadOptions & { readonly beforePull?: (model: CatalogueModel) => void } = {}): (name: string) => Promise<string | undefined> {
  return async (name) => {
    const model = (await catalogueOf(options)).find((candidate) => candidate.name === name);
    if (model === undefined) {
      return ownFile(name, options);
    }
    const path = pathOf(name, options);
    if (!(await isFileOfSize(path, model.sizeBytes))) {
      options.beforePull?.(model);
      await pullModel(name, options);
    }
    return path;
  };
}

async function entryOf(name: string, options: StoreOptions): Promise<CatalogueModel> {
  const model = (await catalogueOf(options)).find((candidate) => candidate.name === name);
  if (model === undefined) {
    throw new VedetteError("E_MODEL_NOT_FOUND", { model: name });
  }
  return model;
}

async function catalogueOf({ catalogue }: StoreOptions): Promise<readonly CatalogueModel[]> {
  return catalogue ?? (await loadCatalogue(process.env["VEDETTE_CATALOGUE"]));
}

function dirOf({ dir }: StoreOptions): string {
  return dir ?? defaultModelDir();
}

function pathOf(name: string, options: StoreOptions): string {
  return join(dirOf(options), `${name}.onnx`);
}

async function ownFile(name: string, options: StoreOptions): Promise<string | undefined> {
  if (!/^[\w.-]+$/.test(name)) {
    return undefined;
  }
  for (const extension of [".yaml", ".yml", ".onnx"]) {
    const path = join(dirOf(options), name + extension);
    if ((await sizeOf(path)) !== undefined) {
      return path;
    }
  }
  return undefined;
}

async function ownModels(options: StoreOptions, known: ReadonlySet<string>): Promise<ListedModel[]> {
  // A store that does not exist yet holds nothing.
  const files = await readdir(dirOf(options)).catch((): string[] => []);
  const own = files.filter((file) => extname(file) === ".onnx" && !known.has(basename(file, ".onnx"))).sort();
  return Promise.all(own.map(async (file): Promise<ListedModel> => {
    const path = join(dirOf(options), file);
    return { name: basename(file, ".onnx"), task: undefined, licence: undefined, sizeBytes: (await sizeOf(path)) ?? 0, state: "own", isUsable: true, path };
  }));
}

async function writeManifest(path: string, { name, licence, urls, manifest }: CatalogueModel): Promise<void> {
  if (manifest === undefined) {
    return;
  }
  // Labels of ImageNet are not shipped: the manifest leaves them to a file beside it, or to --labels.
  const { labels, ...rest } = manifest;
  const kept = typeof labels === "string" && labels.startsWith("imagenet-") ? rest : manifest;
  const head = `# ${name}, licence ${licence}, from ${urls[0] ?? ""}\n# Change what you like: the file is written once, when the model is downloaded.\n`;
  await writeFile(path.replace(/\.onnx$/, ".yaml"), head + stringify({ file: basename(path), ...kept }), { flag: "wx" }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") { // Errors of node:fs carry a code.
      throw new VedetteError("E_OUTPUT_UNWRITABLE", { output: path, reason: String(error) }, { cause: error });
    }
  });
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then((info) => (info.isFile() ? info.size : undefined), () => undefined);
}

async function isFileOfSize(path: string, sizeBytes: number): Promise<boolean> {
  return (await sizeOf(path)) === sizeBytes;
}
