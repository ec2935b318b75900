import { readFile } from "node:fs/promises";
import { z } from "zod";
import { VedetteError } from "../errors.ts";
import { CATALOGUE } from "./catalogue-data.ts";
import { manifestSchema } from "./manifest.ts";
import type { CatalogueModel } from "./catalogue-model.ts";

const catalogueSchema = z.strictObject({
  models: z.array(z.strictObject({
    name: z.string().regex(/^[\w.-]+$/).describe("Name to pull it by, and of its file."),
    task: z.enum(["classify", "detect", "segment", "pose", "embed", "image"]).describe("What its numbers mean."),
    licence: z.string().min(1).describe("SPDX identifier of its licence."),
    sizeBytes: z.int().min(1).describe("Size of the file."),
    sha256: z.string().regex(/^[0-9a-f]{64}$/).describe("SHA-256 of the file, lower-case hexadecimal."),
    urls: z.array(z.url({ protocol: /^https?$/ })).min(1).describe("Where it lies, in order of preference."),
    manifest: manifestSchema.omit({ file: true }).optional().describe("How to use it."),
  })).describe("The models."),
});

/**
 * The catalogue, with the models of a site's own file (`VEDETTE_CATALOGUE`) before the built-in ones of the same name:
 * for mirrors and for models that are nobody else's business. Throws `E_CONFIG` for a file that is not one.
 */
export async function loadCatalogue(file?: string): Promise<readonly CatalogueModel[]> {
  if (file === undefined || file === "") {
    return CATALOGUE;
  }
  const fail = (reason: string, cause?: unknown): VedetteError => new VedetteError("E_CONFIG", { where: file, reason }, { cause });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), error);
  }
  const parsed = catalogueSchema.safeParse(value);
  if (!parsed.success) {
    throw fail(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
  }
  const own = parsed.data.models.map((model): CatalogueModel => ({ ...model, manifest: model.manifest }));
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...CATALOGUE.filter(({ name }) => !names.has(name))];
}
