import type { InputGeometry, InputSpec } from "../domain/model.ts";

/** Where a picture goes inside a model's input: it is scaled to `scaled…`, then laid at `left`, `top` (negative: cut). */
export interface InputFit {
  readonly scaledWidth: number;
  readonly scaledHeight: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Works out how a picture of the given size fills an input. */
export function fitInput(input: InputSpec, sourceWidth: number, sourceHeight: number): InputFit {
  const { width, height } = input;
  switch (input.fit) {
    case "none":
      return { scaledWidth: sourceWidth, scaledHeight: sourceHeight, left: 0, top: 0, width: sourceWidth, height: sourceHeight };
    case "stretch":
      return { scaledWidth: width, scaledHeight: height, left: 0, top: 0, width, height };
    case "letterbox":
    case "crop": {
      const scales = [width / sourceWidth, height / sourceHeight] as const;
      const scale = input.fit === "letterbox" ? Math.min(...scales) : Math.max(...scales);
      const scaledWidth = Math.max(1, Math.round(sourceWidth * scale));
      const scaledHeight = Math.max(1, Math.round(sourceHeight * scale));
      const isCentered = input.fit === "crop" || input.anchor === "center";
      return {
        scaledWidth,
        scaledHeight,
        left: isCentered ? Math.trunc((width - scaledWidth) / 2) : 0,
        top: isCentered ? Math.trunc((height - scaledHeight) / 2) : 0,
        width,
        height,
      };
    }
  }
}

/** How to get from input pixels back to the source: the inverse of the fit, offset by where a crop began. */
export function geometryOf(fit: InputFit, sourceWidth: number, sourceHeight: number, cropLeft = 0, cropTop = 0): InputGeometry {
  const scaleX = sourceWidth / fit.scaledWidth;
  const scaleY = sourceHeight / fit.scaledHeight;
  return {
    sourceWidth,
    sourceHeight,
    inputWidth: fit.width,
    inputHeight: fit.height,
    scaleX,
    scaleY,
    offsetX: cropLeft - fit.left * scaleX,
    offsetY: cropTop - fit.top * scaleY,
  };
}
