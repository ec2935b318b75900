import { ENGINES } from "../engines/index.ts";
import { interpreterModuleFor } from "../tasks/interpreter.ts";
import type { Engine } from "../contracts/engine.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { Model } from "../domain/model.ts";

/** The embedded engine for one model, with one executor: for a look at a model rather than for a stream. */
export async function openEmbeddedEngine(model: Model, context: KindContext, signal: AbortSignal): Promise<Engine> {
  const [onnx] = ENGINES;
  const config = onnx.schema.parse({ kind: "onnx", executors: 1 });
  return onnx.open(config, model, { module: interpreterModuleFor(model.family), model }, context, signal);
}
