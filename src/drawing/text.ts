import type { YuvPicture } from "../domain/picture.ts";
import { clipArea, paintCoverage } from "./coverage.ts";
import { GlyphCache, LINE } from "./glyphs.ts";
import type { GlyphRun } from "./glyphs.ts";
import { fillRect } from "./rectangle.ts";

/** How text looks. */
export interface TextStyle {
  /** Letter size in pixels, as fonts count it: a capital is about 0.73 of it. 6…200. */
  readonly sizePx: number;
  /** 0xRRGGBB. */
  readonly color: number;
  /** Filled behind the text when given. */
  readonly background?: number;
  /** Opacity of the background, 0…1; opaque when left out. */
  readonly backgroundOpacity?: number;
  /** Space between the text and the edge of its background, in pixels; from the size when left out. */
  readonly padding?: number;
}

/** Size of a line of text with its padding, in pixels. */
export interface TextSize {
  readonly width: number;
  readonly height: number;
}

/** Longer texts end in an ellipsis: nothing on a picture can show more. */
const MAX_CHARACTERS = 250;

/** Scripts written from right to left: their words are laid out by the font library, as one piece. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u;

const cache = new GlyphCache();

/** Size that {@link drawText} takes, background included. */
export function measureText(text: string, style: TextStyle): TextSize {
  return sizeOf(runsOf(text, sizeInPixels(style)), style);
}

/**
 * Draws one line of text, its top left corner (that of the background) at `x`, `y`. Characters that the font lacks show
 * as a box; control characters as a space; what reaches beyond the picture is cut off.
 */
export function drawText(picture: YuvPicture, text: string, x: number, y: number, style: TextStyle): TextSize {
  const sizePx = sizeInPixels(style);
  const runs = runsOf(text, sizePx);
  const size = sizeOf(runs, style);
  const left = Math.round(x);
  const top = Math.round(y);
  if (style.background !== undefined) {
    fillRect(picture, [left, top, left + size.width, top + size.height], style.background, style.backgroundOpacity);
  }
  const padding = paddingOf(style);
  drawRuns(picture, runs, left + padding, top + verticalPadding(padding), style.color);
  return size;
}

/** Black or white, whichever is easier to read on a colour (relative luminance as in WCAG 2, simplified). */
export function readableOn(background: number): number {
  const luminance = 0.2126 * ((background >> 16) & 255) + 0.7152 * ((background >> 8) & 255) + 0.0722 * (background & 255);
  return luminance > 140 ? 0x000000 : 0xffffff;
}

/** Paints all runs of a line in one pass over its rows. */
function drawRuns(picture: YuvPicture, runs: readonly GlyphRun[], x: number, y: number, rgb: number): void {
  const placed: { readonly run: GlyphRun; readonly left: number }[] = [];
  let pen = x;
  for (const run of runs) {
    if (run.width > 0 && pen + run.left < picture.width) {
      placed.push({ run, left: pen + run.left });
    }
    pen += run.advance;
  }
  const right = Math.max(...placed.map(({ run, left }) => left + run.width));
  const top = y + Math.min(...placed.map(({ run }) => run.top));
  const bottom = y + Math.max(...placed.map(({ run }) => run.top + run.height));
  const area = clipArea(picture, Math.min(...placed.map(({ left }) => left)), top, right, bottom);
  if (area !== undefined) {
    const fillRow = (row: number, into: Uint8Array): void => {
      for (const { run, left } of placed) {
        const line = row - y - run.top;
        const from = Math.max(left, area.left);
        const to = Math.min(left + run.width, area.right);
        // A word ends in white space, so the next one's empty margin covers nothing.
        if (line >= 0 && line < run.height && from < to) {
          into.set(run.alpha.subarray(line * run.width + from - left, line * run.width + to - left), from - area.left);
        }
      }
    };
    paintCoverage(picture, area, fillRow, rgb);
  }
}

/**
 * Words are drawn and kept one by one: labels that differ in a number only (scores, track numbers) share the rest.
 */
function runsOf(text: string, sizePx: number): GlyphRun[] {
  const line = printable(text);
  const pieces = RIGHT_TO_LEFT.test(line) ? [line] : (line.match(/\S+\s*|\s+/gu) ?? []);
  return pieces.map((piece) => cache.run(piece, sizePx));
}

function printable(text: string): string {
  // Cut before counting characters: a label may be megabytes long.
  const head = text.slice(0, MAX_CHARACTERS * 4);
  const characters = Array.from(head.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " "));
  return characters.length > MAX_CHARACTERS ? `${characters.slice(0, MAX_CHARACTERS).join("")}…` : characters.join("");
}

function sizeOf(runs: readonly GlyphRun[], style: TextStyle): TextSize {
  const padding = paddingOf(style);
  const lineHeight = Math.round((LINE.ascent + LINE.descent) * sizeInPixels(style));
  return {
    width: runs.reduce((sum, run) => sum + run.advance, 0) + 2 * padding,
    height: lineHeight + 2 * verticalPadding(padding),
  };
}

/** The font's line height has air of its own above and below the letters. */
function verticalPadding(padding: number): number {
  return Math.floor(padding / 3);
}

function paddingOf(style: TextStyle): number {
  return Math.round(style.padding ?? (style.background === undefined ? 0 : sizeInPixels(style) * 0.28));
}

function sizeInPixels(style: TextStyle): number {
  // What is no number is drawn small: the font library throws on NaN.
  return Math.max(6, Math.min(200, Math.round(style.sizePx) || 0));
}
