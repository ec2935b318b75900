export { ERRORS, VedetteError } from "./errors.ts";
export type { ErrorCode, ErrorRow } from "./errors.ts";

// For use cases: what `import … from "vedette"` offers inside a file given to --use-case.
export { box, defineUseCase, detection, line, point, polygon, relativeBox, rows, text } from "./use-cases/authoring.ts";
export type { UseCaseDefinition } from "./use-cases/authoring.ts";
export type { OverlayShape } from "./contracts/rule.ts";
export type { InputPixels } from "./contracts/frame.ts";
export type { InputGeometry, InputSpec, Tensor } from "./domain/model.ts";
export type { Box, Classification, Detection, Finding, Keypoint, Pose, Result } from "./domain/result.ts";

// For drawers of one's own, and for writing results as everybody else does.
export { counterLine, createCounterOverlay } from "./drawing/counter-line.ts";
export type { CounterStyle } from "./drawing/counter-line.ts";
export { createOverlay } from "./drawing/overlay.ts";
export type { OverlayOptions } from "./drawing/overlay.ts";
export type { Drawer } from "./contracts/drawer.ts";
export type { YuvPicture } from "./domain/picture.ts";
export { resultToJson } from "./domain/result-json.ts";

// Tracking and rules.
export { TRACKERS } from "./trackers/index.ts";
export { CropEmbedder, type CropEmbedderOptions } from "./trackers/crop-embedder.ts";
export { RULES } from "./rules/index.ts";
export { createRules, type RuleConfig } from "./rules/create-rules.ts";
export { replay, type ReplayOptions } from "./rules/replay.ts";
export { readResults, type BadLine } from "./rules/stored-results.ts";
export type { RuleContext } from "./contracts/kinds.ts";
export type { Rule } from "./contracts/rule.ts";
export type { Tracker } from "./contracts/tracker.ts";
export type { RuleEvent } from "./domain/event.ts";

// For programs: a pipeline in one expression.
export {
  device,
  file,
  infer,
  lineRule,
  mjpegServer,
  output,
  overlay,
  pipeline,
  recorder,
  rtsp,
  rtspServer,
  rule,
  settings,
  source,
  track,
  useCase,
  zoneRule,
} from "./daemon/library.ts";
export type { App, Element, PipelineOptions, RelativePoints } from "./daemon/library.ts";
export type { StreamSnapshot } from "./pipeline/stats.ts";

// Kinesis Video Streams in four lines.
export { Producer } from "./daemon/producer.ts";
export type { ProducerOptions, ProducerSource, UploadOptions } from "./daemon/producer.ts";
