import type { Overrides } from "./addresses.ts";
import type { ModelConfig, StreamConfig } from "../config/schema.ts";

/** A stream as it is asked for: its configuration, and what flags add to it. */
export interface StreamRequest {
  readonly config: StreamConfig;
  readonly model?: ModelConfig;
  readonly sourceOverrides?: Overrides;
  readonly outputOverrides?: Overrides;
  readonly engineOverrides?: Overrides;
  readonly limitFrames?: number;
}
