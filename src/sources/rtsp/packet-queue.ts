import type { Packet } from "../../domain/packet.ts";

/** How much may wait for a consumer that is late. */
const MAX_PACKETS = 600;
const MAX_BYTES = 48 * 1024 * 1024;

/**
 * Packets between the network and the consumer. Begins with a keyframe of the video track. A camera does not wait: when
 * the consumer is so late that the queue is full, everything up to the next keyframe is lost and counted.
 */
export class PacketQueue implements AsyncIterable<Packet> {
  readonly #videoTrack: number;
  readonly #items: Packet[] = [];
  #bytes = 0;
  #hasStarted = false;
  #isEnded = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  #skipped = 0;

  constructor(videoTrack: number) {
    this.#videoTrack = videoTrack;
  }

  /** Packets lost because the consumer was late. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Takes a packet. */
  push(packet: Packet): void {
    if (this.#isEnded) {
      return;
    }
    if (this.#items.length >= MAX_PACKETS || this.#bytes + packet.data.length > MAX_BYTES) {
      this.#skipped += this.#items.length;
      this.#items.length = 0;
      this.#bytes = 0;
      this.#hasStarted = false;
    }
    if (!this.#hasStarted) {
      if (packet.track !== this.#videoTrack || !packet.isKeyframe) {
        return;
      }
      this.#hasStarted = true;
    }
    this.#items.push(packet);
    this.#bytes += packet.data.length;
    this.#wake?.();
  }

  /** No more packets come: the consumer gets what waits, then the end or the error. */
  end(error?: Error): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#error = error;
      this.#wake?.();
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Packet, undefined> {
    const iterator: AsyncIterableIterator<Packet, undefined> = {
      next: () => this.#take(),
      return: () => {
        this.end();
        this.#items.length = 0;
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  async #take(): Promise<IteratorResult<Packet, undefined>> {
    while (true) {
      const packet = this.#items.shift();
      if (packet !== undefined) {
        this.#bytes -= packet.data.length;
        return { done: false, value: packet };
      }
      if (this.#isEnded) {
        if (this.#error !== undefined) {
          throw this.#error;
        }
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
