import type { MediaTimeUs, WallTimeMs } from "./time.ts";

/** A rectangle `[x1, y1, x2, y2]` in source pixels, origin top left, as displayed (after rotation). */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** A point `[x, y]`. */
export type Point = readonly [x: number, y: number];

/** One object found in one frame. */
export interface Detection {
  readonly label: string;
  /** Index into the model's labels. */
  readonly classId: number;
  /** 0…1. */
  readonly score: number;
  readonly box: Box;
  /** Landmarks that came with it (a face's eyes, nose and mouth), in source pixels. */
  readonly keypoints?: readonly Keypoint[];
  /** Identity over time, once a tracker has seen it. */
  readonly trackId?: number;
  /** Appearance, for re-identification: a unit vector. Not printed. */
  readonly embedding?: Float32Array;
}

/** One class of a whole-frame classification. */
export interface Classification {
  readonly label: string;
  readonly classId: number;
  /** 0…1. */
  readonly score: number;
}

/** A named point in source pixels. */
export interface Keypoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** 0…1. */
  readonly score: number;
}

/** One body. */
export interface Pose {
  readonly score: number;
  readonly keypoints: readonly Keypoint[];
  readonly box?: Box;
}

/** A label per pixel, on the model's own grid. */
export interface Segments {
  /** Labels that occur, and the share of the frame that each covers (0…1, same order). */
  readonly labels: readonly string[];
  readonly areas: readonly number[];
  /** The map itself, for drawing. Not printed. */
  readonly mask?: Mask;
}

/** A grid of class indices (or, for a matte, of opacities) laid over a region of the source picture. */
export interface Mask {
  readonly kind: "classes" | "matte";
  readonly width: number;
  readonly height: number;
  /** `width × height` bytes: a class index, or opacity 0…255. */
  readonly data: Uint8Array;
  /** Where the grid lies, in source pixels; may reach beyond the picture (letterbox). */
  readonly region: Box;
}

/** A picture made by a network: packed RGB, to be laid over {@link region}. Not printed. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `width × height × 3` bytes. */
  readonly data: Uint8Array;
  /** Where it belongs, in source pixels. */
  readonly region: Box;
}

/** What a task makes of one frame's numbers, in source pixels. Kinds that do not apply are left out. */
export interface Finding {
  readonly detections?: readonly Detection[];
  readonly classes?: readonly Classification[];
  readonly poses?: readonly Pose[];
  readonly segments?: Segments;
  /** Appearance vector of the whole input. */
  readonly embedding?: Float32Array;
  readonly image?: RgbImage;
  /** What a use case adds: any JSON value, printed under `data`. */
  readonly data?: unknown;
}

/** Milliseconds spent per stage on one frame. */
export interface Timings {
  readonly decode?: number;
  readonly prepare?: number;
  readonly queue?: number;
  readonly infer?: number;
  readonly interpret?: number;
  readonly track?: number;
}

/** Everything known about one analysed frame. */
export interface Result extends Finding {
  readonly stream: string;
  /** Number of the decoded frame, from 0; frames that were dropped leave gaps. */
  readonly seq: number;
  readonly ptsUs: MediaTimeUs;
  readonly capturedAtMs: WallTimeMs;
  /** Size of the source picture as displayed. */
  readonly width: number;
  readonly height: number;
  readonly timingsMs: Timings;
  /** Now − capture time, when the result was complete. The number users feel. */
  readonly ageMs: number;
}

/** Why a frame, packet or event was not processed. Every drop is counted under one of these. */
export type DropReason =
  | "mailbox_full"
  | "deadline"
  | "decoder_late"
  | "decode_error"
  | "gated"
  | "rate_limited"
  | "reader_slow"
  | "engine_error"
  | "use_case_error"
  | "waiting_for_keyframe"
  | "stopped";
