/**
 * Sizes that a session is run with, rising: powers of two up to `maxBatch`, and `maxBatch` itself. A fixed set, because
 * every new shape costs ONNX Runtime another memory plan that it never gives back.
 */
export function batchSizes(maxBatch: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size < maxBatch; size *= 2) {
    sizes.push(size);
  }
  return [...sizes, maxBatch];
}

/**
 * The runs that `count` frames take: sizes out of `sizes` (rising) that add up to at least `count`. `pad` rounds up to one
 * larger run, which a GPU does for nearly nothing; without it frames are split so that no work is wasted.
 */
export function planRuns(count: number, sizes: readonly number[], pad: boolean): readonly number[] {
  const runs: number[] = [];
  let left = count;
  while (left > 0) {
    const above = sizes.find((size) => size >= left);
    const below = sizes.findLast((size) => size <= left);
    const size = (pad ? above : undefined) ?? below ?? above;
    if (size === undefined) {
      throw new RangeError("no batch sizes");
    }
    runs.push(size);
    left -= size;
  }
  return runs;
}
