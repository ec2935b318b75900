import { AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, SWS_AREA, SWS_BILINEAR, SWS_GAUSS, type AVPixelFormat } from "node-av/constants";
import { SoftwareScaleContext, type Frame } from "node-av/lib";
import { checked } from "./ffmpeg.ts";
import { allocatedFrame } from "./media-frame.ts";

/**
 * Sharpness of a Gaussian, in source pixels, that weighs the two nearest samples as linear interpolation does where it
 * matters most: 2 / ln 2 gives it the same slope midway between them.
 */
const LINEAR_LIKE = 2.9;

/** Scales and converts frames to one size and format, into samples of its own. Not to be used twice at once. */
export class Scaler implements Disposable {
  readonly #context = new SoftwareScaleContext();
  #target: Frame | undefined;
  #options = "";

  constructor() {
    this.#context.allocContext();
  }

  /**
   * The picture at a model's size, in full range; valid until the next call. Interpolated as OpenCV's INTER_LINEAR does,
   * which is what networks saw while they were trained (docs/adr/scaling-like-opencv.md).
   */
  async scaleForModel(source: Frame, width: number, height: number, format: AVPixelFormat): Promise<Frame> {
    const target = this.#targetOf(width, height, format);
    target.colorRange = AVCOL_RANGE_JPEG;
    if (width < source.width && height < source.height) {
      // swscale stretches its kernels by the ratio of the sizes; the square takes that back.
      this.#configure(SWS_GAUSS, LINEAR_LIKE * (source.width / width) * (source.height / height));
    } else {
      this.#configure(SWS_BILINEAR, 0);
    }
    checked(await this.#context.scaleFrame(target, source), "scaling");
    return target;
  }

  /** The picture in 4:2:0 with range and matrix of `like`, for people to look at; valid until the next call. */
  async scaleTagged(source: Frame, width: number, height: number, like: Frame): Promise<Frame> {
    const target = this.#targetOf(width, height, AV_PIX_FMT_YUV420P);
    target.colorRange = like.colorRange;
    target.colorSpace = like.colorSpace;
    await this.scaleInto(target, source);
    return target;
  }

  /** Scales into a frame of the caller's, whose size, format, range and matrix say what is wanted. */
  async scaleInto(target: Frame, source: Frame): Promise<void> {
    this.#configure(target.width < source.width || target.height < source.height ? SWS_AREA : SWS_BILINEAR, 0);
    checked(await this.#context.scaleFrame(target, source), "scaling");
  }

  [Symbol.dispose](): void {
    this.#target?.free();
    this.#context.freeContext();
  }

  #configure(flags: number, sharpness: number): void {
    const options = `${flags} ${sharpness}`;
    if (options !== this.#options) {
      this.#context.setOption("sws_flags", flags);
      if (sharpness > 0) {
        this.#context.setOption("param0", sharpness);
      }
      this.#options = options;
    }
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
