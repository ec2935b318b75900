import type { Classification, Detection, Point } from "../domain/result.ts";

/** What a scripted thing adds to the results: something that is there, or not, at a moment. */
export interface Scripted {
  /** When it ends, in seconds from the start of the script. */
  readonly endS: number;
  /** Detections at a moment, in source pixels. */
  detectionsAt(seconds: number, width: number, height: number): readonly Detection[];
  /** Classes of the whole picture at a moment. */
  classesAt(seconds: number): readonly Classification[];
}

/** One leg of a path. */
interface Leg {
  readonly fromS: number;
  readonly toS: number;
  readonly from: Point;
  readonly to: Point;
  readonly isHidden: boolean;
}

interface TrackParts {
  readonly label: string;
  readonly classId: number;
  readonly score: number;
  readonly trackId: number | undefined;
  readonly size: Point;
  readonly startS: number;
  readonly place: Point;
  readonly goal: Point | undefined;
  readonly legs: readonly Leg[];
  readonly shake: { readonly amount: number; readonly seed: number };
}

/**
 * One object's way through the picture, written down as it would be told. Points are its feet, as shares of the picture
 * (0…1). Every method gives a new script; nothing is changed in place.
 *
 * ```ts
 * track("person").from(0.1, 0.9).to(0.9, 0.9).overSeconds(4).hidden(1).stay(10)
 * ```
 */
export class TrackScript implements Scripted {
  readonly #parts: TrackParts;

  constructor(parts: TrackParts) {
    this.#parts = parts;
  }

  get endS(): number {
    return this.#parts.legs.at(-1)?.toS ?? this.#parts.startS;
  }

  /** Where it begins. */
  from(x: number, y: number): TrackScript {
    return this.#with({ place: [x, y] });
  }

  /** Where it goes next; {@link overSeconds} says how long that takes. */
  to(x: number, y: number): TrackScript {
    return this.#with({ goal: [x, y] });
  }

  /** Walks to the place named by {@link to} (or stays, when none is) in this many seconds. */
  overSeconds(seconds: number): TrackScript {
    return this.#leg(seconds, this.#parts.goal ?? this.#parts.place, false);
  }

  /** Stands still. */
  stay(seconds: number): TrackScript {
    return this.#leg(seconds, this.#parts.place, false);
  }

  /** Is not detected for some time, while it walks to the place named by {@link to}, if any. */
  hidden(seconds: number): TrackScript {
    return this.#leg(seconds, this.#parts.goal ?? this.#parts.place, true);
  }

  /** Comes this many seconds after the start of the script. Call it before the first leg. */
  at(seconds: number): TrackScript {
    return this.#with({ startS: seconds });
  }

  /** Width and height of its box, as shares of the picture. */
  size(width: number, height: number): TrackScript {
    return this.#with({ size: [width, height] });
  }

  /** Score of its detections, 0…1. */
  score(score: number): TrackScript {
    return this.#with({ score });
  }

  /** Its identity; else objects are numbered as they are listed, from 1. */
  id(trackId: number): TrackScript {
    return this.#with({ trackId });
  }

  /** Shakes its feet by up to this share of the picture, the same way every time for one seed. */
  jitter(amount: number, seed = 1): TrackScript {
    return this.#with({ shake: { amount, seed } });
  }

  /** The same script with an identity, unless it has one. */
  numbered(trackId: number): TrackScript {
    return this.#parts.trackId === undefined ? this.id(trackId) : this;
  }

  detectionsAt(seconds: number, width: number, height: number): readonly Detection[] {
    const { legs, size, label, classId, score, trackId } = this.#parts;
    const leg = legs.find(({ fromS, toS }) => seconds >= fromS - 1e-9 && seconds <= toS + 1e-9);
    if (leg === undefined || leg.isHidden) {
      return [];
    }
    const share = leg.toS === leg.fromS ? 1 : (seconds - leg.fromS) / (leg.toS - leg.fromS);
    const x = (leg.from[0] + (leg.to[0] - leg.from[0]) * share + this.#shakeAt(seconds, 0)) * width;
    const y = (leg.from[1] + (leg.to[1] - leg.from[1]) * share + this.#shakeAt(seconds, 1)) * height;
    const halfWidth = (size[0] * width) / 2;
    // To a tenth of a pixel, as results are printed.
    const box = [toTenths(x - halfWidth), toTenths(y - size[1] * height), toTenths(x + halfWidth), toTenths(y)] as const;
    return [{ label, classId, score, box, ...(trackId === undefined ? {} : { trackId }) }];
  }

  classesAt(): readonly Classification[] {
    return [];
  }

  #leg(seconds: number, to: Point, isHidden: boolean): TrackScript {
    const { legs, place } = this.#parts;
    const fromS = this.endS;
    return this.#with({ legs: [...legs, { fromS, toS: fromS + seconds, from: place, to, isHidden }], place: to, goal: undefined });
  }

  #shakeAt(seconds: number, axis: number): number {
    const { amount, seed } = this.#parts.shake;
    return amount === 0 ? 0 : amount * (2 * noise(seed * 7919 + axis * 104_729 + Math.round(seconds * 1000)) - 1);
  }

  #with(changes: Partial<TrackParts>): TrackScript {
    return new TrackScript({ ...this.#parts, ...changes });
  }
}

/** Begins the script of one object of this label. */
export function track(label: string, classId = 0): TrackScript {
  return new TrackScript({
    label,
    classId,
    score: 0.9,
    trackId: undefined,
    size: [0.08, 0.2],
    startS: 0,
    place: [0.5, 0.5],
    goal: undefined,
    legs: [],
    shake: { amount: 0, seed: 1 },
  });
}

/** A class of the whole picture, with scores that change over time: `picture("fire").scoring(0.1, 3).scoring(0.9, 2)`. */
export class PictureScript implements Scripted {
  readonly #label: string;
  readonly #classId: number;
  readonly #legs: readonly { readonly score: number; readonly untilS: number }[];

  constructor(label: string, classId: number, legs: readonly { readonly score: number; readonly untilS: number }[]) {
    this.#label = label;
    this.#classId = classId;
    this.#legs = legs;
  }

  get endS(): number {
    return this.#legs.at(-1)?.untilS ?? 0;
  }

  /** Has this score for the next seconds. */
  scoring(score: number, seconds: number): PictureScript {
    return new PictureScript(this.#label, this.#classId, [...this.#legs, { score, untilS: this.endS + seconds }]);
  }

  detectionsAt(): readonly Detection[] {
    return [];
  }

  classesAt(seconds: number): readonly Classification[] {
    const leg = this.#legs.find(({ untilS }) => seconds < untilS - 1e-9) ?? this.#legs.at(-1);
    return leg === undefined ? [] : [{ label: this.#label, classId: this.#classId, score: leg.score }];
  }
}

/** Begins the script of a class of the whole picture. */
export function picture(label: string, classId = 0): PictureScript {
  return new PictureScript(label, classId, []);
}

/** Nothing to be seen for some seconds: an empty street. */
export function nothing(seconds: number): Scripted {
  return { endS: seconds, detectionsAt: () => [], classesAt: () => [] };
}

function toTenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A number in 0…1 that depends on the key alone (SplitMix32's mixing). */
function noise(key: number): number {
  let z = (key + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
}
