/** What a viewer's reports say. */
export interface LineReport {
  /** Share of packets lost since the last report, 0…1. */
  readonly lossShare: number;
  /** What was sent since then. */
  readonly sentBps: number;
}

const MIN_BPS = 150_000;
/** Below this loss the line has room; above the other it is full (draft-ietf-rmcat-gcc §6). */
const LOW_LOSS = 0.02;
const HIGH_LOSS = 0.1;

/**
 * How much a viewer's line takes, in bits a second: the lower of what the viewer estimates from delays (REMB,
 * draft-alvestrand-rmcat-remb) and what losses allow (Google congestion control, draft-ietf-rmcat-gcc-02 §6). Undefined
 * before either has said anything: nothing is narrowed without a reason. Sans I/O.
 */
export class Bandwidth {
  #receiverBps: number | undefined;
  #lossBps: number | undefined;

  /** The viewer's own estimate. 0 says that it has none. */
  estimated(bitrateBps: number): void {
    if (Number.isFinite(bitrateBps) && bitrateBps > 0) {
      this.#receiverBps = bitrateBps;
    }
  }

  /** A receiver report. */
  reported({ lossShare, sentBps }: LineReport): void {
    if (lossShare > HIGH_LOSS) {
      this.#lossBps = Math.max(MIN_BPS, (this.#lossBps ?? sentBps) * (1 - lossShare / 2));
    } else if (lossShare < LOW_LOSS && this.#lossBps !== undefined) {
      this.#lossBps *= 1.05;
      if (this.#lossBps > sentBps * 4) {
        // Far above what is sent, without loss: the limit has no meaning any more.
        this.#lossBps = undefined;
      }
    }
  }

  /** The estimate now. */
  get bitrateBps(): number | undefined {
    const known = [this.#receiverBps, this.#lossBps].filter((value) => value !== undefined);
    return known.length === 0 ? undefined : Math.max(MIN_BPS, Math.min(...known));
  }
}
