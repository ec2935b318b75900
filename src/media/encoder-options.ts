import type { VideoFrame } from "../contracts/frame.ts";

/** How pictures are encoded. */
export interface EncoderOptions {
  readonly codec: "h264" | "h265";
  /** Size of the pictures given; an odd size is encoded one pixel larger, with the last row or column repeated. */
  readonly width: number;
  readonly height: number;
  /** Nominal rate, for rate control and for what players are told. Times come from the frames. */
  readonly frameRate?: number;
  /** Constant quality applies where it is left out. */
  readonly bitrateBps?: number;
  /** 1…100; 70 when left out. */
  readonly quality?: number;
  /** Frames from keyframe to keyframe at most; two seconds when left out. */
  readonly gopFrames?: number;
  /** `none` (also when left out), `auto`, or the hardware: `cuda`, `videotoolbox`, `qsv`, `amf`. Without it: software. */
  readonly hwaccel?: string;
  /** No B-frames, no look-ahead: each picture's packet comes out of the call that gave it. */
  readonly lowLatency: boolean;
  /** H.264 only: `baseline` is what every WebRTC peer decodes. */
  readonly profile?: "baseline" | "main" | "high";
  /** A frame as they will come: its range and colour tags are written into the stream. */
  readonly sample?: VideoFrame;
  /** Threads of the software encoder; as many as the processor has cores when left out. */
  readonly threads?: number;
}
