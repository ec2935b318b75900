import type { MediaTimeUs } from "../domain/time.ts";

const CLOCK_HZ = 90_000;
/** How far apart pictures that are caught up with are stamped: as far as they are sent. */
const CATCH_UP_TICKS = 90;

/**
 * The RTP timestamp of a media time. RFC 3550 §5.1 wants a random start against known plain text; SRTP does not encrypt
 * headers, so none is added, and whoever knows a result's media time knows which picture it belongs to.
 */
export function rtpTimestampOf(ptsUs: MediaTimeUs): number {
  return Number(BigInt.asUintN(32, BigInt(Math.round((ptsUs * CLOCK_HZ) / 1e6))));
}

/**
 * Timestamps for `count` older pictures that are sent right before the one at `next`: close together, as they arrive, or
 * a receiver would play them at their old pace and stay behind for ever. Strictly rising from `last` (what was sent
 * before) on.
 */
export function spreadBacklog(count: number, next: number, last: number | undefined): number[] {
  const room = last === undefined ? Infinity : ((next - last) | 0) - 1;
  const step = Math.max(1, Math.min(CATCH_UP_TICKS, Math.floor(room / (count + 1))));
  return Array.from({ length: count }, (_, at) => (room < count ? (last ?? 0) + 1 + at : next - (count - at) * step) >>> 0);
}
