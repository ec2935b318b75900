/** Time as this program counts it: media time, wall-clock time and ages never mix. */

/** Media time: microseconds on the stream's own timeline. Never wall-clock time. */
export type MediaTimeUs = number & { readonly __unit: "MediaTimeUs" };

/** Wall-clock time: milliseconds since 1970-01-01T00:00:00Z, with fractions. */
export type WallTimeMs = number & { readonly __unit: "WallTimeMs" };

/** Marks a number of microseconds as media time. */
export function mediaTimeUs(us: number): MediaTimeUs {
  return us as MediaTimeUs;
}

/** Marks a number of milliseconds since the epoch as wall-clock time. */
export function wallTimeMs(ms: number): WallTimeMs {
  return ms as WallTimeMs;
}
