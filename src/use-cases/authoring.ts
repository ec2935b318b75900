/**
 * What a use case is written with: the module behind `import … from "vedette"` inside a use case's file. It is small on
 * purpose, because every use case's thread loads it.
 */
import type { InputPixels } from "../contracts/frame.ts";
import type { OverlayShape } from "../contracts/rule.ts";
import type { InputGeometry, InputSpec, Tensor } from "../domain/model.ts";
import type { Box, Detection, Finding, Result } from "../domain/result.ts";

/** What a use case would like, where nobody says otherwise. */
export interface UseCaseHints {
  /** The model to run when none is named elsewhere: a catalogue name, a weights file or a manifest. */
  readonly model?: string;
  /** What the model's input is like, where the file does not tell. */
  readonly input?: Partial<InputSpec>;
}

/**
 * The user's own part in a stream. Every member is optional. Functions run in a thread of their own, one at a time; they
 * may be async. One that throws or takes too long costs its own frame, never the stream. The thread is started again after
 * a hang, so that variables of the file begin anew.
 */
export interface UseCaseDefinition extends UseCaseHints {
  /** Changes the pixels that go into the network: in place, or by returning others of the same length. */
  prepare?(pixels: InputPixels): void | Uint8Array | Promise<void | Uint8Array>;
  /** Reads the network's outputs (batch dimension 1). Positions are in source pixels: see {@link relativeBox}. */
  interpret?(outputs: readonly Tensor[], geometry: InputGeometry): Finding | Promise<Finding>;
  /** What to draw over the picture, in source pixels, besides what is drawn anyway. */
  draw?(result: Result, size: { readonly width: number; readonly height: number }): readonly OverlayShape[] | Promise<readonly OverlayShape[]>;
  /** Told of every result, in order. */
  onResult?(result: Result): void | Promise<void>;
}

/** Types a use case: `export default defineUseCase({ draw: (result) => [] })`. */
export function defineUseCase(definition: UseCaseDefinition): UseCaseDefinition {
  return definition;
}

/** A rectangle to draw, with an optional label. `color` is 0xRRGGBB. */
export function box(corners: Box, color: number, label?: string): OverlayShape {
  return { shape: "box", box: corners, color, ...(label === undefined ? {} : { label }) };
}

/** A line through points. */
export function line(points: readonly (readonly [number, number])[], color: number, label?: string): OverlayShape {
  return { shape: "line", points, color, ...(label === undefined ? {} : { label }) };
}

/** A closed outline. */
export function polygon(points: readonly (readonly [number, number])[], color: number, label?: string): OverlayShape {
  return { shape: "polygon", points, color, ...(label === undefined ? {} : { label }) };
}

/** Words, their top left corner at (x, y). */
export function text(x: number, y: number, words: string, color: number, look: { readonly background?: number; readonly sizePx?: number } = {}): OverlayShape {
  return { shape: "text", x, y, text: words, color, ...look };
}

/** A dot. */
export function point(x: number, y: number, color: number): OverlayShape {
  return { shape: "point", x, y, color };
}

/** An object that was found. `corners` in source pixels. */
export function detection(label: string, classId: number, score: number, corners: Box): Detection {
  return { label, classId, score, box: corners };
}

/**
 * A box given in 0…1 of the network's input (as DetectionOutput layers give it) in source pixels, cut off at the edges of
 * the picture.
 */
export function relativeBox(geometry: InputGeometry, x1: number, y1: number, x2: number, y2: number): Box {
  const { inputWidth, inputHeight, scaleX, scaleY, offsetX, offsetY, sourceWidth, sourceHeight } = geometry;
  const x = (value: number): number => Math.min(sourceWidth, Math.max(0, value * inputWidth * scaleX + offsetX));
  const y = (value: number): number => Math.min(sourceHeight, Math.max(0, value * inputHeight * scaleY + offsetY));
  return [x(x1), y(y1), x(x2), y(y2)];
}

/** The rows of a tensor's last dimension, as numbers: a `[1, 1, 200, 7]` tensor gives 200 rows of 7. */
export function* rows(tensor: Tensor | undefined): Generator<readonly number[]> {
  if (tensor === undefined || tensor.type === "string") {
    throw new TypeError("rows: expected a tensor of numbers");
  }
  const width = tensor.shape.at(-1) ?? 1;
  for (let from = 0; from < tensor.data.length; from += width) {
    yield Array.from(tensor.data.slice(from, from + width), tensor.type === "float16" ? fromFloat16 : Number);
  }
}

function fromFloat16(bits: unknown): number {
  const view = new DataView(new ArrayBuffer(2)) as DataView & { getFloat16(offset: number): number };
  view.setUint16(0, Number(bits));
  return view.getFloat16(0);
}
