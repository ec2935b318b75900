import { clearPicture, drawTile, tileLayout } from "../drawing/tile.ts";
import { mediaTimeUs } from "../domain/time.ts";
import { frameFromPicture } from "../media/index.ts";
import type { Tile } from "../drawing/tile.ts";
import type { Clock } from "../contracts/clock.ts";
import type { DrawableFrame, FrameReader, VideoFrame } from "../contracts/frame.ts";
import type { FrameSession, Source } from "../contracts/source.ts";
import type { YuvPicture } from "../domain/picture.ts";

/** Takes a stream's drawn pictures, beside its views. */
export interface PictureSink {
  /** False while nobody looks: then nothing is drawn for it. */
  readonly isWanted: boolean;
  /** Shows a picture. It stays the caller's. */
  take(picture: DrawableFrame, reader: FrameReader): Promise<void>;
  /** The stream has ended; its last picture stays. */
  end(): void;
}

/** How a mosaic is laid out. */
export interface MosaicOptions {
  readonly inputs: number;
  /** Even. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly clock: Clock;
}

/**
 * Several streams on one picture, tile by tile: each is analysed by itself and lays its newest drawn picture over its
 * tile; the whole is a source of frames for a stream of its own, which encodes it once. A tile whose camera is gone keeps
 * its last picture; nothing waits for it.
 */
export class Mosaic implements Source {
  readonly name: string;
  readonly isLocal = true;
  readonly sinks: readonly PictureSink[];
  readonly #options: MosaicOptions;
  readonly #canvas: YuvPicture;
  readonly #closing = new AbortController();
  #isWatched = false;
  #running: number;

  constructor(options: MosaicOptions) {
    const { inputs, width, height } = options;
    this.#options = options;
    this.#running = inputs;
    this.name = `${inputs} tiles of ${width}×${height}`;
    this.#canvas = emptyPicture(width, height);
    this.sinks = tileLayout(inputs, width, height).map((tile) => this.#sink(tile));
  }

  open(signal: AbortSignal): Promise<FrameSession> {
    signal.throwIfAborted();
    this.#isWatched = true;
    const until = AbortSignal.any([signal, this.#closing.signal]);
    return Promise.resolve({
      delivers: "frames",
      isLive: true,
      frameRate: this.#options.fps,
      durationS: undefined,
      frames: this.#play(until),
      [Symbol.asyncDispose]: () => {
        this.#isWatched = false;
        this.#closing.abort();
        return Promise.resolve();
      },
    });
  }

  #sink(tile: Tile): PictureSink {
    const isWanted = (): boolean => this.#isWatched;
    return {
      get isWanted() {
        return isWanted();
      },
      take: async (picture, reader) => {
        using scaled = await reader.toDrawable(picture, tile);
        drawTile(this.#canvas, tile, scaled.picture);
      },
      end: () => {
        this.#running -= 1;
        if (this.#running === 0) {
          this.#closing.abort();
        }
      },
    };
  }

  /** The canvas as it is, `fps` times a second, until every input has ended. */
  async *#play(signal: AbortSignal): AsyncGenerator<VideoFrame, void, undefined> {
    const { clock, fps } = this.#options;
    const startMs = clock.monotonicMs();
    for (let frame = 0; !signal.aborted; frame++) {
      const waitMs = startMs + (frame * 1000) / fps - clock.monotonicMs();
      try {
        await clock.sleep(Math.max(0, waitMs), signal);
      } catch {
        // The wait ends only by the signal, which ends the play.
        return;
      }
      const times = { ptsUs: mediaTimeUs(Math.round((frame * 1e6) / fps)), durationUs: Math.round(1e6 / fps), capturedAtMs: clock.now() };
      yield frameFromPicture(this.#canvas, times);
    }
  }
}

function emptyPicture(width: number, height: number): YuvPicture {
  const plane = (w: number, h: number): { data: Uint8Array; stride: number } => ({ data: new Uint8Array(w * h), stride: w });
  const chroma = [Math.ceil(width / 2), Math.ceil(height / 2)] as const;
  const picture: YuvPicture = { format: "yuv420p", width, height, fullRange: false, planes: [plane(width, height), plane(...chroma), plane(...chroma)] };
  clearPicture(picture);
  return picture;
}
