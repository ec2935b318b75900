/**
 * A password, token or key. It cannot leak by being printed, logged, interpolated or turned into JSON: everything but
 * {@link Secret.reveal} shows `***`.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, at the one place that sends or compares it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  /** What `util.inspect` and `console.log` show. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "Secret(***)";
  }
}
