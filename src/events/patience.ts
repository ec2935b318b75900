/** How long a broker may take to answer one call. */
export const ANSWER_TIMEOUT_MS = 10_000;

/**
 * The promise's outcome, unless something ends the wait before: the signal, the limit, or `lost` (the connection broke).
 * What the promise does afterwards concerns nobody.
 */
export async function answerOf<T>(promise: Promise<T>, options: { readonly what: string; readonly signal: AbortSignal; readonly timeoutMs?: number; readonly lost?: Promise<Error> }): Promise<T> {
  const { what, signal, timeoutMs = ANSWER_TIMEOUT_MS, lost } = options;
  const ended = Promise.withResolvers<never>();
  const timer = setTimeout(() => ended.reject(new Error(`${what}: no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  const onAbort = (): void => ended.reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  void lost?.then((error) => ended.reject(error));
  // One of them wins; the losers' failures are not unhandled.
  promise.catch(() => undefined);
  ended.promise.catch(() => undefined);
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, ended.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
