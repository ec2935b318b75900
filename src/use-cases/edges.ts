import type { YuvPicture } from "../domain/picture.ts";
import type { UseCase } from "./definition.ts";

/** Shows only the edges of things: white lines on black. */
export const edges: UseCase = {
  name: "edges",
  summary: "shows the edges of things, white on black",
  create: () => {
    let rows = new Uint8Array(0);
    return {
      draw: (picture) => {
        if (rows.length !== picture.width * 3) {
          rows = new Uint8Array(picture.width * 3);
        }
        drawEdges(picture, rows);
      },
    };
  },
};

/** Replaces luma by the strength of its gradient (Sobel, |x| + |y|) and takes colour out. `rows` holds three rows. */
function drawEdges(picture: YuvPicture, rows: Uint8Array): void {
  const { width, height, fullRange } = picture;
  const [luma, ...chroma] = picture.planes;
  const black = fullRange ? 0 : 16;
  const white = fullRange ? 255 : 235;
  const row = (y: number): Uint8Array => rows.subarray((y % 3) * width, ((y % 3) + 1) * width);
  const keep = (y: number): void => {
    row(y).set(luma.data.subarray(y * luma.stride, y * luma.stride + width));
  };
  // What is overwritten is still needed by the next row: three rows are kept as they were.
  keep(0);
  for (let y = 0; y < height; y++) {
    if (y + 1 < height) {
      keep(y + 1);
    }
    writeEdgeRow(luma.data, y * luma.stride, [row(Math.max(0, y - 1)), row(y), row(Math.min(height - 1, y + 1))], black, white);
  }
  const chromaWidth = (width + 1) >> 1;
  for (const { data, stride } of chroma) {
    for (let y = 0; y < (height + 1) >> 1; y++) {
      data.fill(128, y * stride, y * stride + chromaWidth);
    }
  }
}

function writeEdgeRow(data: Uint8Array, start: number, [above, here, below]: readonly [Uint8Array, Uint8Array, Uint8Array], black: number, white: number): void {
  const last = here.length - 1;
  for (let x = 0; x <= last; x++) {
    const l = x > 0 ? x - 1 : 0;
    const r = x < last ? x + 1 : last;
    const a = above[l] ?? 0;
    const c = above[r] ?? 0;
    const g = below[l] ?? 0;
    const i = below[r] ?? 0;
    const dx = c - a + 2 * ((here[r] ?? 0) - (here[l] ?? 0)) + i - g;
    const dy = g - a + 2 * ((below[x] ?? 0) - (above[x] ?? 0)) + i - c;
    const strength = black + (((dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy)) >> 2);
    data[start + x] = strength > white ? white : strength;
  }
}
