import type { InputPixels } from "../contracts/frame.ts";
import type { InputGeometry, InputSpec, Tensor } from "../domain/model.ts";
import { inputArray, pixelWriter } from "../engines/to-tensor.ts";
import { pictureSize } from "./picture-size.ts";
import { RequestError } from "./request-error.ts";

/** Decodes one JPEG or PNG and scales it to a model's input. The bytes have passed the size check. */
export type DecodePicture = (bytes: Uint8Array, format: "jpeg" | "png", input: InputSpec, signal: AbortSignal) => Promise<InputPixels>;

/** Turns pictures out of requests into a model's input tensor. Their size is checked before anything is decoded. */
export class PictureReader {
  readonly #decode: DecodePicture;
  readonly #maxPixels: number;

  constructor(decode: DecodePicture, maxPixels: number) {
    this.#decode = decode;
    this.#maxPixels = maxPixels;
  }

  /** One tensor for all pictures, and where each lies in it. Throws `invalid`, `too_large`. */
  async toTensor(
    pictures: readonly Uint8Array[],
    input: InputSpec,
    signal: AbortSignal,
  ): Promise<{ readonly tensor: Tensor; readonly geometries: readonly InputGeometry[] }> {
    const decoded: InputPixels[] = [];
    for (const bytes of pictures) {
      decoded.push(await this.#decode(bytes, this.#check(bytes), input, signal));
    }
    const [first] = decoded;
    const { width, height, channels } = first ?? { width: input.width, height: input.height, channels: 3 };
    if (decoded.some((pixels) => pixels.width !== width || pixels.height !== height)) {
      throw new RequestError("invalid", "expected pictures of one size in a batch: this model takes them as they are");
    }
    const length = width * height * channels;
    const data = inputArray(input.type, length * decoded.length);
    const write = pixelWriter(input);
    decoded.forEach((pixels, i) => write(pixels.data.subarray(0, length), data, i * length));
    const shape = input.layout === "NCHW" ? [decoded.length, channels, height, width] : [decoded.length, height, width, channels];
    return { tensor: { name: input.name, type: input.type, shape, data }, geometries: decoded.map(({ geometry }) => geometry) };
  }

  #check(bytes: Uint8Array): "jpeg" | "png" {
    const size = pictureSize(bytes);
    if (size === undefined || size.width === 0 || size.height === 0) {
      throw new RequestError("invalid", `Image parsing failed: expected a JPEG or PNG, got ${bytes.byteLength} bytes of something else`);
    }
    if (size.width * size.height > this.#maxPixels) {
      throw new RequestError("too_large", `expected a picture of at most ${this.#maxPixels} pixels, got ${size.width}×${size.height}`);
    }
    return size.format;
  }
}
