import { AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, SWS_AREA, SWS_BILINEAR, type AVPixelFormat } from "node-av/constants";
import { SoftwareScaleContext, type Frame } from "node-av/lib";
import { checked } from "./ffmpeg.ts";
import { allocatedFrame } from "./media-frame.ts";

/** Scales and converts frames to one size and format, into samples of its own. Not to be used twice at once. */
export class Scaler implements Disposable {
  readonly #context = new SoftwareScaleContext();
  #target: Frame | undefined;
  #flags = -1;

  constructor() {
    this.#context.allocContext();
  }

  /** The scaled picture, valid until the next call. RGB and grey come out in full range. */
  async scale(source: Frame, width: number, height: number, format: AVPixelFormat): Promise<Frame> {
    const target = this.#targetOf(width, height, format);
    target.colorRange = AVCOL_RANGE_JPEG;
    await this.scaleInto(target, source);
    return target;
  }

  /** As {@link scale}, 4:2:0 with range and matrix of `like`. */
  async scaleTagged(source: Frame, width: number, height: number, like: Frame): Promise<Frame> {
    const target = this.#targetOf(width, height, AV_PIX_FMT_YUV420P);
    target.colorRange = like.colorRange;
    target.colorSpace = like.colorSpace;
    await this.scaleInto(target, source);
    return target;
  }

  /** Scales into a frame of the caller's, whose size, format, range and matrix say what is wanted. */
  async scaleInto(target: Frame, source: Frame): Promise<void> {
    const flags = target.width < source.width || target.height < source.height ? SWS_AREA : SWS_BILINEAR;
    if (flags !== this.#flags) {
      this.#context.setOption("sws_flags", flags);
      this.#flags = flags;
    }
    checked(await this.#context.scaleFrame(target, source), "scaling");
  }

  [Symbol.dispose](): void {
    this.#target?.free();
    this.#context.freeContext();
  }

  #targetOf(width: number, height: number, format: AVPixelFormat): Frame {
    const current = this.#target;
    if (current !== undefined && current.width === width && current.height === height && current.format === format) {
      return current;
    }
    current?.free();
    this.#target = allocatedFrame(width, height, format);
    return this.#target;
  }
}
