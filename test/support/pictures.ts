// Pictures to draw on, and ways to look at them.
import { execFileSync } from "node:child_process";
import type { YuvPicture } from "../../src/domain/picture.ts";

/** An even grey (or black) picture whose planes have padding after each row, as decoders deliver them. */
export function blankPicture(width: number, height: number, options: { luma?: number; fullRange?: boolean; padding?: number } = {}): YuvPicture {
  const padding = options.padding ?? 13;
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const plane = (w: number, h: number, value: number) => {
    const data = new Uint8Array((w + padding) * h).fill(PADDING);
    for (let y = 0; y < h; y++) {
      data.fill(value, y * (w + padding), y * (w + padding) + w);
    }
    return { data, stride: w + padding };
  };
  return {
    format: "yuv420p",
    width,
    height,
    fullRange: options.fullRange ?? false,
    planes: [plane(width, height, options.luma ?? 128), plane(chromaWidth, chromaHeight, 128), plane(chromaWidth, chromaHeight, 128)],
  };
}

/** What the bytes after each row hold: drawing must leave them alone. */
const PADDING = 0xa5;

/** Whether something was written beside the picture's samples. */
export function paddingTouched(picture: YuvPicture): boolean {
  return picture.planes.some((plane, i) => {
    const width = i === 0 ? picture.width : (picture.width + 1) >> 1;
    return plane.data.some((value, at) => at % plane.stride >= width && value !== PADDING);
  });
}

/** The samples of one plane without padding. */
export function samples(picture: YuvPicture, planeIndex: 0 | 1 | 2): Uint8Array {
  const plane = picture.planes[planeIndex];
  const width = planeIndex === 0 ? picture.width : (picture.width + 1) >> 1;
  const height = planeIndex === 0 ? picture.height : (picture.height + 1) >> 1;
  const packed = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    packed.set(plane.data.subarray(y * plane.stride, y * plane.stride + width), y * width);
  }
  return packed;
}

/** Writes the picture as PNG (or whatever the name says) with ffmpeg, for people. */
export function savePicture(picture: YuvPicture, file: string): void {
  const raw = Buffer.concat([samples(picture, 0), samples(picture, 1), samples(picture, 2)]);
  const matrix = picture.height >= 720 ? "bt709" : "bt601";
  const args = ["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", `${picture.width}x${picture.height}`, "-i", "-"];
  const range = picture.fullRange ? "pc" : "tv";
  execFileSync("ffmpeg", [...args, "-vf", `scale=in_color_matrix=${matrix}:in_range=${range}`, "-frames:v", "1", file], { input: raw });
}
