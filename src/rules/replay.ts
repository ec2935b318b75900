import { readResults, type BadLine } from "./stored-results.ts";
import type { Rule } from "../contracts/rule.ts";
import type { Tracker } from "../contracts/tracker.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { Result } from "../domain/result.ts";

/** How stored results are gone through again. */
export interface ReplayOptions {
  /** The rules of a stream, made when its first result comes: a file may hold results of several streams. */
  readonly rules: (stream: string, first: Result) => readonly Rule[];
  /** Gives identities anew; those stored are kept when left out. */
  readonly tracker?: ((stream: string) => Tracker) | undefined;
  /** Told of every line that is no result; the rest is gone through all the same. */
  readonly onBadLine: (bad: BadLine) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs rules over stored results (JSON lines) again, to try a new rule on last night's results. The events are those
 * that the running stream would have given, with the same ids, oldest first. Throws the signal's reason when aborted.
 */
export async function* replay(lines: AsyncIterable<string> | Iterable<string>, options: ReplayOptions): AsyncGenerator<RuleEvent, void, undefined> {
  const streams = new Map<string, { readonly rules: readonly Rule[]; readonly tracker: Tracker | undefined }>();
  for await (const stored of readResults(lines, options.onBadLine)) {
    options.signal?.throwIfAborted();
    let stream = streams.get(stored.stream);
    if (stream === undefined) {
      stream = { rules: options.rules(stored.stream, stored), tracker: options.tracker?.(stored.stream) };
      streams.set(stored.stream, stream);
    }
    const result = stream.tracker === undefined ? stored : { ...stored, detections: stream.tracker.update(stored.detections ?? [], stored.ptsUs) };
    for (const rule of stream.rules) {
      yield* rule.update(result);
    }
  }
}
