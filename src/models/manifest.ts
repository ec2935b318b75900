import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import { VedetteError } from "../errors.ts";

const triple = z.union([z.number(), z.tuple([z.number(), z.number(), z.number()])]);
const share = z.number().min(0).max(1);

/** How pictures are prepared; what is left out is taken from the file and the family. */
export const inputSchema = z.strictObject({
  name: z.string().min(1).optional().describe("Name of the input tensor."),
  width: z.int().min(1).max(16_384).optional().describe("Width in pixels."),
  height: z.int().min(1).max(16_384).optional().describe("Height in pixels."),
  layout: z.enum(["NCHW", "NHWC"]).optional().describe("Order of the dimensions: planes of one channel each, or whole pixels."),
  color: z.enum(["RGB", "BGR", "GRAY"]).optional().describe("Order of the channels."),
  type: z.enum(["float32", "float16", "uint8"]).optional().describe("Element type of the tensor; uint8 takes pixels as they are."),
  fit: z.enum(["stretch", "letterbox", "crop", "none"]).optional().describe("How the picture fills the input: stretch both axes; letterbox with padding; crop the middle out; none sends it at its own size."),
  anchor: z.enum(["center", "top-left"]).optional().describe("Where a letterboxed picture lies."),
  pad: z.number().min(0).max(255).optional().describe("Padding value, 0…255."),
  normalise: z.enum(["0..255", "0..1", "-1..1", "imagenet"]).optional().describe("Short for the usual scale, mean and std."),
  scale: z.number().optional().describe("value = (pixel × scale − mean) / std, pixel in 0…255."),
  mean: triple.optional().describe("Mean: one number, or one per channel in the order of `color`."),
  std: triple.optional().describe("Standard deviation: one number, or one per channel in the order of `color`."),
});

/** What a `*.yaml` beside the weights says. Everything may be left out that the file or the family tells. */
export const manifestSchema = z.strictObject({
  file: z.string().min(1).optional().describe("The weights, relative to the manifest. Left out for models that only a remote server holds."),
  name: z.string().min(1).optional().describe("Name of the model; by default that of the file."),
  task: z.enum(["classify", "detect", "segment", "pose", "embed", "image"]).optional().describe("What the numbers mean."),
  family: z.string().min(1).optional().describe("How to read the outputs: yolox, yolo, ssd, softmax … (docs/models.md)."),
  input: inputSchema.optional().describe("How pictures are prepared."),
  labels: z.union([z.string().min(1), z.array(z.string())]).optional().describe("Names of the classes: a list, a file with one a line, or a built-in set (coco, coco-90, coco-91, voc, voc-20, face, person, digits, numbers)."),
  threshold: share.optional().describe("Lowest score reported."),
  classThresholds: z.record(z.string(), share).optional().describe("Lowest score of single classes, by label."),
  nmsIou: share.optional().describe("Overlap (intersection over union) above which the weaker of two boxes of one class goes; 1 keeps all."),
  topK: z.int().min(1).max(10_000).optional().describe("How many classes or objects at most."),
  maxBatch: z.int().min(1).max(256).optional().describe("Largest batch; 1 forbids batching."),
  options: z.record(z.string(), z.unknown()).optional().describe("What else the family takes (docs/models.md)."),
});

/** A manifest as parsed. */
export type Manifest = z.output<typeof manifestSchema>;

/** What the caller says about a model beyond its manifest; it overrides it. The same words. */
export type ModelFlags = Omit<Manifest, "file">;

/** Reads and checks a manifest. Throws `E_MODEL_NOT_FOUND`, or `E_MODEL_MANIFEST` naming the key and what it takes. */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new VedetteError("E_MODEL_NOT_FOUND", { model: path }, { cause: error });
  });
  return parseManifest(text, path);
}

/** As {@link readManifest}, from text; `where` names it in messages. */
export function parseManifest(text: string, where: string): Manifest {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    const [line = "not YAML"] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new VedetteError("E_MODEL_MANIFEST", { file: where, reason: line }, { cause: error });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message));
    throw new VedetteError("E_MODEL_MANIFEST", { file: where, reason: reasons.join("; ") });
  }
  return parsed.data;
}
