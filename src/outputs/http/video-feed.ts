import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../contracts/clock.ts";
import type { JpegPicture } from "../../contracts/output.ts";
import { drained } from "./viewer-response.ts";

const BOUNDARY = "--frame\r\n";
const PICTURE_HEADERS = "Content-Type: image/jpeg\r\n\r\n";

/** Media type of the stream, as OVMS's visualizer has it. */
export const VIDEO_FEED_TYPE = "multipart/x-mixed-replace; boundary=frame";

/** How one kind of client wants the parts written. */
export interface PartStyle {
  readonly start: string;
  readonly before: (picture: JpegPicture) => string;
  readonly after: string;
}

/**
 * For programs (ffmpeg, OpenCV, scripts): every part carries its length, which they need to read it whole, and is closed
 * by the next part's boundary at once.
 */
const FOR_PROGRAMS: PartStyle = {
  start: BOUNDARY,
  before: ({ data }) => `Content-Type: image/jpeg\r\nContent-Length: ${data.length}\r\n\r\n`,
  after: `\r\n${BOUNDARY}`,
};

/**
 * For browsers' `<img>`: Chromium shows a picture only when it has read the next part's *headers* (seen with Chromium
 * 156), so they are sent with the picture before. They cannot hold a length then; browsers look for boundaries anyway.
 */
const FOR_BROWSERS: PartStyle = {
  start: BOUNDARY + PICTURE_HEADERS,
  before: () => "",
  after: `\r\n${BOUNDARY}${PICTURE_HEADERS}`,
};

/** How to write parts for whoever asks: browsers say that they take images, programs that they take anything. */
export function partStyleFor(request: IncomingMessage): PartStyle {
  return /(?:^|[,\s])image\/[\w*+-]+/i.test(request.headers.accept ?? "") ? FOR_BROWSERS : FOR_PROGRAMS;
}

/**
 * Sends pictures as the parts of one endless answer (RFC 2046 §5.1, `multipart/x-mixed-replace`). Resolves when the last
 * one has gone out, or the viewer has.
 */
export async function sendVideoFeed(
  response: ServerResponse,
  pictures: AsyncIterable<JpegPicture>,
  style: PartStyle,
  clock: Clock,
  onPicture: (picture: JpegPicture) => void,
): Promise<void> {
  response.write(style.start);
  for await (const picture of pictures) {
    if (response.destroyed) {
      return;
    }
    onPicture(picture);
    response.cork();
    response.write(style.before(picture));
    response.write(picture.data);
    response.write(style.after);
    response.uncork();
    await drained(response, clock);
  }
  const closed = new Promise((resolve) => response.once("close", resolve));
  response.end();
  await (response.destroyed || closed);
}
