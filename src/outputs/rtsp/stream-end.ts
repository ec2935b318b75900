import type { StreamTaps } from "../../contracts/output.ts";

/**
 * Resolves when the stream ends or the signal aborts. Watches the events, of which there are few: packets would cost an
 * encode, and results are many.
 */
export async function streamEnd(stream: StreamTaps, signal: AbortSignal): Promise<void> {
  for await (const _ of stream.events({ whenSlow: "skip", capacity: 1, signal })) {
    // Only the end matters.
  }
}
