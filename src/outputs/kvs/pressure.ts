/** What to do about a connection that does not keep up. */
export type PressureStep = "none" | "reset" | "throttle";

/** After a reset nothing more is done for so long. */
const QUIET_MS = 30_000;
/** After that, so long without trouble and all is as it was. */
const CALM_MS = 60_000;

/**
 * Decides when to reset a connection, so that one slow moment is no storm of reconnects: reset first, leave it alone for
 * 30 s, throttle (tell the source, where it can wait) when that did not help, and begin anew after 60 s more without
 * trouble. The same states as the service's own producer has.
 */
export class Pressure {
  #state: "normal" | "reset" | "throttled" = "normal";
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Looks at things now; `hasTrouble`: acknowledgements are overdue, or what waits grows beyond the limit. */
  look(nowMs: number, hasTrouble: boolean): PressureStep {
    const passedMs = nowMs - this.#sinceMs;
    if (this.#state !== "normal" && passedMs < QUIET_MS) {
      return "none";
    }
    if (!hasTrouble) {
      if (passedMs >= QUIET_MS + CALM_MS) {
        this.#state = "normal";
      }
      return "none";
    }
    const step = this.#state === "normal" ? "reset" : this.#state === "reset" ? "throttle" : "reset";
    this.#state = step === "reset" && this.#state === "normal" ? "reset" : "throttled";
    this.#sinceMs = nowMs;
    return step;
  }
}
