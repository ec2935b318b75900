import type { YuvPicture } from "../../domain/picture.ts";
import type { WallTimeMs } from "../../domain/time.ts";
import type { FrameDrawer } from "../drawn-session.ts";
import { paintClock } from "./clock-block.ts";

/** 75 % colour bars in BT.601 video range: Y, U, V of white, yellow, cyan, green, magenta, red and blue. */
const BARS: readonly (readonly [number, number, number])[] = [
  [180, 128, 128], [162, 44, 142], [131, 156, 44], [112, 72, 58], [84, 184, 198], [65, 100, 212], [35, 212, 114],
];
/** Segments of the digits 0 to 9, clockwise from the top, the middle last. */
const DIGITS = [0b1111110, 0b0110000, 0b1101101, 0b1111001, 0b0110011, 0b1011011, 0b1011111, 0b1110000, 0b1111111, 0b1111011];
/** Segments as shares of a digit: left, top, right, bottom. */
const SEGMENTS: readonly (readonly [number, number, number, number])[] = [
  [0.1, 0, 0.9, 0.14], [0.76, 0.06, 0.9, 0.5], [0.76, 0.5, 0.9, 0.94], [0.1, 0.86, 0.9, 1], [0.1, 0.5, 0.24, 0.94], [0.1, 0.06, 0.24, 0.5], [0.1, 0.43, 0.9, 0.57],
];

/** Colour bars, a grey ramp, a block that moves, the frame's number for people and the clock for machines. */
export class Bars implements FrameDrawer {
  readonly #still: Uint8Array;
  readonly #picture: YuvPicture;
  readonly #memory: Uint8Array;

  constructor(width: number, height: number) {
    const half = (width + 1) >> 1;
    const luma = width * height;
    const chroma = half * ((height + 1) >> 1);
    this.#memory = new Uint8Array(luma + 2 * chroma);
    this.#picture = {
      format: "yuv420p", width, height, fullRange: false,
      planes: [
        { data: this.#memory.subarray(0, luma), stride: width },
        { data: this.#memory.subarray(luma, luma + chroma), stride: half },
        { data: this.#memory.subarray(luma + chroma), stride: half },
      ],
    };
    this.#paintStill();
    this.#still = this.#memory.slice();
  }

  draw(frame: number, capturedAtMs: WallTimeMs): Promise<YuvPicture> {
    const { width, height } = this.#picture;
    this.#memory.set(this.#still);
    const x = ((frame * 4) % (width + height / 9)) - height / 9;
    this.#fill(x, height * 0.87, x + height / 9, height * 0.97, [235, 128, 128]);
    this.#paintNumber(frame);
    paintClock(this.#picture, { atMs: capturedAtMs, frame });
    return Promise.resolve(this.#picture);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #paintStill(): void {
    const { width, height } = this.#picture;
    BARS.forEach((color, i) => {
      this.#fill((i * width) / BARS.length, 0, ((i + 1) * width) / BARS.length, height * 0.75, color);
    });
    for (let i = 0; i < 16; i++) {
      this.#fill((i * width) / 16, height * 0.75, ((i + 1) * width) / 16, height * 0.85, [16 + Math.round((219 * i) / 15), 128, 128]);
    }
    this.#fill(0, height * 0.85, width, height, [16, 128, 128]);
  }

  #paintNumber(frame: number): void {
    const { height } = this.#picture;
    const size = height * 0.2;
    const text = String(frame);
    const wide = size * 0.6;
    this.#fill(height * 0.06, height * 0.46, height * 0.1 + text.length * wide, height * 0.46 + size * 1.2, [16, 128, 128]);
    Array.from(text, Number).forEach((digit, i) => {
      const left = height * 0.08 + i * wide;
      const top = height * 0.46 + size * 0.1;
      SEGMENTS.forEach(([x0, y0, x1, y1], segment) => {
        if (((DIGITS[digit] ?? 0) >> (6 - segment)) & 1) {
          this.#fill(left + x0 * wide, top + y0 * size, left + x1 * wide, top + y1 * size, [235, 128, 128]);
        }
      });
    });
  }

  /** Fills a rectangle, cut at the borders. */
  #fill(x0: number, y0: number, x1: number, y1: number, color: readonly [number, number, number]): void {
    const { width, height, planes } = this.#picture;
    planes.forEach(({ data, stride }, i) => {
      const shift = i === 0 ? 1 : 2;
      const edge = (value: number, most: number): number => Math.min(Math.ceil(most / shift), Math.max(0, Math.round(value / shift)));
      for (let row = edge(y0, height); row < edge(y1, height); row++) {
        data.fill(color[i] ?? 128, row * stride + edge(x0, width), row * stride + edge(x1, width));
      }
    });
  }
}
