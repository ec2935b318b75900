import type { Clock } from "../contracts/clock.ts";
import type { VideoFrame } from "../contracts/frame.ts";
import type { FrameSession } from "../contracts/source.ts";
import type { YuvPicture } from "../domain/picture.ts";
import { mediaTimeUs, type WallTimeMs } from "../domain/time.ts";
import { frameFromPicture } from "../media/index.ts";

/** Draws the pictures of a generated source. Asked for rising frame numbers, one at a time. */
export interface FrameDrawer extends AsyncDisposable {
  /** The picture of a frame; valid until the next call. Rejects once disposed. */
  draw(frame: number, capturedAtMs: WallTimeMs): Promise<YuvPicture>;
}

/** How a generated source plays. */
export interface DrawnSessionOptions {
  readonly drawer: FrameDrawer;
  readonly frameRate: number;
  /** How many frames there are; Infinity never ends. */
  readonly frameCount: number;
  /** True: like a camera, by the clock, and what nobody takes in time is skipped. False: every frame, at any speed. */
  readonly realtime: boolean;
  readonly clock: Clock;
}

/** Plays drawn pictures, by the clock or as fast as they are taken. Owns the drawer. */
export class DrawnSession implements FrameSession {
  readonly delivers = "frames";
  readonly isLive: boolean;
  readonly frameRate: number;
  readonly durationS: number | undefined;
  readonly frames: AsyncIterable<VideoFrame>;
  readonly #options: DrawnSessionOptions;
  readonly #closing = new AbortController();
  #disposed: Promise<void> | undefined;

  constructor(options: DrawnSessionOptions) {
    this.#options = options;
    this.isLive = options.realtime;
    this.frameRate = options.frameRate;
    this.durationS = Number.isFinite(options.frameCount) ? options.frameCount / options.frameRate : undefined;
    this.frames = this.#play();
  }

  async *#play(): AsyncGenerator<VideoFrame> {
    const { drawer, frameRate, frameCount, realtime, clock } = this.#options;
    const { signal } = this.#closing;
    const intervalMs = 1000 / frameRate;
    const startMs = clock.monotonicMs();
    for (let frame = 0; !signal.aborted; frame++) {
      if (realtime) {
        // A camera does not wait: frames whose time has passed are never taken.
        frame = Math.max(frame, Math.floor((clock.monotonicMs() - startMs) / intervalMs));
      }
      if (frame >= frameCount) {
        return;
      }
      try {
        const waitMs = realtime ? startMs + frame * intervalMs - clock.monotonicMs() : 0;
        if (waitMs > 0) {
          await clock.sleep(waitMs, signal);
        }
        const capturedAtMs = clock.now();
        const picture = await drawer.draw(frame, capturedAtMs);
        const times = { ptsUs: mediaTimeUs(Math.round((frame * 1e6) / frameRate)), durationUs: Math.round(1e6 / frameRate), capturedAtMs };
        // Drawing may have ended because of the disposal: then nobody takes the frame.
        signal.throwIfAborted();
        yield frameFromPicture(picture, times);
      } catch (error) {
        if (this.#closing.signal.aborted) {
          return;
        }
        throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    await this.#disposed;
  }

  async #dispose(): Promise<void> {
    this.#closing.abort();
    await this.#options.drawer[Symbol.asyncDispose]();
  }
}
