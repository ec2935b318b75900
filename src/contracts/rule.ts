import type { Result } from "../domain/result.ts";
import type { RuleEvent } from "../domain/event.ts";

/**
 * Turns results into events. Sees every result in order and owns its state; replaying the same results gives the same
 * events with the same ids. Time is the results' media time.
 */
export interface Rule {
  readonly name: string;
  /** Events caused by this result, oldest first. Never throws for odd data. */
  update(result: Result): readonly RuleEvent[];
  /** What the overlay shows of it (lines, zones, counts), in source pixels of the given size. */
  overlay(width: number, height: number): readonly OverlayShape[];
}

/** A line, polygon or text laid over the picture, in source pixels. Colours are 0xRRGGBB. */
export type OverlayShape =
  | { readonly shape: "line"; readonly points: readonly (readonly [number, number])[]; readonly color: number; readonly label?: string }
  | { readonly shape: "polygon"; readonly points: readonly (readonly [number, number])[]; readonly color: number; readonly label?: string }
  | {
      readonly shape: "text";
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly color: number;
      readonly background?: number;
      /** Letter height in pixels; scaled with the picture when left out. */
      readonly sizePx?: number;
    }
  | { readonly shape: "box"; readonly box: readonly [number, number, number, number]; readonly color: number; readonly label?: string }
  | { readonly shape: "point"; readonly x: number; readonly y: number; readonly color: number };
