import { asBuffer } from "../as-buffer.ts";
import type { AccessUnit } from "../rtp/depayloader.ts";
import { MAX_ACCESS_UNIT_BYTES } from "../rtp/depayloader.ts";
import { joinAnnexB, splitAnnexB, startsWithStartCode } from "./annex-b.ts";
import type { NalCodec } from "./nal-codec.ts";
import { ParameterSets } from "./parameter-sets.ts";

/**
 * Gathers the NAL units of one picture into an access unit in Annex B form, for H.264 and H.265. A picture ends with the
 * marker or with a new timestamp, since cameras forget the one or the other; parameter sets sent alone, under their own
 * marker and timestamp, go with the picture that follows. A keyframe without parameter sets gets those in force, so that
 * every keyframe is a place to start.
 */
export class AccessUnitAssembler {
  readonly #codec: NalCodec;
  readonly #sets: ParameterSets;
  #units: Uint8Array[] = [];
  #bytes = 0;
  #timestamp = 0;
  #hasSlice = false;
  #isKeyframe = false;
  #isDamaged = false;
  #hasNewSets: boolean;

  constructor(codec: NalCodec, parameterSets: readonly Uint8Array[]) {
    this.#codec = codec;
    this.#sets = new ParameterSets(codec, parameterSets);
    this.#hasNewSets = this.#sets.info === undefined;
  }

  /** Takes the units that a packet completed. `isDamaged`: something was lost before or in them. */
  push(units: readonly Uint8Array[], timestamp: number, marker: boolean, isDamaged: boolean): AccessUnit[] {
    const done: AccessUnit[] = [];
    if (timestamp !== this.#timestamp) {
      done.push(...this.#finish());
      this.#timestamp = timestamp;
    }
    this.#isDamaged ||= isDamaged;
    for (const unit of units) {
      // A start code cannot occur inside a unit: some cameras send several units, or one with its start code, as one.
      for (const single of hasStartCode(unit) ? splitAnnexB(unit) : [unit]) {
        this.#add(single);
      }
    }
    if (marker) {
      done.push(...this.#finish());
    }
    return done;
  }

  #add(unit: Uint8Array): void {
    if (unit.length === 0 || this.#bytes + unit.length > MAX_ACCESS_UNIT_BYTES) {
      this.#isDamaged = true;
      return;
    }
    if (this.#sets.note(unit)) {
      this.#hasNewSets = true;
    }
    this.#hasSlice ||= this.#codec.isSlice(unit);
    this.#isKeyframe ||= this.#codec.isRandomAccess(unit);
    this.#units.push(unit);
    this.#bytes += unit.length;
  }

  #finish(): AccessUnit[] {
    if (!this.#hasSlice) {
      return [];
    }
    const isKeyframe = this.#isKeyframe;
    const hasSets = this.#units.some((unit) => this.#codec.isSps(unit));
    const units = isKeyframe && !hasSets ? insertSets(this.#sets.units, this.#units) : this.#units;
    const newTrack = isKeyframe && this.#hasNewSets && this.#sets.info !== undefined ? this.#sets.toTrack() : undefined;
    const done: AccessUnit = {
      data: joinAnnexB(units),
      timestamp: this.#timestamp,
      isKeyframe,
      isDamaged: this.#isDamaged,
      ...(newTrack === undefined ? {} : { newTrack }),
    };
    if (newTrack !== undefined) {
      this.#hasNewSets = false;
    }
    this.#units = [];
    this.#bytes = 0;
    this.#hasSlice = false;
    this.#isKeyframe = false;
    this.#isDamaged = false;
    return [done];
  }
}

const START_CODE = Buffer.of(0, 0, 1);

function hasStartCode(unit: Uint8Array): boolean {
  return startsWithStartCode(unit) || asBuffer(unit).includes(START_CODE);
}

/** An access unit delimiter, where there is one, stays first (H.264 §7.4.1.2.3). */
function insertSets(sets: readonly Uint8Array[], units: readonly Uint8Array[]): Uint8Array[] {
  const [first] = units;
  const isDelimiter = first !== undefined && first.length <= 3;
  return isDelimiter ? [first, ...sets, ...units.slice(1)] : [...sets, ...units];
}
