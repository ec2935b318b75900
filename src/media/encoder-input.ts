import { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG } from "node-av/constants";
import type { Frame } from "node-av/lib";
import { copyPicture } from "./drawable.ts";
import { allocatedFrame } from "./media-frame.ts";
import { Scaler } from "./scaler.ts";
import { isFullRange, pictureOf } from "./yuv-picture.ts";

/** What the encoder was opened for. */
export interface EncoderPicture {
  /** Size of the source's pictures. */
  readonly width: number;
  readonly height: number;
  readonly fullRange: boolean;
}

/**
 * Brings frames into the one form that the encoder takes: 8-bit 4:2:0, even size, one range. 4:2:0 cannot be cut at odd
 * pixels, so an odd size grows by one, its last row or column repeated: boxes drawn on it stay where they were.
 */
export class EncoderInput implements Disposable {
  readonly #picture: EncoderPicture;
  readonly #scaler = new Scaler();

  constructor(picture: EncoderPicture) {
    this.#picture = picture;
  }

  get width(): number {
    return this.#picture.width + (this.#picture.width % 2);
  }

  get height(): number {
    return this.#picture.height + (this.#picture.height % 2);
  }

  /** Takes the frame over and gives one that fits. */
  async prepare(source: Frame): Promise<Frame> {
    const is420 = source.format === AV_PIX_FMT_YUV420P || source.format === AV_PIX_FMT_YUVJ420P;
    const isSameRange = isFullRange(source) === this.#picture.fullRange;
    const isSameSize = source.width === this.#picture.width && source.height === this.#picture.height;
    if (is420 && isSameRange && isSameSize && source.width === this.width && source.height === this.height) {
      source.format = AV_PIX_FMT_YUV420P;
      return source;
    }
    try {
      return is420 && isSameRange && isSameSize ? this.#grown(source) : await this.#fitted(source);
    } finally {
      source.free();
    }
  }

  [Symbol.dispose](): void {
    this.#scaler[Symbol.dispose]();
  }

  #grown(source: Frame): Frame {
    const target = allocatedFrame(this.width, this.height, AV_PIX_FMT_YUV420P);
    this.#tag(target, source);
    const from = pictureOf(source);
    const to = pictureOf(target);
    copyPicture(from, to);
    // Chroma planes of an odd size are rounded up already: only luma grows.
    const { data, stride } = to.planes[0];
    if (from.width < to.width) {
      for (let row = 0; row < from.height; row += 1) {
        data[row * stride + from.width] = data[row * stride + from.width - 1] ?? 0;
      }
    }
    if (from.height < to.height) {
      data.copyWithin(from.height * stride, (from.height - 1) * stride, (from.height - 1) * stride + to.width);
    }
    return target;
  }

  /** Converts, and scales what has another size into the middle of a black picture. */
  async #fitted(source: Frame): Promise<Frame> {
    const target = allocatedFrame(this.width, this.height, AV_PIX_FMT_YUV420P);
    this.#tag(target, source);
    const scale = Math.min(this.width / source.width, this.height / source.height);
    const width = Math.min(this.width, Math.max(2, Math.round((source.width * scale) / 2) * 2));
    const height = Math.min(this.height, Math.max(2, Math.round((source.height * scale) / 2) * 2));
    if (width === this.width && height === this.height) {
      await this.#scaler.scaleInto(target, source);
      return target;
    }
    const scaled = await this.#scaler.scaleTagged(source, width, height, target);
    const left = Math.floor((this.width - width) / 4) * 2;
    const top = Math.floor((this.height - height) / 4) * 2;
    const to = pictureOf(target);
    const black = [this.#picture.fullRange ? 0 : 16, 128, 128] as const;
    const part = (index: 0 | 1 | 2) => {
      const plane = to.planes[index];
      const shift = index === 0 ? 0 : 1;
      plane.data.fill(black[index]);
      return { data: plane.data.subarray((top >> shift) * plane.stride + (left >> shift)), stride: plane.stride };
    };
    copyPicture(pictureOf(scaled), { ...to, planes: [part(0), part(1), part(2)] });
    return target;
  }

  #tag(target: Frame, source: Frame): void {
    target.colorRange = this.#picture.fullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    target.colorSpace = source.colorSpace;
    target.colorPrimaries = source.colorPrimaries;
    target.colorTrc = source.colorTrc;
  }
}
