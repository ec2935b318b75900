import type { ServerResponse } from "node:http";
import type { Clock } from "../../contracts/clock.ts";
import type { JpegPicture } from "../../contracts/output.ts";
import { drained } from "./viewer-response.ts";

const BOUNDARY = "frame";

/** Media type of the stream, as OVMS's visualizer has it. */
export const VIDEO_FEED_TYPE = `multipart/x-mixed-replace; boundary=${BOUNDARY}`;

/**
 * Resolves when the last picture has gone out, or the viewer has. Sends pictures as the parts of one endless answer (RFC 2046 §5.1, `multipart/x-mixed-replace`). Each part is closed by
 * the next part's boundary at once: browsers show a picture when they see that boundary, so a boundary sent with the
 * next picture would show everything one picture late. Parts carry their length, which ffmpeg and others need.
 */
export async function sendVideoFeed(
  response: ServerResponse,
  pictures: AsyncIterable<JpegPicture>,
  clock: Clock,
  onPicture: (picture: JpegPicture) => void,
): Promise<void> {
  response.write(`--${BOUNDARY}\r\n`);
  for await (const picture of pictures) {
    if (response.destroyed) {
      return;
    }
    onPicture(picture);
    response.cork();
    response.write(`Content-Type: image/jpeg\r\nContent-Length: ${picture.data.length}\r\n\r\n`);
    response.write(picture.data);
    response.write(`\r\n--${BOUNDARY}\r\n`);
    response.uncork();
    await drained(response, clock);
  }
  const closed = new Promise((resolve) => response.once("close", resolve));
  response.end();
  await (response.destroyed || closed);
}
