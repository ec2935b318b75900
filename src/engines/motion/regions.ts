/** The changed pixels by cells of 4 × 4: connecting cells instead of pixels is what makes this fast, and bridges gaps. */
export interface Cells {
  readonly columns: number;
  readonly rows: number;
  /** One bit per changed pixel: bit `4 × (y mod 4) + x mod 4`. */
  readonly bits: Uint16Array;
  /** Sum of the changes of those pixels, each as a multiple of its own threshold. */
  readonly strength: Float32Array;
}

/** A part of the picture where something moves, in whole pixels of the analysed picture. */
export interface MotionRegion {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Changed pixels in it. */
  readonly area: number;
  /** Mean change of those pixels, as a multiple of what would just have counted; above 1. */
  readonly contrast: number;
}

/** A region while it is being put together. */
interface Growing {
  left: number;
  top: number;
  right: number;
  bottom: number;
  area: number;
  strength: number;
}

/** A cell takes part from this many changed pixels of 16: one column of an edge, but no lone noise. */
const MIN_CELL_PIXELS = 4;
/** Cells this far apart (in cells) still belong together. */
const BRIDGE = 2;
/** Regions this close (in pixels) are one: a car's front and back, a head and its body. */
const MERGE_PX = 6;
const MOST_REGIONS = 64;

/** Connects changed cells to regions of at least `minArea` changed pixels, largest first. */
export function findRegions(cells: Cells, width: number, height: number, minArea: number): readonly MotionRegion[] {
  const { columns, rows, bits } = cells;
  const isOpen = new Uint8Array(columns * rows);
  for (let i = 0; i < isOpen.length; i++) {
    isOpen[i] = bits[i] !== 0 && countBits(bits[i] ?? 0) >= MIN_CELL_PIXELS ? 1 : 0;
  }
  const found: Growing[] = [];
  for (let i = 0; i < isOpen.length; i++) {
    if (isOpen[i] === 1) {
      const region = grow(cells, isOpen, i);
      // One cell alone is noise, or too small to tell from it.
      if (region !== undefined) {
        found.push(region);
      }
    }
  }
  return merged(found)
    .filter(({ area }) => area >= minArea)
    .sort((a, b) => b.area - a.area)
    .slice(0, MOST_REGIONS)
    .map(({ left, top, right, bottom, area, strength }) => ({
      left,
      top,
      right: Math.min(width, right),
      bottom: Math.min(height, bottom),
      area,
      contrast: strength / area,
    }));
}

/** Takes a cell and all that belong with it out of `isOpen`; undefined when it is alone. */
function grow(cells: Cells, isOpen: Uint8Array, start: number): Growing | undefined {
  const { columns, rows, bits, strength } = cells;
  const region: Growing = { left: Infinity, top: Infinity, right: 0, bottom: 0, area: 0, strength: 0 };
  const waiting = [start];
  isOpen[start] = 0;
  let count = 0;
  for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
    const column = cell % columns;
    const row = (cell - column) / columns;
    count++;
    include(region, column * 4, row * 4, bits[cell] ?? 0, strength[cell] ?? 0);
    for (let y = Math.max(0, row - BRIDGE); y <= Math.min(rows - 1, row + BRIDGE); y++) {
      for (let x = Math.max(0, column - BRIDGE); x <= Math.min(columns - 1, column + BRIDGE); x++) {
        const near = y * columns + x;
        if (isOpen[near] === 1) {
          isOpen[near] = 0;
          waiting.push(near);
        }
      }
    }
  }
  return count > 1 ? region : undefined;
}

/** Widens a region to the changed pixels of a cell. */
function include(region: Growing, x: number, y: number, bits: number, strength: number): void {
  const columnBits = (bits | (bits >> 4) | (bits >> 8) | (bits >> 12)) & 15;
  const rowBits = ((bits & 0x000f) !== 0 ? 1 : 0) | ((bits & 0x00f0) !== 0 ? 2 : 0) | ((bits & 0x0f00) !== 0 ? 4 : 0) | ((bits & 0xf000) !== 0 ? 8 : 0);
  region.left = Math.min(region.left, x + lowest(columnBits));
  region.right = Math.max(region.right, x + 32 - Math.clz32(columnBits));
  region.top = Math.min(region.top, y + lowest(rowBits));
  region.bottom = Math.max(region.bottom, y + 32 - Math.clz32(rowBits));
  region.area += countBits(bits);
  region.strength += strength;
}

/** Puts regions together that touch or nearly do, until none do. */
function merged(regions: Growing[]): Growing[] {
  const result: Growing[] = [];
  for (let region = regions.pop(); region !== undefined; region = regions.pop()) {
    const other = result.findIndex((candidate) => isNear(candidate, region));
    const [near] = other < 0 ? [] : result.splice(other, 1);
    if (near === undefined) {
      result.push(region);
    } else {
      // The larger one may reach others: it takes its turn again.
      regions.push({
        left: Math.min(near.left, region.left),
        top: Math.min(near.top, region.top),
        right: Math.max(near.right, region.right),
        bottom: Math.max(near.bottom, region.bottom),
        area: near.area + region.area,
        strength: near.strength + region.strength,
      });
    }
  }
  return result;
}

function isNear(a: Growing, b: Growing): boolean {
  return a.left <= b.right + MERGE_PX && b.left <= a.right + MERGE_PX && a.top <= b.bottom + MERGE_PX && b.top <= a.bottom + MERGE_PX;
}

function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function countBits(bits: number): number {
  let rest = bits - ((bits >> 1) & 0x5555);
  rest = (rest & 0x3333) + ((rest >> 2) & 0x3333);
  rest = (rest + (rest >> 4)) & 0x0f0f;
  return (rest + (rest >> 8)) & 31;
}
