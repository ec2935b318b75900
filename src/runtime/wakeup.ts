/** Lets one side wait until the other says that something has changed. No memory: look first, then wait. */
export class Wakeup {
  #next = Promise.withResolvers<undefined>();

  /** Wakes everybody who waits now. */
  notify(): void {
    const waiting = this.#next;
    this.#next = Promise.withResolvers();
    waiting.resolve(undefined);
  }

  /** Resolves with the next {@link notify}. */
  wait(): Promise<undefined> {
    return this.#next.promise;
  }
}
