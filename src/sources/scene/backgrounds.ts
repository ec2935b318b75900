import type { Painter } from "./painter.ts";
import { FIRST_TREE, GROUND } from "./street.ts";

const PLANES = ["y", "u", "v"] as const;
type Planes = Pick<Painter, (typeof PLANES)[number]>;

/** Pixels of one thing: pairs of first index and index behind the last, row by row. */
type Runs = Int32Array;

/** Steps of the blend between two painted backgrounds: fine enough that nobody sees one. */
const STEPS = 64;

/**
 * Two painted backgrounds, a little apart in time, and the blend between them: light changes smoothly although painting
 * the street from scratch takes too long for every frame.
 */
export class Backgrounds {
  readonly #paint: (slot: number) => Painter;
  readonly #painted = new Map<number, Painter>();
  /** Runs of each tree: trees hide who walks behind them, so they are laid over again, in their turn. */
  readonly #trees: readonly Runs[];
  /** Where the ground is, at half size: 1 or 0. */
  readonly ground: Uint8Array;
  /** The blend of the moment. */
  readonly #now: Planes;
  #step = Number.NaN;

  /** `paint` makes the background of a slot; `treeCount` trees are told apart by their owners in it. */
  constructor(paint: (slot: number) => Painter, treeCount: number) {
    this.#paint = paint;
    const first = this.#at(0);
    this.#now = { y: first.y.slice(), u: first.u.slice(), v: first.v.slice() };
    this.ground = halfMask(first, GROUND);
    this.#trees = Array.from({ length: treeCount }, (_, index) => runsOf(first, FIRST_TREE + index));
  }

  /** Lays the background of a moment, in slots and parts of slots, over the whole picture. */
  lay(into: Painter, slots: number): void {
    const step = Math.floor(slots * STEPS);
    if (step !== this.#step) {
      const slot = Math.floor(step / STEPS);
      const from = this.#at(slot);
      const to = this.#at(slot + 1);
      for (const plane of PLANES) {
        blend(this.#now[plane], from[plane], to[plane], ((step - slot * STEPS) * 256) / STEPS);
      }
      this.#step = step;
    }
    for (const plane of PLANES) {
      into[plane].set(this.#now[plane]);
    }
  }

  /** Lays one tree over what has been painted since, and takes its pixels away from whoever owned them. */
  layTree(into: Painter, index: number): void {
    const { y, u, v } = this.#now;
    const runs = this.#trees[index] ?? new Int32Array();
    for (let i = 0; i < runs.length; i += 2) {
      const first = runs[i] as number;
      const end = runs[i + 1] as number;
      into.y.set(y.subarray(first, end), first);
      into.owners.fill(into.owner, first, end);
      const row = Math.floor(first / into.width);
      if (row % 2 === 0) {
        const left = (row >> 1) * into.chromaWidth + ((first % into.width) >> 1);
        const right = left + ((end - first + 1) >> 1);
        into.u.set(u.subarray(left, right), left);
        into.v.set(v.subarray(left, right), left);
      }
    }
  }

  #at(slot: number): Painter {
    let painter = this.#painted.get(slot);
    if (painter === undefined) {
      painter = this.#paint(slot);
      for (const old of this.#painted.keys()) {
        if (Math.abs(old - slot) > 1) {
          this.#painted.delete(old);
        }
      }
      this.#painted.set(slot, painter);
    }
    return painter;
  }
}

function blend(into: Uint8Array, from: Uint8Array, to: Uint8Array, weight: number): void {
  for (let i = 0; i < into.length; i++) {
    const a = from[i] as number;
    into[i] = a + ((((to[i] as number) - a) * weight + 128) >> 8);
  }
}

function runsOf({ owners, width, height }: Painter, owner: number): Runs {
  const runs: number[] = [];
  for (let row = 0; row < height; row++) {
    for (let i = row * width, end = i + width; i < end; i++) {
      if (owners[i] === owner) {
        const first = i;
        while (i < end && owners[i] === owner) {
          i++;
        }
        runs.push(first, i);
      }
    }
  }
  return Int32Array.from(runs);
}

function halfMask({ owners, width, chromaWidth, chromaHeight }: Painter, owner: number): Uint8Array {
  const mask = new Uint8Array(chromaWidth * chromaHeight);
  for (let row = 0; row < chromaHeight; row++) {
    for (let x = 0; x < chromaWidth; x++) {
      mask[row * chromaWidth + x] = owners[row * 2 * width + x * 2] === owner ? 1 : 0;
    }
  }
  return mask;
}
