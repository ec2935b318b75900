import type { Logger } from "../contracts/log.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel, ServingLimits } from "./served-model.ts";

/** A model that can be loaded: what was configured, or registered from the model store. */
export interface ModelSource {
  readonly name: string;
  readonly version: string;
  /** Absolute path of an ONNX file, a manifest or an archive. Never from a request. */
  readonly path: string;
  /** Copies of the network that compute side by side; 0: as this machine's cores allow. */
  readonly workers: number;
  /** Limits of this model that differ from the server's. */
  readonly limits?: Partial<ServingLimits>;
}

/** A line of the repository's index. */
export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: "READY" | "UNAVAILABLE" | "LOADING";
  readonly reason: string;
}

/** What a registry works with. */
export interface RegistryOptions {
  /** Opens a version; what it throws is the reason why it is not available. */
  readonly open: (source: ModelSource, signal: AbortSignal) => Promise<ServedModel>;
  readonly log: Logger;
  /** How long requests to a version that is replaced or removed may take to finish. */
  readonly drainMs: number;
}

interface Entry {
  readonly source: ModelSource;
  served: ServedModel | undefined;
  state: IndexEntry["state"];
  reason: string;
}

/**
 * The models being served, each in one or more versions. A version is replaced by opening the new one first: requests
 * that began with the old one are finished by it, all others go to the new one, none is lost.
 */
export class ModelRegistry implements AsyncDisposable {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #defaults = new Map<string, string>();
  readonly #retiring = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Makes a model known without loading it. */
  add(source: ModelSource): void {
    const versions = this.#entries.get(source.name) ?? new Map<string, Entry>();
    this.#entries.set(source.name, versions);
    versions.set(source.version, { source, served: versions.get(source.version)?.served, state: "UNAVAILABLE", reason: "unloaded" });
  }

  /** Loads a known model (all its versions), or loads it anew from its file. Throws `not_found`, or why it cannot be loaded. */
  async load(name: string, signal: AbortSignal): Promise<void> {
    const versions = this.#entries.get(name);
    if (versions === undefined) {
      throw new RequestError("not_found", `Request for unknown model: '${name}' is not found`);
    }
    for (const entry of versions.values()) {
      await this.#load(entry, signal);
    }
  }

  /** Stops serving a model: requests under way are finished. Its entry stays, as unavailable. */
  unload(name: string, version?: string): void {
    for (const entry of this.#chosen(name, version)) {
      const { served } = entry;
      entry.served = undefined;
      entry.state = "UNAVAILABLE";
      entry.reason = "unloaded";
      this.#retire(served);
    }
  }

  /** As {@link unload}, and forgets it. */
  remove(name: string, version?: string): void {
    this.unload(name, version);
    const versions = this.#entries.get(name);
    if (version === undefined || versions?.size === 1) {
      this.#entries.delete(name);
      this.#defaults.delete(name);
    } else {
      versions?.delete(version);
    }
  }

  /** Makes a version the one that requests without a version get. */
  setDefault(name: string, version: string): void {
    this.#chosen(name, version);
    this.#defaults.set(name, version);
  }

  /** The version that requests without one get: the chosen, else the latest by number. */
  defaultVersion(name: string): string | undefined {
    return this.#defaults.get(name) ?? [...(this.#entries.get(name)?.keys() ?? [])].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  }

  /** Runs `use` with a version that stays until it is done. Throws `not_found` and `unavailable`. */
  async use<T>(name: string, version: string, use: (served: ServedModel) => Promise<T>): Promise<T> {
    const served = this.get(name, version);
    return served.hold(() => use(served));
  }

  /** A version being served; the default one for "". Throws `not_found` and `unavailable`. */
  get(name: string, version: string): ServedModel {
    const versions = this.#entries.get(name);
    if (versions === undefined) {
      throw new RequestError("not_found", `Request for unknown model: '${name}' is not found`);
    }
    const wanted = version === "" ? (this.defaultVersion(name) ?? "") : version;
    // TensorFlow Serving's versions are numbers: 1 asks for "1" and for "1.0" alike.
    const entry = versions.get(wanted) ?? versions.get(`${wanted}.0`);
    if (entry === undefined) {
      throw new RequestError("not_found", `Request for unknown model: '${name}' version ${wanted} is not found, there is ${[...versions.keys()].join(", ")}`);
    }
    if (entry.served === undefined) {
      throw new RequestError("unavailable", `Model '${name}' version ${wanted} is not ready: ${entry.reason}`, entry.state === "LOADING" ? { retryAfterS: 1 } : {});
    }
    return entry.served;
  }

  /** Versions of a model, oldest first; empty when there is no such model. */
  versions(name: string): readonly string[] {
    return [...(this.#entries.get(name)?.keys() ?? [])].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  }

  /** All models, in the order they were added. */
  index(): readonly (IndexEntry & { readonly source: ModelSource })[] {
    return [...this.#entries.values()].flatMap((versions) =>
      [...versions.values()].map(({ source, state, reason }) => ({ name: source.name, version: source.version, state, reason, source })),
    );
  }

  /** What is being served now. */
  served(): readonly ServedModel[] {
    return [...this.#entries.values()].flatMap((versions) => [...versions.values()].flatMap(({ served }) => (served === undefined ? [] : [served])));
  }

  /** Finishes requests under way, then closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const name of [...this.#entries.keys()]) {
      this.remove(name);
    }
    await Promise.all(this.#retiring);
  }

  async #load(entry: Entry, signal: AbortSignal): Promise<void> {
    if (entry.served === undefined) {
      entry.state = "LOADING";
      entry.reason = "loading";
    }
    try {
      const next = await this.#options.open(entry.source, AbortSignal.any([signal, this.#closing.signal]));
      const before = entry.served;
      entry.served = next;
      entry.state = "READY";
      entry.reason = "";
      this.#retire(before);
      this.#options.log.info("model loaded", { model: entry.source.name, version: entry.source.version, engine: next.description });
    } catch (error) {
      if (entry.served === undefined) {
        entry.state = "UNAVAILABLE";
        entry.reason = error instanceof Error ? error.message : String(error);
      }
      throw error;
    }
  }

  #retire(served: ServedModel | undefined): void {
    if (served === undefined) {
      return;
    }
    const retiring = (async () => {
      await served.drain(AbortSignal.timeout(this.#options.drainMs));
      await served[Symbol.asyncDispose]();
    })().finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  #chosen(name: string, version: string | undefined): readonly Entry[] {
    const versions = this.#entries.get(name);
    const entries = version === undefined ? [...(versions?.values() ?? [])] : [versions?.get(version)].filter((entry) => entry !== undefined);
    if (entries.length === 0) {
      throw new RequestError("not_found", version === undefined ? `Model not found: ${name}` : `Model version: ${version} does not exist for model: ${name}`);
    }
    return entries;
  }
}
