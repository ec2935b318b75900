import type { DropReason } from "../domain/result.ts";

/** Rejection of work on a frame that was given up on purpose. Not a failure: it is counted under its reason. */
export class DroppedFrame extends Error {
  override readonly name = "DroppedFrame";
  readonly reason: DropReason;

  constructor(reason: DropReason) {
    super(`frame dropped: ${reason}`);
    this.reason = reason;
  }
}
