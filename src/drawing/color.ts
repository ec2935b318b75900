import type { YuvPicture } from "../domain/picture.ts";

/** A colour as the samples of one picture. */
export interface YuvColor {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** The weights of red and blue in luma. */
interface Matrix {
  readonly kr: number;
  readonly kb: number;
}

const BT601: Matrix = { kr: 0.299, kb: 0.114 };
const BT709: Matrix = { kr: 0.2126, kb: 0.0722 };

/** Pictures from this height on are taken as high definition, as players do for streams that do not say. */
const HD_HEIGHT = 720;

function matrixOf(height: number): Matrix {
  return height >= HD_HEIGHT ? BT709 : BT601;
}

/**
 * A colour 0xRRGGBB in a picture's own samples: BT.601 below 720 rows and BT.709 from there on (ITU-R BT.601-7 §2.5,
 * BT.709-6 §3), in the picture's range.
 */
export function toYuv(picture: Pick<YuvPicture, "height" | "fullRange">, rgb: number): YuvColor {
  const { kr, kb } = matrixOf(picture.height);
  const r = ((rgb >> 16) & 255) / 255;
  const g = ((rgb >> 8) & 255) / 255;
  const b = (rgb & 255) / 255;
  const luma = kr * r + (1 - kr - kb) * g + kb * b;
  const cb = (b - luma) / (2 * (1 - kb));
  const cr = (r - luma) / (2 * (1 - kr));
  return picture.fullRange
    ? { y: clampByte(255 * luma), u: clampByte(128 + 255 * cb), v: clampByte(128 + 255 * cr) }
    : { y: clampByte(16 + 219 * luma), u: clampByte(128 + 224 * cb), v: clampByte(128 + 224 * cr) };
}

/**
 * The same conversion as nine integer factors (16 fractional bits) and the luma offset, for whole images:
 * `y = offset + (r·yr + g·yg + b·yb) / 65536`, chroma likewise around 128.
 */
export interface YuvFactors {
  readonly yOffset: number;
  readonly y: readonly [number, number, number];
  readonly u: readonly [number, number, number];
  readonly v: readonly [number, number, number];
}

/** Factors of {@link toYuv} for a picture. */
export function yuvFactors(picture: Pick<YuvPicture, "height" | "fullRange">): YuvFactors {
  const { kr, kb } = matrixOf(picture.height);
  const kg = 1 - kr - kb;
  const lumaRange = picture.fullRange ? 1 : 219 / 255;
  const chromaRange = picture.fullRange ? 1 : 224 / 255;
  const fixed = (value: number): number => Math.round(value * 65536);
  const cb = chromaRange / (2 * (1 - kb));
  const cr = chromaRange / (2 * (1 - kr));
  return {
    yOffset: picture.fullRange ? 0 : 16,
    y: [fixed(kr * lumaRange), fixed(kg * lumaRange), fixed(kb * lumaRange)],
    u: [fixed(-kr * cb), fixed(-kg * cb), fixed((1 - kb) * cb)],
    v: [fixed((1 - kr) * cr), fixed(-kg * cr), fixed(-kb * cr)],
  };
}

function clampByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
