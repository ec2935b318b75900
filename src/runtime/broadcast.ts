import type { ReadOptions } from "../contracts/output.ts";

/** Settings of a {@link Broadcast}. */
export interface BroadcastOptions<T> {
  /**
   * Where a reader may begin, and go on after it was too slow. Packets: keyframes. When left out every item will do, and
   * a slow reader loses its oldest items instead of all of them.
   */
  readonly startsAt?: (item: T) => boolean;
  /** Counts what slow readers lost. */
  readonly onSkip?: (count: number) => void;
  /** Called when the first reader comes and when the last one has gone. */
  readonly onReaders?: (count: number) => void;
}

/**
 * Fan-out of one stream of items to any number of readers, each with a bounded queue of its own: a reader that waits
 * holds the publisher up, one that skips loses items, and neither touches another reader.
 */
export class Broadcast<T> {
  readonly #options: BroadcastOptions<T>;
  readonly #readers = new Set<Reader<T>>();
  #isEnded = false;
  #error: Error | undefined;

  constructor(options: BroadcastOptions<T> = {}) {
    this.#options = options;
  }

  /** How many read. */
  get readers(): number {
    return this.#readers.size;
  }

  /** True when some reader could take an item now: work for nobody can be left out. */
  get isWanted(): boolean {
    return this.#readers.values().some((reader) => reader.queue.length < reader.options.capacity || reader.options.whenSlow === "wait");
  }

  /** Gives the item to every reader. Resolves when those that wait have room for it. */
  async publish(item: T): Promise<void> {
    for (const reader of this.#readers) {
      if (reader.options.whenSlow === "wait") {
        while (reader.queue.length >= reader.options.capacity && this.#readers.has(reader)) {
          await new Promise<void>((resolve) => {
            reader.wakePublisher = resolve;
          });
        }
      }
      this.#offer(reader, item);
    }
  }

  /**
   * Reads from now on, beginning with `backlog` (a cached group of pictures, the newest result). Reading starts when this
   * is called, not at the first `next()`: nothing published in between is lost.
   */
  subscribe(options: ReadOptions, backlog: readonly T[] = []): AsyncIterable<T> {
    const reader: Reader<T> = {
      options,
      queue: [...backlog],
      hasStarted: backlog.length > 0 || this.#options.startsAt === undefined,
      wakeReader: undefined,
      wakePublisher: undefined,
    };
    if (!this.#isEnded && !options.signal.aborted) {
      this.#readers.add(reader);
      if (this.#readers.size === 1) {
        this.#options.onReaders?.(1);
      }
    }
    const leave = (): void => {
      if (this.#readers.delete(reader) && this.#readers.size === 0) {
        this.#options.onReaders?.(0);
      }
      reader.wakePublisher?.();
      reader.wakeReader?.();
    };
    options.signal.addEventListener("abort", leave, { once: true });
    return this.#read(reader, leave);
  }

  /** No more items come: readers get what waits for them, then the end (or the error). */
  end(error?: Error): void {
    this.#isEnded = true;
    this.#error = error;
    for (const reader of this.#readers) {
      reader.wakeReader?.();
    }
  }

  #offer(reader: Reader<T>, item: T): void {
    if (!this.#readers.has(reader)) {
      return;
    }
    const { startsAt, onSkip } = this.#options;
    if (!reader.hasStarted) {
      if (startsAt?.(item) === false) {
        return;
      }
      reader.hasStarted = true;
    }
    if (reader.queue.length >= reader.options.capacity) {
      if (startsAt === undefined) {
        reader.queue.shift();
        onSkip?.(1);
      } else if (startsAt(item)) {
        onSkip?.(reader.queue.length);
        reader.queue.length = 0;
      } else {
        // Everything up to the next start is useless to it.
        onSkip?.(reader.queue.length + 1);
        reader.queue.length = 0;
        reader.hasStarted = false;
        return;
      }
    }
    reader.queue.push(item);
    reader.wakeReader?.();
  }

  #read(reader: Reader<T>, leave: () => void): AsyncIterableIterator<T, undefined> {
    const stop = (): void => {
      reader.options.signal.removeEventListener("abort", leave);
      leave();
    };
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: async () => {
        try {
          const item = await this.#take(reader);
          if (item === undefined) {
            stop();
            return { done: true, value: undefined };
          }
          return { done: false, value: item };
        } catch (error) {
          stop();
          throw error;
        }
      },
      return: () => {
        stop();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** The next item, or undefined at the end. */
  async #take(reader: Reader<T>): Promise<T | undefined> {
    while (!reader.options.signal.aborted) {
      const item = reader.queue.shift();
      if (item !== undefined) {
        reader.wakePublisher?.();
        return item;
      }
      if (this.#isEnded) {
        if (this.#error !== undefined) {
          throw this.#error;
        }
        return undefined;
      }
      if (!this.#readers.has(reader)) {
        return undefined;
      }
      await new Promise<void>((resolve) => {
        reader.wakeReader = resolve;
      });
      reader.wakeReader = undefined;
    }
    return undefined;
  }
}

interface Reader<T> {
  readonly options: ReadOptions;
  readonly queue: T[];
  hasStarted: boolean;
  wakeReader: (() => void) | undefined;
  wakePublisher: (() => void) | undefined;
}
