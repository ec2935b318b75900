import { motionEngine } from "./motion/index.ts";
import { onnxEngine } from "./onnx/index.ts";

/** Every kind of engine; the first is the default. One line per kind. */
export const ENGINES = [onnxEngine, motionEngine] as const;
