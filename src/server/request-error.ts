import { VedetteError } from "../errors.ts";

/** How a request failed, with the codes that each protocol has for it. */
const FAILURES = {
  invalid: { http: 400, grpc: 3 },
  unauthenticated: { http: 401, grpc: 16 },
  forbidden: { http: 403, grpc: 7 },
  not_found: { http: 404, grpc: 5 },
  conflict: { http: 409, grpc: 10 },
  too_large: { http: 413, grpc: 8 },
  internal: { http: 500, grpc: 13 },
  unimplemented: { http: 501, grpc: 12 },
  unavailable: { http: 503, grpc: 14 },
  timeout: { http: 504, grpc: 4 },
} as const;

/** A kind of failure. */
export type FailureKind = keyof typeof FAILURES;

/** A request that the model server cannot answer: what was expected and what came, for whoever asked. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly kind: FailureKind;
  /** When to come back; undefined: coming back does not help. */
  readonly retryAfterS: number | undefined;

  constructor(kind: FailureKind, message: string, options: { readonly retryAfterS?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfterS = options.retryAfterS;
  }

  get httpStatus(): number {
    return FAILURES[this.kind].http;
  }

  get grpcStatus(): number {
    return FAILURES[this.kind].grpc;
  }
}

/** Any error as one that can be answered. What went wrong inside is told without paths or stacks. */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) {
    return error;
  }
  if (error instanceof VedetteError) {
    const kind = error.code === "E_WIRE" ? "invalid" : error.code === "E_STOPPED" ? "unavailable" : "internal";
    return new RequestError(kind, error.message, { cause: error, ...(kind === "unavailable" ? { retryAfterS: 1 } : {}) });
  }
  return new RequestError("internal", "internal error", { cause: error });
}
