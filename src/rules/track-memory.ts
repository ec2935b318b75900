import type { MediaTimeUs } from "../domain/time.ts";

/** What a rule remembers of one object. */
interface Entry<State> {
  readonly state: State;
  seenUs: MediaTimeUs;
}

/**
 * What a rule remembers of every object, for as long as it is seen and a while longer: identities are never used again,
 * so without forgetting memory would grow for ever.
 */
export class TrackMemory<State> {
  readonly #keepUs: number;
  readonly #entries = new Map<number, Entry<State>>();
  #newestUs: MediaTimeUs | undefined;

  /** `keepS`: how long an object is remembered after it was last seen. */
  constructor(keepS: number) {
    this.#keepUs = keepS * 1e6;
  }

  /**
   * Begins a frame: forgets whoever was not seen for too long, and hands them back by rising identity. Whoever was there
   * in the frame before is kept however long ago that was: slow analysis is no absence. When time runs backwards
   * (another timeline began) everybody is forgotten.
   */
  begin(ptsUs: MediaTimeUs): readonly (readonly [trackId: number, state: State])[] {
    const previousUs = this.#newestUs ?? ptsUs;
    this.#newestUs = ptsUs;
    const isGone = (seenUs: MediaTimeUs): boolean => ptsUs < previousUs || (seenUs < previousUs && ptsUs - seenUs > this.#keepUs);
    const gone = [...this.#entries].filter(([, { seenUs }]) => isGone(seenUs)).sort(([a], [b]) => a - b);
    for (const [trackId] of gone) {
      this.#entries.delete(trackId);
    }
    return gone.map(([trackId, { state }]) => [trackId, state]);
  }

  /** What is remembered of an object that is seen now; made when it is new. */
  see(trackId: number, ptsUs: MediaTimeUs, make: () => State): State {
    const known = this.#entries.get(trackId);
    if (known !== undefined) {
      known.seenUs = ptsUs;
      return known.state;
    }
    const state = make();
    this.#entries.set(trackId, { state, seenUs: ptsUs });
    return state;
  }

  /** Everybody remembered. */
  states(): readonly State[] {
    return Array.from(this.#entries.values(), ({ state }) => state);
  }
}
