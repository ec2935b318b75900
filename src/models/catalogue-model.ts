import type { ModelFlags } from "./manifest.ts";
import type { TaskName } from "../domain/model.ts";

/** A published model that `vedette models pull` knows: where it lies, what it must be, and how it is used. */
export interface CatalogueModel {
  readonly name: string;
  readonly task: TaskName;
  /** SPDX identifier of the weights' licence, as their publisher states it. */
  readonly licence: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** In order of preference. */
  readonly urls: readonly string[];
  /** How to use it; undefined where no family reads its outputs yet, so that it needs a use case. */
  readonly manifest: ModelFlags | undefined;
}
