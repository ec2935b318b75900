import type { YuvPicture } from "../../domain/picture.ts";
import { wallTimeMs, type WallTimeMs } from "../../domain/time.ts";

/**
 * A clock burnt into a picture, for measuring latency from glass to glass: when the frame was made and which one it is, as
 * a field of black and white cells with a checksum. Cells lie at fixed shares of the picture, and only their middles are
 * read, so that scaling, H.264 and JPEG leave it readable; what was mixed from two frames fails the checksum.
 */

/** What the clock shows. */
export interface ClockReading {
  /** When the frame was made, in whole milliseconds. */
  readonly atMs: WallTimeMs;
  /** Number of the frame, from 0; starts over after 16 777 215. */
  readonly frame: number;
}

const COLUMNS = 18;
const ROWS = 6;
/** The picture is divided into this many cells across and down; the clock's first cell is at (3, 1). */
const GRID = { across: 24, down: 18, left: 3, top: 1 } as const;
const TIME_BITS = 48;
const FRAME_BITS = 24;
const CHECK_BITS = 24;
const BITS = TIME_BITS + FRAME_BITS + CHECK_BITS;

/** CRC-24 as OpenPGP defines it (RFC 9580 §6.1), over the bits that hold the reading. */
function checksum(bits: readonly boolean[]): number {
  let crc = 0xb704ce;
  for (const bit of bits) {
    const high = (crc & 0x800000) !== 0;
    crc = (crc << 1) & 0xffffff;
    crc = high !== bit ? crc ^ 0x864cfb : crc;
  }
  return crc;
}

function bitsOf(value: number, count: number): boolean[] {
  // Numbers beyond 32 bits: division, not shifts.
  return Array.from({ length: count }, (_, i) => Math.floor(value / 2 ** (count - 1 - i)) % 2 === 1);
}

function valueOf(bits: readonly boolean[]): number {
  return bits.reduce((value, bit) => value * 2 + (bit ? 1 : 0), 0);
}

/** The reading as cells: time and frame number as Gray codes, so that neighbouring values differ in one cell, and a checksum. */
export function encodeClock({ atMs, frame }: ClockReading): boolean[] {
  const bits = [...toGray(bitsOf(Math.floor(atMs), TIME_BITS)), ...toGray(bitsOf(frame % 2 ** FRAME_BITS, FRAME_BITS))];
  return [...bits, ...bitsOf(checksum(bits), CHECK_BITS)];
}

/** The reading behind cells; undefined when the checksum says that they were not read right. */
export function decodeClock(cells: readonly boolean[]): ClockReading | undefined {
  const bits = cells.slice(0, TIME_BITS + FRAME_BITS);
  if (cells.length !== BITS || checksum(bits) !== valueOf(cells.slice(TIME_BITS + FRAME_BITS))) {
    return undefined;
  }
  return { atMs: wallTimeMs(valueOf(fromGray(bits.slice(0, TIME_BITS)))), frame: valueOf(fromGray(bits.slice(TIME_BITS))) };
}

function toGray(bits: readonly boolean[]): boolean[] {
  return bits.map((bit, i) => bit !== (i > 0 && bits[i - 1] === true));
}

function fromGray(bits: readonly boolean[]): boolean[] {
  let before = false;
  return bits.map((bit) => (before = bit !== before));
}

/** Where a cell lies, in pixels: left, top, right, bottom. The first two columns are always black and white. */
function cellAt(column: number, row: number, width: number, height: number): [number, number, number, number] {
  const x = GRID.left + column;
  const y = GRID.top + row;
  return [
    Math.round((x * width) / GRID.across), Math.round((y * height) / GRID.down),
    Math.round(((x + 1) * width) / GRID.across), Math.round(((y + 1) * height) / GRID.down),
  ];
}

/** Paints the clock. Luma is black or white, chroma grey. */
export function paintClock(picture: YuvPicture, reading: ClockReading): void {
  const cells = encodeClock(reading);
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const isWhite = column < 2 ? column === 1 : (cells[row * (COLUMNS - 2) + column - 2] ?? false);
      paintCell(picture, cellAt(column, row, picture.width, picture.height), isWhite ? 235 : 16);
    }
  }
}

function paintCell({ planes: [y, u, v] }: YuvPicture, [x0, y0, x1, y1]: readonly [number, number, number, number], luma: number): void {
  for (let row = y0; row < y1; row++) {
    y.data.fill(luma, row * y.stride + x0, row * y.stride + x1);
  }
  for (let row = y0 >> 1; row < (y1 + 1) >> 1; row++) {
    u.data.fill(128, row * u.stride + (x0 >> 1), row * u.stride + ((x1 + 1) >> 1));
    v.data.fill(128, row * v.stride + (x0 >> 1), row * v.stride + ((x1 + 1) >> 1));
  }
}

/** A plane of brightness: the luma of a picture, or any grey picture of the same view. */
export interface LumaPlane {
  readonly data: Uint8Array;
  readonly stride: number;
  readonly width: number;
  readonly height: number;
}

/** Reads the clock out of brightness; undefined when there is none, or none that can be trusted. */
export function readClock({ data, stride, width, height }: LumaPlane): ClockReading | undefined {
  const cells: boolean[] = [];
  for (let row = 0; row < ROWS; row++) {
    const levels = Array.from({ length: COLUMNS }, (_, column) => middleOf(data, stride, cellAt(column, row, width, height)));
    const [black = 0, white = 0] = levels;
    if (white - black < 40) {
      return undefined;
    }
    cells.push(...levels.slice(2).map((level) => level > (black + white) / 2));
  }
  return decodeClock(cells);
}

/** Mean brightness of a cell's middle. */
function middleOf(data: Uint8Array, stride: number, [x0, y0, x1, y1]: readonly [number, number, number, number]): number {
  const marginX = Math.floor((x1 - x0) / 4);
  const marginY = Math.floor((y1 - y0) / 4);
  let sum = 0;
  let count = 0;
  for (let row = y0 + marginY; row < y1 - marginY; row++) {
    for (let column = x0 + marginX; column < x1 - marginX; column++) {
      sum += data[row * stride + column] ?? 0;
      count++;
    }
  }
  return sum / Math.max(1, count);
}
