import { wallTimeMs } from "../../domain/time.ts";
import type { WallTimeMs } from "../../domain/time.ts";
import { timestampDistance } from "./serial.ts";

/** Whose clock says when a picture was captured. */
export type CaptureClockMode = "auto" | "camera" | "arrival";

/** A camera's clock is believed up to this difference from ours; beyond it, it was never set. */
const PLAUSIBLE_MS = 10_000;
/** Network delays only ever add: the smallest of the last intervals is nearest to the truth. */
const WINDOW_MS = 30_000;

/**
 * When a packet's picture was captured. With sender reports, the camera's own clock says it (RFC 3550 §6.4.1); a camera
 * whose clock is off by more than 10 s, and one that sends no reports, is timed by arrival, smoothed along the RTP
 * timestamps so that network jitter does not show.
 */
export class CaptureClock {
  readonly #clockRateHz: number;
  readonly #mode: CaptureClockMode;
  #report: { readonly wallMs: number; readonly timestamp: number } | undefined;
  #arrival: { readonly timestamp: number; readonly startMs: number; offsetMs: number; nextMs: number; sinceMs: number } | undefined;

  constructor(clockRateHz: number, mode: CaptureClockMode) {
    this.#clockRateHz = clockRateHz;
    this.#mode = mode;
  }

  /** Notes a sender report. One with no time in it (0) says nothing. */
  senderReport(wall: WallTimeMs, timestamp: number): void {
    if (wall > 0) {
      this.#report = { wallMs: wall, timestamp };
    }
  }

  /** The wall-clock time of the camera's sender reports at this timestamp; undefined before the first one. */
  cameraTime(timestamp: number): number | undefined {
    const report = this.#report;
    return report === undefined ? undefined : report.wallMs + this.#toMs(timestampDistance(report.timestamp, timestamp));
  }

  /** Capture time of a packet that arrived at `now`. Call once per access unit, in order. */
  capturedAt(timestamp: number, now: WallTimeMs): WallTimeMs {
    const arrival = this.#byArrival(timestamp, now);
    const camera = this.cameraTime(timestamp);
    if (camera === undefined || this.#mode === "arrival") {
      return wallTimeMs(arrival);
    }
    const isPlausible = Math.abs(camera - now) <= PLAUSIBLE_MS;
    return wallTimeMs(this.#mode === "camera" || isPlausible ? camera : arrival);
  }

  #byArrival(timestamp: number, nowMs: number): number {
    const last = this.#arrival;
    const mediaMs = last === undefined ? 0 : last.startMs + this.#toMs(timestampDistance(last.timestamp, timestamp));
    const offsetMs = nowMs - mediaMs;
    // A timestamp that runs away from the clock is a new beginning, not jitter.
    if (last === undefined || Math.abs(offsetMs - last.offsetMs) > PLAUSIBLE_MS) {
      this.#arrival = { timestamp, startMs: 0, offsetMs: nowMs, nextMs: nowMs, sinceMs: nowMs };
      return nowMs;
    }
    const isOver = nowMs - last.sinceMs > WINDOW_MS;
    this.#arrival = {
      timestamp,
      startMs: mediaMs,
      // The smallest offset of the last window and of this one, so that slow clock drift is followed.
      offsetMs: isOver ? Math.min(last.nextMs, offsetMs) : Math.min(last.offsetMs, offsetMs),
      nextMs: isOver ? offsetMs : Math.min(last.nextMs, offsetMs),
      sinceMs: isOver ? nowMs : last.sinceMs,
    };
    return mediaMs + this.#arrival.offsetMs;
  }

  #toMs(ticks: number): number {
    return (ticks * 1000) / this.#clockRateHz;
  }
}
