import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import type { ModelConfig } from "../config/schema.ts";
import { VedetteError } from "../errors.ts";
import type { ModelSource } from "../server/model-registry.ts";

/** A model to be served, as it is asked for. */
export interface ServedModelRequest {
  readonly name: string;
  readonly version: string;
  /** A file, a manifest, an archive, or a catalogue name. */
  readonly file: string;
}

/** What finding served models needs. */
export interface FindServedOptions {
  /** Folder that relative paths start from. */
  readonly baseDir: string;
  /** The file of a model known by name, downloaded when it has to be. */
  readonly named: (name: string) => Promise<string | undefined>;
  readonly workers: number;
}

/** The configuration's models as requests to serve them. Those that only a remote server holds are left out. */
export function configuredModels(models: Readonly<Record<string, string | ModelConfig>>): readonly ServedModelRequest[] {
  return Object.entries(models).flatMap(([name, said]) => {
    const file = typeof said === "string" ? said : said.file;
    return file === undefined ? [] : [{ name, version: "1", file }];
  });
}

/** Where the files of served models are. Throws `E_MODEL_NOT_FOUND`. */
export function findServed(requests: readonly ServedModelRequest[], options: FindServedOptions): Promise<readonly ModelSource[]> {
  return Promise.all(
    requests.map(async ({ name, version, file }) => {
      const path = resolve(options.baseDir, file);
      const exists = await stat(path).then(() => true, () => false);
      const found = exists ? path : extname(file) === "" ? await options.named(file) : undefined;
      if (found === undefined) {
        throw new VedetteError("E_MODEL_NOT_FOUND", { model: file });
      }
      return { name, version, path: found, workers: options.workers };
    }),
  );
}
