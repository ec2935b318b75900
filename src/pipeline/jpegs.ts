import { Broadcast } from "../runtime/broadcast.ts";
import type { FrameReader, VideoFrame } from "../contracts/frame.ts";
import type { JpegOptions, JpegPicture } from "../contracts/output.ts";

interface JpegReader {
  readonly quality: () => number;
  readonly broadcast: Broadcast<JpegPicture>;
}

/**
 * JPEGs of one view. A frame is encoded once per quality that somebody can take now: readers of one quality share it, and
 * nobody pays for a reader that is busy.
 */
export class Jpegs {
  readonly #reader: FrameReader;
  readonly #onSkip: (count: number) => void;
  readonly #readers = new Set<JpegReader>();
  /** What the newest frame has been encoded to, by quality. */
  #newest = new Map<number, JpegPicture>();
  #isEnded = false;

  constructor(reader: FrameReader, onSkip: (count: number) => void) {
    this.#reader = reader;
    this.#onSkip = onSkip;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** The newest frame at that quality, when it has been made already. */
  newest(quality: number): JpegPicture | undefined {
    return this.#newest.get(quality);
  }

  /** Reads from now on, beginning with `greeting`. */
  read(options: JpegOptions, greeting: JpegPicture | undefined): AsyncIterable<JpegPicture> {
    const reader: JpegReader = {
      quality: qualityOf(options),
      broadcast: new Broadcast<JpegPicture>({
        onSkip: this.#onSkip,
        onReaders: (count) => {
          if (count === 0) {
            this.#readers.delete(reader);
          }
        },
      }),
    };
    if (this.#isEnded) {
      reader.broadcast.end();
    } else {
      this.#readers.add(reader);
    }
    return reader.broadcast.subscribe(options, greeting === undefined ? [] : [greeting]);
  }

  /** A new frame is there: encodes it for whoever can take it. */
  async show(frame: VideoFrame, seq: number): Promise<void> {
    this.#newest = new Map();
    for (const { quality, broadcast } of this.#readers) {
      if (!broadcast.isWanted) {
        this.#onSkip(1);
        continue;
      }
      const asked = quality();
      const picture = this.#newest.get(asked) ?? (await this.encode(frame, seq, asked));
      this.#newest.set(asked, picture);
      await broadcast.publish(picture);
    }
  }

  async encode(frame: VideoFrame, seq: number, quality: number): Promise<JpegPicture> {
    const data = await this.#reader.toJpeg(frame, { quality });
    return { data, seq, capturedAtMs: frame.capturedAtMs, width: frame.width, height: frame.height };
  }

  end(): void {
    this.#isEnded = true;
    for (const { broadcast } of this.#readers) {
      broadcast.end();
    }
  }
}

/** The quality asked for a frame: fixed, or as it is at that moment. */
export function qualityOf({ quality }: Pick<JpegOptions, "quality">): () => number {
  return typeof quality === "number" ? () => quality : quality;
}
