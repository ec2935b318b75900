import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import { VedetteError } from "../errors.ts";
import type { ModelFlags } from "../models/manifest.ts";
import { ZipArchive } from "./zip-archive.ts";

const manifest = z.object({
  model: z.object({
    modelName: z.string().min(1),
    modelVersion: z.union([z.string(), z.number()]).transform(String).default("1.0"),
    serializedFile: z.string().optional(),
    handler: z.string().optional(),
  }),
});

/** What TorchServe's own handlers stand for. Others are Python. */
const HANDLERS: Readonly<Record<string, ModelFlags>> = {
  // Shorter side to the input's size and the middle cut out, ImageNet's statistics, softmax, the best five.
  image_classifier: { task: "classify", family: "logits", topK: 5, threshold: 0, input: { fit: "crop", normalise: "imagenet", color: "RGB" } },
  object_detector: { task: "detect", threshold: 0.5, input: { normalise: "0..1", color: "RGB" } },
  image_segmenter: { task: "segment", input: { normalise: "imagenet", color: "RGB" } },
  base_handler: {},
};

/** What a `.mar` archive holds, as far as it can be served. */
export interface ModelArchive {
  readonly name: string;
  readonly version: string;
  readonly onnx: Buffer;
  readonly flags: ModelFlags;
}

const MAX_MODEL_BYTES = 2 ** 31;
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** Reads a `.mar` whose serialized file is ONNX and whose handler is one of TorchServe's own. Throws `E_ARCHIVE` saying what to do. */
export async function readModelArchive(path: string): Promise<ModelArchive> {
  const file = basename(path);
  const archive = new ZipArchive(file, await readFile(path));
  const text = archive.read("MAR-INF/MANIFEST.json", MAX_TEXT_BYTES);
  if (text === undefined) {
    throw new VedetteError("E_ARCHIVE", { file, reason: "expected MAR-INF/MANIFEST.json in it, as torch-model-archiver writes it" });
  }
  const { model } = parsed(file, text);
  const { serializedFile = "", handler = "base_handler" } = model;
  const flags = HANDLERS[handler.replace(/\.py$/, "")];
  if (flags === undefined || !serializedFile.endsWith(".onnx")) {
    const what = flags === undefined ? `its handler ${handler} is Python code` : `its serialized file ${serializedFile || "(none)"} is not ONNX`;
    throw new VedetteError("E_ARCHIVE", {
      file,
      reason: `${what}, which is not run here: export the model with torch.onnx.export and serve it with a manifest (docs/serving.md), or leave it on TorchServe and use --engine torchserve+http://HOST:8080`,
    });
  }
  const onnx = archive.read(serializedFile, MAX_MODEL_BYTES);
  if (onnx === undefined) {
    throw new VedetteError("E_ARCHIVE", { file, reason: `expected ${serializedFile} in it, got ${archive.names.join(", ")}` });
  }
  const labels = archive.read("index_to_name.json", MAX_TEXT_BYTES);
  return { name: model.modelName, version: model.modelVersion, onnx, flags: { ...flags, name: model.modelName, ...(labels === undefined ? {} : { labels: labelsOf(file, labels) }) } };
}

function parsed(file: string, text: Buffer): z.output<typeof manifest> {
  try {
    return manifest.parse(JSON.parse(text.toString()));
  } catch (error) {
    throw new VedetteError("E_ARCHIVE", { file, reason: "expected MAR-INF/MANIFEST.json to name a model, got something else" }, { cause: error });
  }
}

/** `{"0": ["n01440764", "tench"]}` or `{"0": "tench"}` (the last of a list counts), or `{"object_type_names": [...]}`. */
export function labelsOf(file: string, text: Buffer): string[] {
  const entry = z.union([z.string(), z.array(z.string()).min(1)]);
  const shape = z.union([z.object({ object_type_names: z.array(z.string()) }), z.record(z.string().regex(/^\d{1,6}$/), entry)]);
  const result = shape.safeParse(safeJson(text));
  if (!result.success) {
    throw new VedetteError("E_ARCHIVE", { file, reason: "expected index_to_name.json to map class numbers to names, got something else" });
  }
  if ("object_type_names" in result.data && Array.isArray(result.data.object_type_names) && !("0" in result.data)) {
    return result.data.object_type_names.map(String);
  }
  const names = Object.entries(result.data as Readonly<Record<string, string | string[]>>);
  const size = Math.max(...names.map(([index]) => Number(index))) + 1;
  const labels = Array.from({ length: size }, (_, i) => String(i));
  for (const [index, name] of names) {
    labels[Number(index)] = typeof name === "string" ? name : (name.at(-1) ?? index);
  }
  return labels;
}

function safeJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString()) as unknown;
  } catch {
    // Not JSON: the schema refuses it.
    return undefined;
  }
}
