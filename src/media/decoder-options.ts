import type { Logger } from "../contracts/log.ts";

/** How a decoder is made. */
export interface DecoderOptions {
  /** `none`, `auto`, or the name of an accelerator: `cuda`, `vaapi`, `qsv`, `videotoolbox`, `d3d11va`, … */
  readonly hwaccel?: string;
  /** Threads of the software decoder; 1 when left out, which costs the least processor time per picture. */
  readonly threads?: number;
  /** Decode keyframes only, and ignore the packets between. */
  readonly keyframesOnly?: boolean;
  readonly log: Logger;
}
