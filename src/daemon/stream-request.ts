import type { Overrides } from "./addresses.ts";
import type { Drawer } from "../contracts/drawer.ts";
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
}
