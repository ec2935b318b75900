/** What TorchServe's streaming video clients print. */
export const TORCHSERVE_LINES = {
  openFailed: "Error opening video stream or file",
  readingDone: (frames: number): string => `Done reading ${frames} frames`,
  queueEmpty: (sent: number): string => `Length of queue is 0 , snd_cnt is ${sent}`,
  /** `frame` is the count of frames sent so far. */
  fps: (batchSize: number, frame: number, fps: number): string => `With Batch Size ${batchSize}, FPS at frame number ${frame} is ${fps.toFixed(1)}`,
} as const;

/** The clients speak at every 20th frame: true when the count is due for an FPS line. */
export function isFpsLineDue(sent: number): boolean {
  return sent > 0 && sent % 20 === 0;
}
