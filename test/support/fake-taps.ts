// A stream that outputs can be tested against: the test pushes results, pictures, packets and events.
import { Broadcast } from "../../src/runtime/broadcast.ts";
import type { JpegPicture, PacketFeed, ReadOptions, StreamTaps, View } from "../../src/contracts/output.ts";
import type { Packet, Track } from "../../src/domain/packet.ts";
import type { RuleEvent } from "../../src/domain/event.ts";
import type { Result } from "../../src/domain/result.ts";
import { mediaTimeUs, wallTimeMs } from "../../src/domain/time.ts";

/** What outputs see as a stream, with handles for the test. */
export class FakeTaps implements StreamTaps {
  readonly stream: string;
  readonly rules: readonly string[];
  readonly tracks: readonly Track[];
  readonly isLive: boolean;
  readonly #packets: Record<View, Broadcast<Packet>> = {
    original: new Broadcast({ startsAt: (packet) => packet.isKeyframe }),
    annotated: new Broadcast({ startsAt: (packet) => packet.isKeyframe }),
  };
  readonly #jpegs: Record<View, Broadcast<JpegPicture>> = { original: new Broadcast(), annotated: new Broadcast() };
  readonly #results = new Broadcast<Result>();
  readonly #events = new Broadcast<RuleEvent>();
  readonly #newest: Partial<Record<View, JpegPicture>> = {};
  /** Qualities that readers of JPEGs asked for so far. */
  readonly askedQualities: number[] = [];

  constructor(options: { readonly stream?: string; readonly tracks?: readonly Track[]; readonly rules?: readonly string[]; readonly isLive?: boolean } = {}) {
    this.isLive = options.isLive ?? true;
    this.stream = options.stream ?? "gate";
    this.rules = options.rules ?? [];
    this.tracks = options.tracks ?? [];
  }

  packets(view: View, options: ReadOptions): Promise<PacketFeed> {
    return Promise.resolve({ tracks: this.tracks, packets: this.#packets[view].subscribe(options), isLive: this.isLive });
  }

  jpegs(view: View, options: ReadOptions & { readonly quality: number }): AsyncIterable<JpegPicture> {
    this.askedQualities.push(options.quality);
    const newest = this.#newest[view];
    return this.#jpegs[view].subscribe(options, newest === undefined ? [] : [newest]);
  }

  results(options: ReadOptions): AsyncIterable<Result> {
    return this.#results.subscribe(options);
  }

  events(options: ReadOptions): AsyncIterable<RuleEvent> {
    return this.#events.subscribe(options);
  }

  /** Resolves once every reader that waits has room for it. */
  pushPacket(view: View, packet: Packet): Promise<void> {
    return this.#packets[view].publish(packet);
  }

  pushJpeg(view: View, picture: JpegPicture): Promise<void> {
    this.#newest[view] = picture;
    return this.#jpegs[view].publish(picture);
  }

  pushResult(result: Result): Promise<void> {
    return this.#results.publish(result);
  }

  pushEvent(event: RuleEvent): Promise<void> {
    return this.#events.publish(event);
  }

  /** The stream ends: all iterations end. */
  end(): void {
    for (const hub of [this.#packets.original, this.#packets.annotated, this.#jpegs.original, this.#jpegs.annotated, this.#results, this.#events]) {
      hub.end();
    }
  }

  /** How many readers there are now. */
  get readers(): { readonly packets: number; readonly jpegs: number; readonly results: number; readonly events: number } {
    return {
      packets: this.#packets.original.readers + this.#packets.annotated.readers,
      jpegs: this.#jpegs.original.readers + this.#jpegs.annotated.readers,
      results: this.#results.readers,
      events: this.#events.readers,
    };
  }
}

/** A result like a detector's, with what matters to the test on top. */
export function fakeResult(seq: number, over: Partial<Result> = {}): Result {
  return {
    stream: "gate",
    seq,
    ptsUs: mediaTimeUs(seq * 40_000),
    capturedAtMs: wallTimeMs(Date.UTC(2026, 10, 20, 18) + seq * 40),
    width: 1280,
    height: 720,
    detections: [{ label: "person", classId: 0, score: 0.9123456, box: [412.04, 88.46, 530.2, 401] }],
    timingsMs: { decode: 3.1, infer: 13.8349 },
    ageMs: 21.345,
    ...over,
  };
}
