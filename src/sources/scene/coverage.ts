/** The part of a plane that a shape touches. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * How much of each pixel a polygon covers, exactly: per row, the area to the right of each edge is kept as differences
 * between neighbouring cells, and summing a row up gives coverage (as the font rasteriser font-rs does it).
 */
export class Coverage {
  /** Rows of `area.width + 2` differences. Who reads them sets them back to zero. */
  readonly cells: Float32Array;

  constructor(maxWidth: number, maxHeight: number) {
    this.cells = new Float32Array((maxWidth + 3) * (maxHeight + 1));
  }

  /** Rasterises `x0, y0, x1, y1, …` times `scale` for a plane of this size; undefined when nothing of it lies inside. */
  of(points: ArrayLike<number>, scale: number, planeWidth: number, planeHeight: number): Area | undefined {
    const count = points.length;
    let minX = Infinity;
    let minY = Infinity;
    let maxX = -Infinity;
    let maxY = -Infinity;
    for (let i = 0; i < count; i += 2) {
      const x = (points[i] as number) * scale;
      const y = (points[i + 1] as number) * scale;
      minX = x < minX ? x : minX;
      maxX = x > maxX ? x : maxX;
      minY = y < minY ? y : minY;
      maxY = y > maxY ? y : maxY;
    }
    const left = Math.max(0, Math.floor(minX));
    const top = Math.max(0, Math.floor(minY));
    const width = Math.min(planeWidth, Math.ceil(maxX)) - left;
    const height = Math.min(planeHeight, Math.ceil(maxY)) - top;
    if (!(width > 0 && height > 0)) {
      return undefined;
    }
    let x0 = (points[count - 2] as number) * scale - left;
    let y0 = (points[count - 1] as number) * scale - top;
    for (let i = 0; i < count; i += 2) {
      const x1 = (points[i] as number) * scale - left;
      const y1 = (points[i + 1] as number) * scale - top;
      if (y0 < y1) {
        addEdge(this.cells, width, height, x0, y0, x1, y1, 1);
      } else if (y1 < y0) {
        addEdge(this.cells, width, height, x1, y1, x0, y0, -1);
      }
      x0 = x1;
      y0 = y1;
    }
    return { left, top, width, height };
  }
}

/** Adds one downward edge: per row, the area to its right as differences between neighbouring cells. */
function addEdge(cells: Float32Array, width: number, height: number, x0: number, y0: number, x1: number, y1: number, sign: number): void {
  const slope = (x1 - x0) / (y1 - y0);
  const first = Math.max(0, Math.floor(y0));
  const last = Math.min(height, Math.ceil(y1));
  for (let row = first; row < last; row++) {
    const from = y0 > row ? y0 : row;
    const to = y1 < row + 1 ? y1 : row + 1;
    const area = (to - from) * sign;
    // Beyond the left border everything counts as covered from the first cell on; beyond the right one nothing does.
    const a = Math.min(width, Math.max(0, x0 + (from - y0) * slope));
    const b = Math.min(width, Math.max(0, x0 + (to - y0) * slope));
    const low = a < b ? a : b;
    const high = a < b ? b : a;
    const lowCell = Math.floor(low);
    const highCell = Math.ceil(high);
    const at = row * (width + 2) + lowCell;
    if (highCell <= lowCell + 1) {
      const right = area * ((low + high) * 0.5 - lowCell);
      cells[at] = (cells[at] as number) + area - right;
      cells[at + 1] = (cells[at + 1] as number) + right;
    } else {
      spread(cells, at, area, low - lowCell, high - low, highCell - lowCell, high - highCell + 1);
    }
  }
}

/** One row of an edge that passes through several cells: the exact area left of it in each, as differences. */
function spread(cells: Float32Array, at: number, area: number, lowPart: number, run: number, count: number, highPart: number): void {
  const step = 1 / run;
  const head = 0.5 * step * (1 - lowPart) * (1 - lowPart);
  const tail = 0.5 * step * highPart * highPart;
  cells[at] = (cells[at] as number) + area * head;
  if (count === 2) {
    cells[at + 1] = (cells[at + 1] as number) + area * (1 - head - tail);
  } else {
    const second = step * (1.5 - lowPart);
    cells[at + 1] = (cells[at + 1] as number) + area * (second - head);
    for (let i = 2; i < count - 1; i++) {
      cells[at + i] = (cells[at + i] as number) + area * step;
    }
    cells[at + count - 1] = (cells[at + count - 1] as number) + area * (1 - second - (count - 3) * step - tail);
  }
  cells[at + count] = (cells[at + count] as number) + area * tail;
}
