import type { Overrides } from "./addresses.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { Source } from "../contracts/source.ts";
import type { PictureSink } from "../pipeline/mosaic.ts";
import type { ModelConfig, StreamConfig } from "../config/schema.ts";

/** A stream as it is asked for: its configuration, and what flags add to it. */
export interface StreamRequest {
  readonly config: StreamConfig;
  readonly model?: ModelConfig;
  readonly sourceOverrides?: Overrides;
  readonly outputOverrides?: Overrides;
  readonly engineOverrides?: Overrides;
  readonly limitFrames?: number;
  /** What draws the annotated view, instead of what the use case brings. */
  readonly drawers?: readonly Drawer[];
  /** Frames made in this process instead of the configured source: a mosaic. */
  readonly source?: Source;
  readonly pictureSink?: PictureSink;
}
