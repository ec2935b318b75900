import type { SharedModel } from "../pipeline/model-runner.ts";

/** The engines of a host: one per model and setting, however many streams use it. Disposing it closes them all. */
export class EngineStore implements AsyncDisposable {
  readonly #engines = new Map<string, Promise<SharedModel>>();

  /** The engine known under `key`, opened on first use. An engine that failed to open is forgotten. */
  async get(key: string, open: () => Promise<SharedModel>): Promise<SharedModel> {
    const known = this.#engines.get(key);
    if (known !== undefined) {
      return known;
    }
    const opening = open();
    this.#engines.set(key, opening);
    try {
      return await opening;
    } catch (error) {
      this.#engines.delete(key);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = [...this.#engines.values()];
    this.#engines.clear();
    await Promise.all(
      opened.map(async (opening) => {
        // One that never opened has nothing to close; its failure went to whoever asked for it.
        const model = await opening.catch(() => undefined);
        await model?.[Symbol.asyncDispose]();
      }),
    );
  }
}
