import type { DropReason } from "../domain/result.ts";

/** What a full mailbox does with the next item. */
export type WhenFull = "drop-oldest" | "drop-newest" | "wait";

/** Settings of a {@link Mailbox}. */
export interface MailboxOptions<T> {
  /** How many items may wait; at least 1. */
  readonly capacity: number;
  readonly whenFull: WhenFull;
  /** Receives what is dropped, and owns it from then on. */
  readonly onDrop: (item: T, reason: DropReason) => void;
}

/**
 * A bounded hand-over between one producer and one consumer: the place where a live stream loses frames, on purpose and
 * counted. Items left when it closes are dropped as `stopped`.
 */
export class Mailbox<T> implements AsyncIterable<T>, Disposable {
  readonly #options: MailboxOptions<T>;
  readonly #items: T[] = [];
  #isEnded = false;
  #error: Error | undefined;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;

  constructor(options: MailboxOptions<T>) {
    this.#options = options;
  }

  /** How many items wait. */
  get size(): number {
    return this.#items.length;
  }

  /** True when nothing more is taken in: the producer may stop. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Hands an item over. Resolves at once unless the mailbox is full and `wait` was chosen. */
  async push(item: T): Promise<void> {
    const { capacity, whenFull, onDrop } = this.#options;
    while (whenFull === "wait" && this.#items.length >= capacity && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve;
      });
    }
    if (this.#isEnded) {
      onDrop(item, "stopped");
      return;
    }
    if (this.#items.length >= capacity) {
      if (whenFull === "drop-newest") {
        onDrop(item, "mailbox_full");
        return;
      }
      for (const oldest of this.#items.splice(0, this.#items.length - capacity + 1)) {
        onDrop(oldest, "mailbox_full");
      }
    }
    this.#items.push(item);
    this.#wakeConsumer?.();
  }

  /** No more items come: the consumer gets what waits, then the end (or the error). */
  end(error?: Error): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#error = error;
      this.#wakeConsumer?.();
      this.#wakeProducer?.();
    }
  }

  /** Taking ends with `return()` even while an item is awaited: a plain generator could not be stopped there. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: () => this.#take(),
      return: () => {
        this[Symbol.dispose]();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  async #take(): Promise<IteratorResult<T, undefined>> {
    while (true) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#wakeProducer?.();
        return { done: false, value: item };
      }
      if (this.#isEnded) {
        if (this.#error !== undefined) {
          throw this.#error;
        }
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wakeConsumer = resolve;
      });
      this.#wakeConsumer = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.end();
    for (const item of this.#items.splice(0)) {
      this.#options.onDrop(item, "stopped");
    }
  }
}
