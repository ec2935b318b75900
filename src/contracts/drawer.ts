import type { Result } from "../domain/result.ts";
import type { OverlayShape } from "./rule.ts";
import type { YuvPicture } from "../domain/picture.ts";

/** Changes the picture of the annotated view. Called in frame order, with exclusive access to the picture. */
export interface Drawer {
  /** `result` is that of this frame, or the newest known when the frame itself was not analysed. */
  draw(picture: YuvPicture, result: Result | undefined, shapes: readonly OverlayShape[]): void | Promise<void>;
}
