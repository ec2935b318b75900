/** What the plan must know of a waiting item. Times are monotonic milliseconds. */
export interface PlannedItem {
  readonly arrivedMs: number;
  /** When its result must be there; `Infinity` when age does not matter. */
  readonly deadlineMs: number;
}

/** What the plan must know of a stream with its waiting items. */
export interface PlannedStream<Item extends PlannedItem> {
  /** In order of arrival. */
  readonly waiting: readonly Item[];
  /** Higher goes first. */
  readonly priority: number;
  /** Items it is owed by its `minFps`: at 1 or more it goes before everybody who is owed less. */
  readonly owed: number;
  /** How much service it has had: the fair share goes to the stream with the least. */
  readonly served: number;
}

/** What to do now. Every item is in at most one of the lists; the others go on waiting. */
export interface BatchPlan<Item> {
  /** Would be too old however they are run. */
  readonly tooLate: readonly Item[];
  /** To run now, together; empty when nothing is left. */
  readonly batch: readonly Item[];
}

/** One stream while a plan is made: its counters move with what the plan already gives it. */
interface Candidate<Item extends PlannedItem> {
  readonly items: Item[];
  readonly priority: number;
  owed: number;
  served: number;
}

/**
 * Chooses the next batch. First out are items that would be late even alone. The size is the largest that can be filled
 * with items that are still in time at that size, so that overload makes batches full instead of small; a stream that
 * is owed its `minFps` limits it to sizes at which its own item is in time. Places go to streams that are owed, then by
 * priority, then to the least served, the earliest deadline first among equals.
 *
 * @param sizes allowed batch sizes, rising, beginning with 1
 * @param estimateMs how long a batch of a size computes
 */
export function planBatch<Item extends PlannedItem>(
  streams: readonly PlannedStream<Item>[],
  nowMs: number,
  sizes: readonly number[],
  estimateMs: (size: number) => number,
): BatchPlan<Item> {
  const isInTime = (item: Item, size: number): boolean => nowMs + estimateMs(size) <= item.deadlineMs;
  const all = streams.flatMap((stream) => stream.waiting);
  const alive = all.filter((item) => isInTime(item, 1));
  const tooLate = alive.length === all.length ? [] : all.filter((item) => !isInTime(item, 1));
  if (alive.length === 0) {
    return { tooLate, batch: [] };
  }
  const owedDeadlineMs = mostOwedDeadline(streams, (item) => isInTime(item, 1));
  const size =
    sizes.findLast(
      (candidate) =>
        candidate === 1 ||
        (nowMs + estimateMs(candidate) <= owedDeadlineMs &&
          alive.reduce((count, item) => count + (isInTime(item, candidate) ? 1 : 0), 0) >= candidate),
    ) ?? 1;
  const candidates = streams.map((stream) => ({
    items: stream.waiting.filter((item) => isInTime(item, size)).sort((a, b) => a.deadlineMs - b.deadlineMs),
    priority: stream.priority,
    owed: stream.owed,
    served: stream.served,
  }));
  return { tooLate, batch: Array.from({ length: size }, () => take(candidates)).filter((item) => item !== undefined) };
}

/** When the window must close at the latest for its most urgent item to be in time. */
export function latestStartMs(items: Iterable<PlannedItem>, computeMs: number): number {
  let latest = Infinity;
  for (const item of items) {
    latest = Math.min(latest, item.deadlineMs - computeMs);
  }
  return latest;
}

function mostOwedDeadline<Item extends PlannedItem>(streams: readonly PlannedStream<Item>[], isAlive: (item: Item) => boolean): number {
  let most = 1;
  let deadlineMs = Infinity;
  for (const stream of streams) {
    if (stream.owed >= most) {
      const latest = stream.waiting.filter(isAlive).reduce((max, item) => Math.max(max, item.deadlineMs), -Infinity);
      if (latest > -Infinity) {
        most = stream.owed;
        deadlineMs = latest;
      }
    }
  }
  return deadlineMs;
}

function take<Item extends PlannedItem>(candidates: readonly Candidate<Item>[]): Item | undefined {
  let best: Candidate<Item> | undefined;
  for (const candidate of candidates) {
    if (candidate.items.length > 0 && (best === undefined || goesBefore(candidate, best))) {
      best = candidate;
    }
  }
  if (best === undefined) {
    return undefined;
  }
  best.owed = Math.max(0, best.owed - 1);
  best.served++;
  return best.items.shift();
}

function goesBefore<Item extends PlannedItem>(a: Candidate<Item>, b: Candidate<Item>): boolean {
  const owedA = a.owed >= 1 ? a.owed : 0;
  const owedB = b.owed >= 1 ? b.owed : 0;
  if (owedA !== owedB) {
    return owedA > owedB;
  }
  if (a.priority !== b.priority) {
    return a.priority > b.priority;
  }
  if (a.served !== b.served) {
    return a.served < b.served;
  }
  return (a.items[0]?.deadlineMs ?? Infinity) < (b.items[0]?.deadlineMs ?? Infinity);
}
