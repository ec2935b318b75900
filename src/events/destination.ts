import { redactText } from "../runtime/redact.ts";
import type { OutboxItem } from "./outbox.ts";

/** Where events go: one broker or receiver. Never retries: the delivery does. One call at a time. */
export interface Destination extends AsyncDisposable {
  /** How many events one `send` may be given. Greater than 1 only where the protocol keeps their order. */
  readonly batchSize: number;
  /** Connects unless connected; called before every `send` and about once a second while nothing is to be sent. */
  connect(signal: AbortSignal): Promise<void>;
  /** Resolves when the other side has confirmed every event. Throws a {@link DeliveryFailure}; anything else counts as `unreachable`. */
  send(items: readonly OutboxItem[], signal: AbortSignal): Promise<void>;
}

/**
 * Why an event did not go out. `unreachable`: nobody took it, try until it is too old. `refused`: somebody answered and
 * would not; tried a number of times. `rejected`: it will never be taken, go on with the next.
 */
export type DeliveryProblem = "unreachable" | "refused" | "rejected";

/** A failed `send`: how many events had been confirmed before the one that failed. */
export class DeliveryFailure extends Error {
  override readonly name = "DeliveryFailure";
  readonly problem: DeliveryProblem;
  readonly delivered: number;
  /** How long the other side asked to be left alone. */
  readonly retryAfterMs: number;

  constructor(problem: DeliveryProblem, reason: string, options: { readonly delivered?: number; readonly retryAfterMs?: number; readonly cause?: unknown } = {}) {
    super(redactText(reason), { cause: options.cause });
    this.problem = problem;
    this.delivered = options.delivered ?? 0;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** Any failure as one of delivery. */
export function toDeliveryFailure(error: unknown): DeliveryFailure {
  if (error instanceof DeliveryFailure) {
    return error;
  }
  // An AggregateError (all addresses of a name failed) has no text of its own.
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code } = inner as NodeJS.ErrnoException;
  const text = inner instanceof Error ? inner.message : String(inner);
  return new DeliveryFailure("unreachable", text === "" ? (code ?? "no connection") : text, { cause: error });
}
