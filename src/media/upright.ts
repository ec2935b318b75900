import { FilterGraph, type FilterContext, type Frame } from "node-av/lib";
import { checked, isNothing } from "./ffmpeg.ts";
import { emptyFrame } from "./media-frame.ts";
import { MICROSECONDS, ticksToUs, usToTicks } from "./media-times.ts";

const TURNS: Readonly<Record<number, string>> = { 90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock" };

/** What must happen to decoded pictures before anybody sees them. */
export interface UprightNeeds {
  /** Clockwise degrees to turn by. */
  readonly rotation: number;
  /** True once an interlaced picture was seen: progressive ones pass through unchanged. */
  readonly deinterlace: boolean;
}

/**
 * A chain of FFmpeg filters that turns and deinterlaces. Deinterlacing looks one picture ahead, so frames come out one
 * call later; `flush` brings the last. Made for one picture format: a change of size or format needs a new one.
 */
export class UprightFilter implements Disposable {
  readonly #graph: FilterGraph;
  readonly #source: FilterContext;
  readonly #sink: FilterContext;

  constructor(sample: Frame, needs: UprightNeeds) {
    this.#graph = new FilterGraph();
    this.#graph.alloc();
    this.#graph.nbThreads = 1;
    const chain = [needs.deinterlace ? "bwdif=mode=send_frame:deint=interlaced" : "", TURNS[needs.rotation] ?? ""].filter((text) => text !== "");
    const stages = [bufferArguments(sample), ...chain, "buffersink@out"].join(",");
    checked(this.#graph.parsePtr(stages), "building the filter");
    checked(this.#graph.configSync(), "configuring the filter");
    this.#source = this.#find((filter) => filter.isSource());
    this.#sink = this.#find((filter) => filter.isSink());
  }

  /** Takes a frame, gives those that are ready; their pts counts microseconds. The input frame stays the caller's. */
  async process(frame: Frame | null): Promise<Frame[]> {
    checked(await this.#source.buffersrcAddFrame(frame), "filtering");
    const out: Frame[] = [];
    const timeBase = this.#sink.buffersinkGetTimeBase();
    while (true) {
      const next = emptyFrame();
      const code = this.#sink.buffersinkGetFrameSync(next);
      if (code < 0) {
        next.free();
        if (!isNothing(code)) {
          checked(code, "filtering");
        }
        return out;
      }
      next.pts = usToTicks(ticksToUs(next.pts, timeBase) ?? 0);
      out.push(next);
    }
  }

  [Symbol.dispose](): void {
    this.#graph.free();
  }

  #find(is: (filter: FilterContext) => boolean): FilterContext {
    const found = this.#graph.filters?.find(is);
    if (found === undefined) {
      throw new Error("the filter graph lost one of its ends");
    }
    return found;
  }
}

function bufferArguments(sample: Frame): string {
  const { num, den } = MICROSECONDS;
  const colors = `colorspace=${sample.colorSpace}:range=${sample.colorRange}`;
  return `buffer@in=video_size=${sample.width}x${sample.height}:pix_fmt=${sample.format}:time_base=${num}/${den}:${colors}`;
}

