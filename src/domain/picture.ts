/** One plane of a picture: rows of `stride` bytes, the first `width` of them samples. */
export interface Plane {
  readonly data: Uint8Array;
  /** Bytes from one row to the next. */
  readonly stride: number;
}

/**
 * A picture whose samples can be written: 8-bit 4:2:0, three planes (Y, U, V). Chroma planes are ceil(width / 2) ×
 * ceil(height / 2). Drawing happens straight on these planes: an RGB round trip of a 1080p frame costs more than the
 * network.
 */
export interface YuvPicture {
  readonly format: "yuv420p";
  readonly width: number;
  readonly height: number;
  /** Y, U, V. */
  readonly planes: readonly [Plane, Plane, Plane];
  /** True for JPEG range (0…255), false for video range (16…235). */
  readonly fullRange: boolean;
}
