import type { VideoTrack } from "../../domain/packet.ts";
import type { SequenceInfo } from "../h264/sps.ts";
import { joinAnnexB } from "./annex-b.ts";
import type { NalCodec } from "./nal-codec.ts";

/** Cameras send a handful; more is an attack. */
const MAX_SETS = 64;

/** The parameter sets in force, the newest of each identifier. */
export class ParameterSets {
  readonly #codec: NalCodec;
  readonly #sets = new Map<string, Uint8Array>();

  constructor(codec: NalCodec, initial: readonly Uint8Array[] = []) {
    this.#codec = codec;
    for (const unit of initial) {
      this.note(unit);
    }
  }

  /** Takes a NAL unit; true when it is a parameter set that says something new. */
  note(unit: Uint8Array): boolean {
    const key = this.#codec.parameterSetKey(unit);
    if (key === undefined) {
      return false;
    }
    const known = this.#sets.get(key);
    if (known !== undefined && Buffer.compare(known, unit) === 0) {
      return false;
    }
    if (known === undefined && this.#sets.size >= MAX_SETS) {
      return false;
    }
    this.#sets.set(key, Uint8Array.from(unit));
    return true;
  }

  /** In the order in which they must be sent. */
  get units(): Uint8Array[] {
    return [...this.#sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, unit]) => unit);
  }

  /** Size and rate; undefined before a sequence parameter set that makes sense. */
  get info(): SequenceInfo | undefined {
    const sps = this.units.find((unit) => this.#codec.isSps(unit));
    return sps === undefined ? undefined : this.#codec.parseSps(sps);
  }

  /** A track with these parameter sets, in Annex B form. */
  toTrack(): VideoTrack {
    const { units, info } = this;
    return {
      kind: "video",
      codec: this.#codec.codec,
      width: info?.width ?? 0,
      height: info?.height ?? 0,
      rotation: 0,
      frameRate: info?.frameRate ?? 0,
      codecPrivate: units.length === 0 ? undefined : joinAnnexB(units),
    };
  }
}
