import { createRequire } from "node:module";
import type * as CanvasLibrary from "@napi-rs/canvas";

/** A piece of text as opacities, to be laid on a picture in any colour. */
export interface GlyphRun {
  /** Size of {@link alpha} in pixels. */
  readonly width: number;
  readonly height: number;
  /** `width × height` opacities. */
  readonly alpha: Uint8Array;
  /** Where the mask lies relative to the pen: right of it, and below the top of the line. */
  readonly left: number;
  readonly top: number;
  /** How far the pen moves on, in pixels. */
  readonly advance: number;
}

/** Height of a line and where letters stand in it, as shares of the letter size. From DejaVu Sans' `hhea` table. */
export const LINE = { ascent: 0.928, descent: 0.236 } as const;

const FAMILY = "Vedette Sans";
const MAX_WIDTH = 4096;
const CACHE_BYTES = 8 << 20;
/** What a cached run costs beside its pixels. */
const RUN_BYTES = 200;

/**
 * Draws runs of text once and keeps them, the least recently used going first. Canvas and font are loaded with the
 * first run, so that processes that draw no text never pay for them.
 */
export class GlyphCache {
  readonly #runs = new Map<string, GlyphRun>();
  readonly #maxBytes: number;
  #bytes = 0;
  #context: CanvasLibrary.SKRSContext2D | undefined;

  constructor(maxBytes = CACHE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The run for a piece of text without control characters, at a whole letter size in pixels. */
  run(text: string, sizePx: number): GlyphRun {
    const key = `${sizePx}/${text}`;
    let run = this.#runs.get(key);
    if (run === undefined) {
      run = this.#draw(text, sizePx);
      this.#bytes += run.alpha.length + RUN_BYTES;
    } else {
      this.#runs.delete(key);
    }
    this.#runs.set(key, run);
    this.#evict();
    return run;
  }

  /** Bytes held. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  #evict(): void {
    for (const [key, run] of this.#runs) {
      if (this.#bytes <= this.#maxBytes || this.#runs.size === 1) {
        return;
      }
      this.#runs.delete(key);
      this.#bytes -= run.alpha.length + RUN_BYTES;
    }
  }

  #draw(text: string, sizePx: number): GlyphRun {
    this.#context ??= openContext();
    const context = this.#context;
    context.font = `${sizePx}px "${FAMILY}"`;
    const metrics = context.measureText(text);
    const left = Math.floor(-metrics.actualBoundingBoxLeft) - 1;
    const width = Math.min(MAX_WIDTH, Math.ceil(metrics.actualBoundingBoxRight) + 1 - left);
    const baseline = Math.round(LINE.ascent * sizePx);
    const top = baseline - Math.ceil(metrics.actualBoundingBoxAscent) - 1;
    const height = Math.ceil(metrics.actualBoundingBoxDescent) + 1 + baseline - top;
    const advance = Math.round(metrics.width);
    if (!(width > 2 && height > 2 && height <= 8 * sizePx + 8) || text.trim() === "") {
      return { width: 0, height: 0, alpha: new Uint8Array(0), left: 0, top: 0, advance };
    }
    const { canvas } = context;
    if (canvas.width < width || canvas.height < height) {
      // Resizing clears the context's state.
      canvas.width = Math.max(canvas.width, width);
      canvas.height = Math.max(canvas.height, height);
      context.font = `${sizePx}px "${FAMILY}"`;
    }
    context.clearRect(0, 0, width, height);
    context.fillStyle = "#fff";
    context.fillText(text, -left, baseline - top);
    const { data } = context.getImageData(0, 0, width, height);
    const alpha = new Uint8Array(width * height);
    for (let i = 0; i < alpha.length; i++) {
      alpha[i] = data[i * 4 + 3] ?? 0;
    }
    return { width, height, alpha, left, top, advance };
  }
}

function openContext(): CanvasLibrary.SKRSContext2D {
  const require = createRequire(import.meta.url);
  // `require` knows no types; the library's own describe it. A synchronous load keeps drawing synchronous.
  const library = require("@napi-rs/canvas") as typeof CanvasLibrary;
  library.GlobalFonts.registerFromPath(require.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf"), FAMILY);
  return library.createCanvas(256, 64).getContext("2d");
}
