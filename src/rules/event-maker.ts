import type { RuleEvent } from "../domain/event.ts";
import type { Detection, Result } from "../domain/result.ts";

/** What a rule says of an event; the rest follows from the result that caused it. */
export interface Happening {
  readonly type: string;
  readonly detection?: Detection | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Makes a rule's events. The sequence in an id is the capture time in milliseconds, raised where needed so that it
 * always grows: it follows from the results alone (replay gives the same ids), and a stream that is started again
 * (its tracks count from 1 again) never repeats an id that a consumer may already have seen.
 */
export class EventMaker {
  readonly #stream: string;
  readonly #rule: string;
  #sequence = 0;

  constructor(stream: string, rule: string) {
    this.#stream = stream;
    this.#rule = rule;
  }

  /** `stream/rule/track/sequence`; an event of no single object has `-` for the track. */
  make(result: Result, { type, detection, data }: Happening): RuleEvent {
    const capturedAtMs = Number.isFinite(result.capturedAtMs) ? Math.floor(result.capturedAtMs) : 0;
    this.#sequence = Math.max(this.#sequence + 1, capturedAtMs);
    return {
      id: `${this.#stream}/${this.#rule}/${detection?.trackId ?? "-"}/${this.#sequence}`,
      stream: this.#stream,
      rule: this.#rule,
      type,
      ptsUs: result.ptsUs,
      capturedAtMs: result.capturedAtMs,
      seq: result.seq,
      ...(detection === undefined ? {} : { detection: plain(detection) }),
      data,
    };
  }
}

/** Without what is not printed: events are stored and sent. */
function plain(detection: Detection): Detection {
  const copy: { -readonly [Key in keyof Detection]: Detection[Key] } = { ...detection };
  delete copy.embedding;
  return copy;
}
