import type { Socket } from "node:net";
import { once } from "node:events";
import { encodeFrame } from "../../protocols/nvss/framing.ts";
import { QUALITY, QualityControl, RateMeter } from "../../protocols/nvss/quality.ts";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { StreamTaps, View } from "../../contracts/output.ts";

/** How frames are sent to one peer. */
export interface SendOptions {
  readonly view: View;
  readonly quality: number | undefined;
  /** Budget in bytes a second. */
  readonly maxRate: number | undefined;
  readonly queue: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The line that NVSS's own end prints for every frame; here once a second. */
  readonly line: (fps: number, bytesPerS: number, budget: number, quality: number) => string;
}

/**
 * Sends the stream's pictures to one peer until the stream ends, the peer leaves or the signal aborts. A peer that is
 * slower than the stream gets fewer frames, always the newest; nobody else notices. Never throws for what the peer does.
 */
export async function sendFrames(taps: StreamTaps, socket: Socket, options: SendOptions, signal: AbortSignal): Promise<void> {
  const { clock, maxRate } = options;
  const control = new QualityControl(options.quality ?? QUALITY.start, maxRate);
  const meter = new RateMeter(clock.monotonicMs() / 1000);
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  // The peer never writes; what it sends is thrown away so that its leaving is noticed.
  socket.on("error", () => gone.abort()).resume();
  const until = AbortSignal.any([signal, gone.signal]);
  let linesAtMs = 0;
  try {
    for await (const picture of taps.jpegs(options.view, { whenSlow: "skip", capacity: options.queue, signal: until, quality: () => control.quality })) {
      const used = control.quality;
      if (!socket.write(encodeFrame(picture.data))) {
        await once(socket, "drain", { signal: until });
      }
      meter.update(clock.monotonicMs() / 1000, picture.data.length);
      control.sent(meter.bytesPerS);
      if (clock.monotonicMs() - linesAtMs >= 1000) {
        linesAtMs = clock.monotonicMs();
        options.log.info(options.line(meter.fps, meter.bytesPerS, maxRate ?? Infinity, used));
      }
    }
  } catch (error) {
    if (!until.aborted) {
      throw error;
    }
  } finally {
    // What was written goes out; a peer that does not read is not waited for.
    socket.end();
    socket.setTimeout(2000, () => socket.destroy());
  }
}
