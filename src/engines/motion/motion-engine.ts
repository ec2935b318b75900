import type { Engine, EngineReply, EngineRequest } from "../../contracts/engine.ts";
import type { Detection } from "../../domain/result.ts";
import type { InputGeometry, InputSpec, Model } from "../../domain/model.ts";
import { createMotionState, detectMotion, MOTION_DEFAULTS } from "./detect-motion.ts";
import type { MotionOptions, MotionState } from "./detect-motion.ts";
import type { MotionRegion } from "./regions.ts";

/** Analysed size: large enough for a person at 20 m in a usual camera, small enough to cost next to nothing. */
const WIDTH = 320;
const HEIGHT = 180;

const INPUT: InputSpec = {
  name: "picture",
  width: WIDTH,
  height: HEIGHT,
  layout: "NHWC",
  color: "GRAY",
  type: "uint8",
  fit: "stretch",
  anchor: "top-left",
  pad: 0,
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** The "model" that the motion engine stands for: one class, no weights. */
export const MOTION_MODEL: Model = {
  name: "motion",
  file: undefined,
  task: "detect",
  family: "motion",
  input: INPUT,
  maxBatch: 1,
  labels: ["motion"],
  threshold: 0,
  classThresholds: {},
  nmsIou: 1,
  topK: 64,
  options: {},
};

/**
 * Reports what moves as detections labelled "motion". It needs no model, but remembers the picture: one engine serves
 * one stream, with its frames in order. Runs on the calling thread, for about a third of a millisecond a frame.
 */
export function createMotionEngine(options: Partial<MotionOptions> = {}): Engine {
  const all = { ...MOTION_DEFAULTS, ...options };
  let state: MotionState | undefined;
  const answer = ({ pixels, ptsUs }: EngineRequest): EngineReply => {
    const start = performance.now();
    if (state?.width !== pixels.width || state.height !== pixels.height) {
      state = createMotionState(pixels.width, pixels.height, all);
    }
    const size = pixels.width * pixels.height;
    const regions = detectMotion(state, pixels.data.subarray(0, size), ptsUs);
    const found = performance.now();
    const detections = regions.map((region) => toDetection(region, all.minArea * size, pixels.geometry));
    return { finding: { detections }, inferMs: found - start, interpretMs: performance.now() - found };
  };
  return {
    description: `motion: background comparison on ${WIDTH} × ${HEIGHT} grey pixels, no model`,
    input: INPUT,
    parallelism: 1,
    batchSizes: [1],
    infer: (batch, signal) => {
      signal.throwIfAborted();
      return Promise.resolve(batch.map(answer));
    },
    [Symbol.asyncDispose]: () => {
      state = undefined;
      return Promise.resolve();
    },
  };
}

/**
 * In source pixels. The score rises with contrast and size: 0.5 for the smallest region at twice the change that just
 * counts, towards 1 for large and clear ones.
 */
function toDetection(region: MotionRegion, minArea: number, geometry: InputGeometry): Detection {
  const x = (value: number): number => clamp(value * geometry.scaleX + geometry.offsetX, geometry.sourceWidth);
  const y = (value: number): number => clamp(value * geometry.scaleY + geometry.offsetY, geometry.sourceHeight);
  const weight = region.contrast * Math.sqrt(region.area / Math.max(1, minArea));
  return {
    label: "motion",
    classId: 0,
    score: weight / (weight + 2),
    box: [x(region.left), y(region.top), x(region.right), y(region.bottom)],
  };
}

function clamp(value: number, size: number): number {
  return Math.max(0, Math.min(size, value));
}
