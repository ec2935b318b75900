import type { PacketFeed, StreamTaps, View } from "../../contracts/output.ts";

/** Packets that may wait for one viewer: two seconds and more at 30 fps; then it is moved to the next keyframe. */
const WAITING_PACKETS = 90;

/** Subscribes to a view; undefined when the stream has none to offer in time. */
export async function feedOf(taps: StreamTaps, view: View, signal: AbortSignal): Promise<PacketFeed | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = (): void => aborted.resolve(undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  const feed = taps.packets(view, { whenSlow: "skip", capacity: WAITING_PACKETS, signal });
  try {
    return signal.aborted ? undefined : await Promise.race([feed, aborted.promise]);
  } catch {
    // The stream broke before its tracks were known: to a viewer it is not available.
    return undefined;
  } finally {
    feed.catch(() => undefined);
    signal.removeEventListener("abort", onAbort);
  }
}
