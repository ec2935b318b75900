import { toDeliveryFailure } from "./destination.ts";
import { RetryDelays } from "../runtime/retry-delays.ts";
import type { DeliveryFailure, Destination } from "./destination.ts";
import type { Outbox, OutboxItem } from "./outbox.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Logger } from "../contracts/log.ts";

/** What a delivery needs. */
export interface DeliveryOptions {
  readonly outbox: Outbox;
  readonly destination: Destination;
  /** For people. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0…1. */
  readonly random: () => number;
  /** After so many answers that say no, an event becomes a dead letter. */
  readonly maxAttempts: number;
}

/** The first wait after a failure, and the longest. */
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 60_000;
/** How often the disk is looked at for what other processes put there, and the connection for being alive. */
const POLL_MS = 1000;
/** Limits are looked after this often. */
const LIMITS_EVERY_MS = 10_000;

/**
 * Takes events out of the outbox and hands them to the destination, in order, one batch after the other; the only place
 * that tries again. A destination that is down is told of once, and once when it is back.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #delays: RetryDelays;
  #failingSinceMs: number | undefined;
  #limitsMs = Number.NEGATIVE_INFINITY;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#delays = new RetryDelays({ firstMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS, random: options.random });
  }

  /** Runs until `ending` aborts and nothing is left, or the other side fails after that; `stop` ends it at once. */
  async run(ending: AbortSignal, stop: AbortSignal): Promise<void> {
    const { outbox, destination, clock, log, name } = this.#options;
    const isStopped = (): boolean => stop.aborted;
    while (!isStopped()) {
      this.#enforceLimits();
      let batch: readonly OutboxItem[] = [];
      try {
        await destination.connect(stop);
        batch = outbox.next(destination.batchSize);
        if (batch.length > 0) {
          await destination.send(batch, stop);
          outbox.settle(batch);
        }
        this.#well();
        if (batch.length === 0) {
          if (ending.aborted) {
            return;
          }
          await outbox.changed(POLL_MS, ending);
        }
      } catch (error) {
        if (isStopped()) {
          return;
        }
        const waitMs = this.#failed(toDeliveryFailure(error), batch);
        if (waitMs > 0) {
          if (ending.aborted) {
            log.info(`${outbox.size} events wait in the outbox for the next start`, { output: name });
            return;
          }
          // Its end ends the wait, for one last try.
          await clock.sleep(waitMs, ending).catch(() => undefined);
        }
      }
    }
  }

  /** Books a failure; says how long to wait. */
  #failed(failure: DeliveryFailure, batch: readonly OutboxItem[]): number {
    const { outbox, log, name, maxAttempts, clock } = this.#options;
    outbox.settle(batch.slice(0, failure.delivered));
    const item = batch[failure.delivered];
    if (item !== undefined && failure.problem === "rejected") {
      outbox.bury(item, failure.message);
      return 0;
    }
    if (item !== undefined && failure.problem === "refused" && outbox.failed(item) >= maxAttempts) {
      outbox.bury(item, `${failure.message} (${maxAttempts} tries)`);
      this.#delays.reset();
      return 0;
    }
    if (failure.delivered > 0) {
      this.#delays.reset();
    }
    if (this.#failingSinceMs === undefined) {
      this.#failingSinceMs = clock.monotonicMs();
      log.warn(`events cannot be delivered: ${failure.message}; they wait in the outbox`, { output: name, waiting: outbox.size });
    } else {
      log.debug(`still not: ${failure.message}`, { output: name });
    }
    return Math.max(1, Math.min(MAX_DELAY_MS, Math.max(this.#delays.next(), failure.retryAfterMs)));
  }

  #well(): void {
    const { clock, log, name, outbox } = this.#options;
    this.#delays.reset();
    if (this.#failingSinceMs !== undefined) {
      const seconds = Math.round((clock.monotonicMs() - this.#failingSinceMs) / 1000);
      this.#failingSinceMs = undefined;
      log.info(`events can be delivered again after ${seconds} s`, { output: name, waiting: outbox.size });
    }
  }

  #enforceLimits(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#limitsMs >= LIMITS_EVERY_MS) {
      this.#limitsMs = nowMs;
      this.#options.outbox.enforceLimits();
    }
  }
}
