/**
 * Works on up to `parallelism` items at once and delivers in the order of the source. Where one item takes long, later
 * ones wait finished; the source is read no further ahead than that. An error of the source or of the work ends the
 * iteration after everything before it was delivered; whatever is still under way is awaited and handed to `discard`.
 */
export async function* mapOrdered<T, R>(
  source: AsyncIterable<T>,
  parallelism: number,
  work: (item: T) => Promise<R>,
  discard: (result: R) => void = () => undefined,
): AsyncGenerator<R, void, undefined> {
  const underWay: Promise<Settled<R>>[] = [];
  const iterator = source[Symbol.asyncIterator]();
  let isExhausted = false;
  let next: Promise<IteratorResult<T, unknown> | Failed> | undefined;
  try {
    while (true) {
      if (!isExhausted && underWay.length < parallelism) {
        next ??= iterator.next().catch((error: unknown) => ({ error }));
        // Take whichever comes first: room for more work, or the oldest result.
        const first = underWay[0];
        const ready = first === undefined ? await next : await Promise.race([next, first.then(() => undefined)]);
        if (ready !== undefined) {
          next = undefined;
          if ("error" in ready) {
            isExhausted = true;
            underWay.push(Promise.resolve(ready));
          } else if (ready.done === true) {
            isExhausted = true;
          } else {
            underWay.push(settle(work(ready.value)));
          }
          continue;
        }
      }
      const oldest = underWay.shift();
      if (oldest === undefined) {
        return;
      }
      const settled = await oldest;
      if ("error" in settled) {
        throw settled.error;
      }
      yield settled.result;
    }
  } finally {
    await iterator.return?.();
    for (const settled of await Promise.all(underWay)) {
      if ("result" in settled) {
        discard(settled.result);
      }
    }
  }
}

interface Failed {
  readonly error: unknown;
}

type Settled<R> = { readonly result: R } | Failed;

async function settle<R>(promise: Promise<R>): Promise<Settled<R>> {
  try {
    return { result: await promise };
  } catch (error) {
    return { error };
  }
}
