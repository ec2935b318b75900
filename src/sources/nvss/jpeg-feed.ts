import { FrameParser, NvssFramingError, looksLikeJpeg } from "../../protocols/nvss/framing.ts";
import { RateMeter } from "../../protocols/nvss/quality.ts";
import { jpegSize } from "../../protocols/jpeg/size.ts";
import { Mailbox } from "../../runtime/mailbox.ts";
import { mediaTimeUs } from "../../domain/time.ts";
import type { Socket } from "node:net";
import type { Clock } from "../../contracts/clock.ts";
import type { Logger } from "../../contracts/log.ts";
import type { Packet, VideoTrack } from "../../domain/packet.ts";

/** Largest picture taken, in pixels: what a peer announces in a few bytes must not claim gigabytes. */
const MAX_PIXELS = 64 * 1024 * 1024;

/** Settings of a {@link JpegFeed}. */
export interface JpegFeedOptions {
  readonly queue: number;
  readonly drop: "oldest" | "newest";
  readonly clock: Clock;
  readonly log: Logger;
  /** The lines that NVSS's own ends print. */
  readonly lines: { readonly rate: (fps: number, bytesPerS: number) => string; readonly skippedFull: string; readonly skippedDecode: string };
}

/** Turns what a peer sends into packets: one JPEG each, stamped on arrival. Pictures that are none are counted and left out. */
export class JpegFeed {
  readonly packets: Mailbox<Packet>;
  readonly #options: JpegFeedOptions;
  readonly #startMs: number;
  readonly #first = Promise.withResolvers<VideoTrack>();
  #track: VideoTrack | undefined;
  #meter: RateMeter;
  #linesAtMs = 0;
  #notJpeg = 0;

  constructor(options: JpegFeedOptions) {
    this.#options = options;
    this.#startMs = options.clock.monotonicMs();
    this.#meter = new RateMeter(0);
    this.packets = new Mailbox<Packet>({
      capacity: options.queue,
      whenFull: options.drop === "oldest" ? "drop-oldest" : "drop-newest",
      onDrop: (_, reason) => {
        if (reason !== "stopped") {
          options.log.debug(options.lines.skippedFull);
        }
      },
    });
    // Whoever does not wait for the first picture learns of the end by the packets.
    this.#first.promise.catch(() => undefined);
  }

  /** Size and codec, known with the first picture; rejects when the feed ends before. */
  get track(): Promise<VideoTrack> {
    return this.#first.promise;
  }

  /** Frames that were not JPEG so far. */
  get badFrames(): number {
    return this.#notJpeg;
  }

  /** Reads a connection until it ends, and says why when it did not end well. Resolves; never rejects. */
  async read(socket: Socket, isFirst: (message: Uint8Array) => boolean = () => true): Promise<string | undefined> {
    const parser = new FrameParser();
    let isChecked = false;
    this.#meter = new RateMeter(this.#nowS());
    try {
      for await (const chunk of socket as AsyncIterable<Uint8Array>) {
        for (const message of parser.push(chunk)) {
          if (!isChecked) {
            isChecked = true;
            if (!isFirst(message)) {
              return "the token was missing or wrong";
            }
          }
          await this.#take(message);
        }
      }
      return parser.isInsideMessage ? "it was cut off inside a frame" : undefined;
    } catch (error) {
      return error instanceof NvssFramingError ? error.message : (error as NodeJS.ErrnoException).code ?? String(error);
    } finally {
      socket.destroy();
    }
  }

  /** No more frames come. */
  end(error?: Error): void {
    this.#first.reject(error ?? new Error("no frame came"));
    this.packets.end(error);
  }

  async #take(message: Uint8Array): Promise<void> {
    const size = looksLikeJpeg(message) ? jpegSize(message) : undefined;
    if (size === undefined || size.width === 0 || size.height === 0 || size.width * size.height > MAX_PIXELS) {
      this.#notJpeg += 1;
      this.#options.log.debug(this.#options.lines.skippedDecode);
      return;
    }
    const isNew = this.#track?.width !== size.width || this.#track.height !== size.height;
    if (isNew) {
      this.#track = { kind: "video", codec: "mjpeg", ...size, rotation: 0, frameRate: 0, codecPrivate: undefined };
      this.#first.resolve(this.#track);
    }
    const { clock } = this.#options;
    const atUs = mediaTimeUs(Math.round((clock.monotonicMs() - this.#startMs) * 1000));
    this.#report(message.length);
    await this.packets.push({
      track: 0,
      data: message,
      ptsUs: atUs,
      dtsUs: atUs,
      durationUs: 0,
      isKeyframe: true,
      capturedAtMs: clock.now(),
      ...(isNew && this.#track !== undefined ? { newTrack: this.#track } : {}),
    });
  }

  /** The original prints its rates for every frame; here it is once a second. */
  #report(bytes: number): void {
    this.#meter.update(this.#nowS(), bytes);
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#linesAtMs >= 1000) {
      this.#linesAtMs = nowMs;
      this.#options.log.info(this.#options.lines.rate(this.#meter.fps, this.#meter.bytesPerS));
    }
  }

  #nowS(): number {
    return this.#options.clock.monotonicMs() / 1000;
  }
}
