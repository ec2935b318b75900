import type { PictureSink } from "./mosaic.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { Engine, EngineReply, EngineRequest } from "../contracts/engine.ts";
import type { InputPixels, VideoFrame } from "../contracts/frame.ts";
import type { Output } from "../contracts/output.ts";
import type { OverlayShape, Rule } from "../contracts/rule.ts";
import type { Source } from "../contracts/source.ts";
import type { Tracker } from "../contracts/tracker.ts";
import type { InputSpec } from "../domain/model.ts";
import type { Detection, Finding, Result } from "../domain/result.ts";

/** One stream's way to a model that others may share: fair, batched, and no computation for a frame that is too old. */
export interface ModelRunner {
  readonly input: InputSpec;
  /** Set when it wants the frame as a JPEG of that quality rather than pixels. */
  readonly wantsJpeg?: { readonly quality: number; readonly withPixels?: boolean } | undefined;
  /** How many of this stream's requests can usefully be under way at once. */
  readonly parallelism: number;
  readonly description: string;
  /** Rejects with a {@link DroppedFrame} when the frame was given up on purpose. */
  run(request: EngineRequest, options: RunOptions): Promise<EngineReply>;
}

/** How old the frame is by now, and until when anybody wants it. */
export interface RunOptions {
  readonly ageMs: number;
  readonly signal: AbortSignal;
}

/** What a user's own use case does to a stream; every part is optional. Calls reject when the use case fails or is too slow. */
export interface UseCaseHooks extends AsyncDisposable {
  readonly name: string;
  /** Changes the pixels on their way into the model, in place. */
  readonly prepare?: (pixels: InputPixels) => Promise<void>;
  /** Turns what the engine found (raw tensors, when the use case interprets) into a finding. */
  readonly interpret?: (finding: Finding, pixels: InputPixels) => Promise<Finding>;
  /** What to lay over the picture. */
  readonly draw?: (result: Result) => Promise<readonly OverlayShape[]>;
  /** Told of every result, in order. */
  readonly onResult?: (result: Result) => Promise<void>;
}

/** Adds `embedding` to detections. Calls may overlap. */
export interface Embedder extends AsyncDisposable {
  embed(frame: VideoFrame, detections: readonly Detection[], signal: AbortSignal): Promise<readonly Detection[]>;
}

/** How the frames of one stream are analysed. */
export interface AnalysisPlan {
  readonly runner: ModelRunner;
  /** At most this many frames a second are analysed; 0 for all. */
  readonly fps: number;
  /** Live frames older than this are not analysed; Infinity for no limit. */
  readonly maxAgeMs: number;
  /** Gives detections their looks, for a tracker that knows objects again by them. */
  readonly embedder: Embedder | undefined;
  /** Detections that no tracker has taken up are reported from this score on; trackers see weaker ones too. */
  readonly minScore: number;
  /** Only frames in which this engine finds something are analysed. */
  readonly gate: Engine | undefined;
  /** A second engine that sees the analysed frames too, for comparison. */
  readonly shadow: ShadowPlan | undefined;
}

/** A second engine for comparison (`--shadow`). It may not be reachable yet. */
export interface ShadowPlan {
  readonly description: string;
  /** Opens it; called again, with growing pauses, while it fails. */
  readonly open: (signal: AbortSignal) => Promise<ModelRunner>;
}

/** How the annotated view is encoded. */
export interface EncodePlan {
  readonly codec: "h264" | "h265";
  /** Bits per second; undefined lets the quality decide. */
  readonly bitrateBps: number | undefined;
  /** Constant quality, 1…100; higher is better. */
  readonly quality: number;
  /** Output size; undefined keeps the source's. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** Frames from keyframe to keyframe; undefined leaves it to the encoder. */
  readonly gopFrames: number | undefined;
  readonly hwaccel: string;
}

/** One stream, ready to run: everything is created and checked, nothing is open. */
export interface StreamPlan {
  readonly name: string;
  readonly source: Source;
  readonly analysis: AnalysisPlan | undefined;
  readonly useCase: UseCaseHooks | undefined;
  readonly tracker: Tracker | undefined;
  readonly rules: readonly Rule[];
  /** Applied to the annotated picture, in order. */
  readonly drawers: readonly Drawer[];
  readonly outputs: readonly Output[];
  /** What keeps events and clips. Run like outputs, but their failure costs the stream nothing. */
  readonly keepers: readonly Output[];
  /** Takes the drawn pictures too: a tile of a mosaic. */
  readonly pictureSink: PictureSink | undefined;
  /** Between decoder and analysis, for live sources; files always wait. */
  readonly buffer: { readonly capacity: number; readonly whenFull: "drop-oldest" | "drop-newest" | "wait" };
  readonly encode: EncodePlan;
  readonly hwaccel: string;
  /** Stop after this many decoded frames; Infinity for all. */
  readonly limitFrames: number;
}
