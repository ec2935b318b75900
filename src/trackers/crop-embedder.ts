import type { Engine } from "../contracts/engine.ts";
import type { FrameReader, VideoFrame } from "../contracts/frame.ts";
import type { Detection } from "../domain/result.ts";

/** Which detections get a look, and what becomes of failures. */
export interface CropEmbedderOptions {
  /** Labels worth knowing again; all when left out. */
  readonly classes?: readonly string[] | undefined;
  /** Lowest score: a weak box is often half a person, and half a person looks like anybody. */
  readonly minScore?: number;
  /** Boxes narrower or lower than this are passed over. */
  readonly minSizePx?: number;
  /** The surest so many of a frame; the rest go without, so that a crowd cannot hold the stream up. */
  readonly maxPerFrame?: number;
  /** Told of crops that the engine failed on: their detections go on without a look. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Gives detections their `embedding`: cuts each out of the frame and asks an `embed` model about it. Sits between the
 * detector's result and a tracker that {@link import("../contracts/tracker.ts").Tracker.wantsEmbeddings wants embeddings}.
 * Calls may overlap. Owns nothing but its pixel buffers: engine and reader are the caller's.
 */
export class CropEmbedder {
  readonly #engine: Engine;
  readonly #reader: FrameReader;
  readonly #options: CropEmbedderOptions;
  /** Buffers at rest. In shared memory: workers read them. */
  readonly #idle: Uint8Array[] = [];

  constructor(engine: Engine, reader: FrameReader, options: CropEmbedderOptions = {}) {
    this.#engine = engine;
    this.#reader = reader;
    this.#options = options;
  }

  /** The same detections, in order, with looks where they were found. The frame stays the caller's. Rejects when aborted. */
  async embed(frame: VideoFrame, detections: readonly Detection[], signal: AbortSignal): Promise<readonly Detection[]> {
    const chosen = this.#choose(detections);
    const looks = new Map<Detection, Float32Array>();
    const waiting = inBatches(chosen, this.#engine.batchSizes.at(-1) ?? 1).values();
    const workers = Array.from({ length: Math.max(1, this.#engine.parallelism) }, async () => {
      for (const batch of waiting) {
        await this.#embedBatch(frame, batch, looks, signal);
      }
    });
    await Promise.all(workers);
    return detections.map((detection) => {
      const embedding = looks.get(detection);
      return embedding === undefined ? detection : { ...detection, embedding };
    });
  }

  #choose(detections: readonly Detection[]): readonly Detection[] {
    const { classes, minScore = 0.3, minSizePx = 8, maxPerFrame = 32 } = this.#options;
    return detections
      .filter(({ label, score, box }) => {
        const isLarge = box[2] - box[0] >= minSizePx && box[3] - box[1] >= minSizePx;
        return isLarge && score >= minScore && (classes?.includes(label) ?? true);
      })
      .sort((a, b) => b.score - a.score)
      .slice(0, maxPerFrame);
  }

  async #embedBatch(frame: VideoFrame, batch: readonly Detection[], looks: Map<Detection, Float32Array>, signal: AbortSignal): Promise<void> {
    const buffers = batch.map(() => this.#idle.pop() ?? this.#newBuffer());
    try {
      signal.throwIfAborted();
      const requests = await Promise.all(
        batch.map(async ({ box }, i) => {
          const into = buffers[i] ?? this.#newBuffer();
          return { pixels: await this.#reader.toCrop(frame, box, this.#engine.input, into), ptsUs: frame.ptsUs };
        }),
      );
      const replies = await this.#engine.infer(requests, signal);
      for (const [i, detection] of batch.entries()) {
        const embedding = replies[i]?.finding.embedding;
        if (embedding !== undefined) {
          looks.set(detection, embedding);
        }
      }
      this.#idle.push(...buffers);
    } catch (error) {
      // The buffers are not used again: an aborted engine may still be reading them.
      signal.throwIfAborted();
      this.#options.onError?.(error);
    }
  }

  #newBuffer(): Uint8Array {
    const { width, height, color } = this.#engine.input;
    return new Uint8Array(new SharedArrayBuffer(width * height * (color === "GRAY" ? 1 : 3)));
  }
}

function inBatches<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
