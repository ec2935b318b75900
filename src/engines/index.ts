import { kserveEngine } from "./kserve/index.ts";
import { motionEngine } from "./motion/index.ts";
import { onnxEngine } from "./onnx/index.ts";
import { tfservingEngine } from "./tfserving/index.ts";
import { torchserveEngine } from "./torchserve/index.ts";

/** Every kind of engine; the first is the default. One line per kind. */
export const ENGINES = [
  onnxEngine,
  motionEngine,
  kserveEngine,
  tfservingEngine,
  torchserveEngine,
] as const;
