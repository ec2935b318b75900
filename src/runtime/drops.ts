import type { DropReason } from "../domain/result.ts";

/** How many items were lost, by reason. */
export class Drops {
  readonly #counts = new Map<DropReason, number>();

  add(reason: DropReason, count = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count);
  }

  get total(): number {
    return this.#counts.values().reduce((sum, count) => sum + count, 0);
  }

  /** Plain data: only reasons that occurred. */
  toJSON(): Partial<Record<DropReason, number>> {
    return Object.fromEntries(this.#counts);
  }
}
