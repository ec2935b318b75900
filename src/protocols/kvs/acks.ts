/** What the service says of a fragment while it is uploaded. */
export interface FragmentAck {
  readonly event: "BUFFERING" | "RECEIVED" | "PERSISTED" | "ERROR" | "IDLE";
  /** Milliseconds; from 1970 when the upload's timecodes are absolute. */
  readonly timecodeMs: number | undefined;
  /** Opaque; later fragments have larger ones. */
  readonly fragmentNumber: string | undefined;
  readonly errorId: number | undefined;
  readonly errorCode: string | undefined;
}

/** An acknowledgement is some hundred bytes: more without an end is not one. */
const MAX_ACK_CHARS = 64 * 1024;
const EVENTS = new Set(["BUFFERING", "RECEIVED", "PERSISTED", "ERROR", "IDLE"]);

/**
 * Finds acknowledgements in the response body. Objects may be split or joined anywhere: they are found by their braces,
 * those inside texts left aside. What is no acknowledgement is counted and passed over.
 */
export class AckParser {
  readonly #decoder = new TextDecoder();
  #text = "";
  #scanned = 0;
  #depth = 0;
  #start = 0;
  #isInText = false;
  #isEscaped = false;
  #rubbish = 0;

  /** Objects that were no acknowledgement. */
  get rubbish(): number {
    return this.#rubbish;
  }

  /** Takes the next bytes; gives the acknowledgements that they completed. */
  push(bytes: Uint8Array): FragmentAck[] {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    const acks: FragmentAck[] = [];
    for (; this.#scanned < this.#text.length; this.#scanned++) {
      if (this.#closes(this.#text.charCodeAt(this.#scanned))) {
        const ack = parseAck(this.#text.slice(this.#start, this.#scanned + 1));
        if (ack === undefined) {
          this.#rubbish++;
        } else {
          acks.push(ack);
        }
      }
    }
    this.#forget();
    return acks;
  }

  /** True for the brace that closes the outermost one. */
  #closes(char: number): boolean {
    if (this.#isInText) {
      const wasEscaped = this.#isEscaped;
      this.#isEscaped = char === BACKSLASH && !wasEscaped;
      this.#isInText = char !== QUOTE || wasEscaped;
      return false;
    }
    if (char === OPEN) {
      if (this.#depth === 0) {
        this.#start = this.#scanned;
      }
      this.#depth++;
    } else if (char === CLOSE && this.#depth > 0) {
      this.#depth--;
      return this.#depth === 0;
    } else if (char === QUOTE && this.#depth > 0) {
      this.#isInText = true;
    }
    return false;
  }

  #forget(): void {
    const keepFrom = this.#depth > 0 ? this.#start : this.#scanned;
    this.#text = this.#text.slice(keepFrom);
    this.#scanned -= keepFrom;
    this.#start = 0;
    if (this.#text.length > MAX_ACK_CHARS) {
      this.#rubbish++;
      this.#text = "";
      this.#scanned = 0;
      this.#depth = 0;
      this.#isInText = false;
      this.#isEscaped = false;
    }
  }
}

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function parseAck(text: string): FragmentAck | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  // The documentation shows a wrapper that is not on the wire; it is understood all the same.
  const inner = fields["Acknowledgement"];
  const ack = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : fields;
  const event = ack["EventType"];
  if (typeof event !== "string" || !EVENTS.has(event)) {
    return undefined;
  }
  return {
    event: event as FragmentAck["event"], // one of the set above
    timecodeMs: finite(ack["FragmentTimecode"]),
    fragmentNumber: typeof ack["FragmentNumber"] === "string" ? ack["FragmentNumber"] : undefined,
    errorId: finite(ack["ErrorId"]),
    errorCode: typeof ack["ErrorCode"] === "string" ? ack["ErrorCode"] : undefined,
  };
}

function finite(value: unknown): number | undefined {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}
