/** Where the samples of one axis of a plane fall on a grid: index of the earlier cell, and share of the next in 1/256. */
export interface Taps {
  /** The plane's first sample that lies on the grid; `index` and `share` go on from there. */
  readonly first: number;
  readonly index: Int32Array;
  readonly share: Int32Array;
}

/**
 * A grid of `cells` laid from `from` to `to` (pixels) over an axis of `size` pixels, seen by samples of `step` pixels
 * (1: luma, 2: chroma). Clipped to the axis; numbers that are not finite give nothing.
 */
export function taps(from: number, to: number, size: number, cells: number, step: 1 | 2): Taps {
  const first = Math.max(0, Math.ceil((from - step / 2) / step));
  const end = Math.min(Math.ceil(size / step), Math.ceil((to - step / 2) / step));
  const count = Math.max(0, end - first || 0);
  const index = new Int32Array(count);
  const share = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const middle = ((first + i) * step + step / 2 - from) * (cells / (to - from)) - 0.5;
    const at = Math.max(0, Math.min(cells - 1, middle));
    index[i] = Math.floor(at);
    share[i] = Math.floor((at - Math.floor(at)) * 256);
  }
  return { first, index, share };
}

/** Scales a grid of bytes row by row, bilinear: down first, at the grid's width, then across. */
export class RowScaler {
  readonly #values: ArrayLike<number>;
  readonly #width: number;
  readonly #between: Int32Array;
  readonly columns: Taps;
  readonly rows: Taps;

  constructor(values: ArrayLike<number>, width: number, columns: Taps, rows: Taps) {
    this.#values = values;
    this.#width = width;
    this.#between = new Int32Array(width);
    this.columns = columns;
    this.rows = rows;
  }

  /** Row `r` of the scaled grid, into the first samples of `into`. */
  row(r: number, into: Uint8Array): void {
    const values = this.#values;
    const width = this.#width;
    const between = this.#between;
    const upper = (this.rows.index[r] ?? 0) * width;
    const lower = Math.min(values.length - width, upper + width);
    const fy = this.rows.share[r] ?? 0;
    for (let i = 0; i < width; i++) {
      between[i] = (values[upper + i] ?? 0) * (256 - fy) + (values[lower + i] ?? 0) * fy;
    }
    const { index, share } = this.columns;
    for (let c = 0; c < index.length; c++) {
      const a = index[c] ?? 0;
      const fx = share[c] ?? 0;
      // In the last cell the share is 0, so what lies behind it does not matter.
      into[c] = ((between[a] ?? 0) * (256 - fx) + (between[a + 1] ?? 0) * fx + 32768) >> 16;
    }
  }
}
