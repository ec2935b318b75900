import type { Clock } from "../contracts/clock.ts";

/** How soon a breaker opens, and how long it stays open. */
export interface CircuitBreakerOptions {
  readonly clock: Clock;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** First pause; doubled after every failed trial up to {@link maxPauseMs}. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
}

/** `closed`: calls pass. `open`: they are refused at once. `trial`: one call is out to see whether the peer is back. */
export type CircuitState = "closed" | "open" | "trial";

/** What the holder of a permit says when its call is over. Saying it twice counts once. */
export interface CircuitPermit {
  succeeded(): void;
  failed(): void;
  /** The call ended for a reason of our own (aborted, refused as malformed): says nothing about the peer. */
  withdrawn(): void;
}

/**
 * Keeps calls away from a peer that does not answer: after some failures in a row calls are refused at once, and after a
 * pause a single trial is let through, whose outcome decides. Pauses double while trials fail. Makes no timers.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #state: CircuitState = "closed";
  #failuresInARow = 0;
  #pauseMs: number;
  #opensAgainMs = 0;
  /** Permits of before a change of state say nothing about now. */
  #generation = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#pauseMs = options.pauseMs;
  }

  /** `open` although the pause is over: the next call will be the trial. */
  get state(): CircuitState {
    return this.#state;
  }

  /** Milliseconds until a call may be tried; 0 when one may be tried now. */
  get waitMs(): number {
    return this.#state === "closed" ? 0 : Math.max(0, this.#opensAgainMs - this.#options.clock.monotonicMs());
  }

  /** Asks to make one call; undefined while calls are refused. */
  enter(): CircuitPermit | undefined {
    if (this.#state === "trial" || (this.#state === "open" && this.waitMs > 0)) {
      return undefined;
    }
    if (this.#state === "open") {
      this.#state = "trial";
      this.#generation++;
    }
    return this.#permit(this.#generation);
  }

  /** Opens it for at least this long: the peer said itself when to come back (Retry-After). */
  pauseFor(ms: number): void {
    this.#open(ms);
  }

  #permit(generation: number): CircuitPermit {
    let isOver = false;
    const once = (then: () => void) => () => {
      if (!isOver) {
        isOver = true;
        if (generation === this.#generation) {
          then();
        }
      }
    };
    return {
      succeeded: once(() => {
        this.#failuresInARow = 0;
        if (this.#state !== "closed") {
          this.#state = "closed";
          this.#generation++;
        }
        this.#pauseMs = this.#options.pauseMs;
      }),
      failed: once(() => this.#onFailure()),
      withdrawn: once(() => {
        if (this.#state === "trial") {
          this.#state = "open";
          this.#generation++;
        }
      }),
    };
  }

  #onFailure(): void {
    this.#failuresInARow++;
    if (this.#state === "trial") {
      this.#pauseMs = Math.min(this.#options.maxPauseMs, this.#pauseMs * 2);
      this.#open(this.#pauseMs);
    } else if (this.#failuresInARow >= this.#options.failures) {
      this.#open(this.#pauseMs);
    }
  }

  #open(ms: number): void {
    this.#state = "open";
    this.#generation++;
    this.#opensAgainMs = Math.max(this.#opensAgainMs, this.#options.clock.monotonicMs() + ms);
  }
}
