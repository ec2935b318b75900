// Reads the clock of test:bars off a page's video, picture by picture.
import type { Page } from "playwright-core";
import { readClock } from "../../src/sources/test/clock-block.ts";

/** One picture that the browser showed. */
export interface SeenPicture {
  /** Number and time burnt into it; undefined when it could not be read. */
  readonly frame: number | undefined;
  readonly latencyMs: number | undefined;
  /** What the live page took it for, and drew on it. */
  readonly ptsUs: number | undefined;
  readonly offUs: number | undefined;
  readonly boxes: readonly { readonly box: readonly number[] }[];
}

const WIDTH = 240;
const HEIGHT = 180;

/** Looks at the next pictures of the live page's video. */
export async function seePictures(page: Page, count: number, timeoutMs = 15_000): Promise<SeenPicture[]> {
  const seen = await page.evaluate<{ grey: string; atMs: number; shown?: { ptsUs: number; offUs?: number; boxes: { box: number[] }[] } }[]>(`new Promise((resolve) => {
    const canvas = document.createElement("canvas");
    canvas.width = ${WIDTH}; canvas.height = ${HEIGHT};
    const pen = canvas.getContext("2d", { willReadFrequently: true }), video = document.getElementById("video"), seen = [];
    const timer = setTimeout(() => resolve(seen), ${timeoutMs});
    const look = () => {
      const atMs = Date.now();
      pen.drawImage(video, 0, 0, ${WIDTH}, ${HEIGHT});
      const { data } = pen.getImageData(0, 0, ${WIDTH}, ${HEIGHT});
      let grey = "";
      for (let i = 0; i < data.length; i += 4) grey += String.fromCharCode((data[i] + 2 * data[i + 1] + data[i + 2]) >> 2);
      seen.push({ grey: btoa(grey), atMs, shown: state.shown });
      if (seen.length >= ${count}) { clearTimeout(timer); resolve(seen); } else video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  })`);
  return seen.map(({ grey, atMs, shown }) => {
    const clock = readClock({ data: Buffer.from(grey, "base64"), stride: WIDTH, width: WIDTH, height: HEIGHT });
    return { frame: clock?.frame, latencyMs: clock === undefined ? undefined : atMs - clock.atMs, ptsUs: shown?.ptsUs, offUs: shown?.offUs, boxes: shown?.boxes ?? [] };
  });
}
