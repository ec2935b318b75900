import type { EngineReply, EngineRequest, Interpreter, InterpreterRef } from "../contracts/engine.ts";
import type { InputGeometry, InputSpec, Tensor, TensorSpec } from "../domain/model.ts";
import { VedetteError } from "../errors.ts";
import { inputArray, pixelWriter } from "./to-tensor.ts";

/** Loads the module that reads a network's outputs. Remote engines read them on the calling thread. */
export async function loadInterpreter(ref: InterpreterRef): Promise<Interpreter> {
  // What an interpreter module must export (contracts/engine.ts).
  const module = (await import(ref.module.href)) as { createInterpreter(model: unknown): Interpreter };
  return module.createInterpreter(ref.model);
}

/**
 * Writes frames into one tensor, as the model's input wants them. Frames of one batch must be of one size; with
 * `fit: none` that is the size of the pictures themselves.
 */
export function createTensorWriter(input: InputSpec): (batch: readonly EngineRequest[]) => Tensor {
  const write = pixelWriter(input);
  return (batch) => {
    const [first] = batch;
    const { width, height, channels } = first?.pixels ?? { width: 0, height: 0, channels: 3 };
    const frameLength = width * height * channels;
    const data = inputArray(input.type, frameLength * batch.length);
    for (const [i, { pixels }] of batch.entries()) {
      if (pixels.data.byteLength < frameLength || pixels.width !== width || pixels.height !== height) {
        throw new VedetteError("E_ENGINE_FAILED", {
          engine: "input",
          reason: `expected ${frameLength} bytes of pixels (${width}×${height}), got ${pixels.data.byteLength} (${pixels.width}×${pixels.height})`,
        });
      }
      write(pixels.data.subarray(0, frameLength), data, i * frameLength);
    }
    const shape = input.layout === "NCHW" ? [batch.length, channels, height, width] : [batch.length, height, width, channels];
    return { name: input.name, type: input.type, shape, data };
  };
}

/** The JPEGs of a batch. Throws `E_ENGINE_FAILED` when one is missing. */
export function jpegsOf(batch: readonly EngineRequest[], engine: string): readonly Uint8Array[] {
  return batch.map(({ jpeg }) => {
    if (jpeg === undefined) {
      throw new VedetteError("E_ENGINE_FAILED", { engine, reason: "expected a JPEG of the frame, got pixels alone" });
    }
    return jpeg;
  });
}

/** Where the input lies in the picture when the server scales it: both axes stretched to the model's size (the picture's own when not known). */
export function stretched(geometry: InputGeometry, input: Pick<InputSpec, "width" | "height">): InputGeometry {
  const { sourceWidth, sourceHeight } = geometry;
  const [width, height] = input.width > 0 && input.height > 0 ? [input.width, input.height] : [sourceWidth, sourceHeight];
  return {
    sourceWidth,
    sourceHeight,
    inputWidth: width,
    inputHeight: height,
    scaleX: sourceWidth / width,
    scaleY: sourceHeight / height,
    offsetX: 0,
    offsetY: 0,
  };
}

/**
 * One list of tensors for each frame of a batch, batch dimension 1. Throws `E_ENGINE_MODEL` when outputs are missing or
 * their first dimension is not the batch: a server that lies about shapes must not become a crash in an interpreter.
 */
export function splitBatch(
  engine: string,
  model: string,
  outputs: readonly Tensor[],
  declared: readonly TensorSpec[],
  count: number,
): readonly (readonly Tensor[])[] {
  const ordered = declared.map((spec) => {
    const output = outputs.find(({ name }) => name === spec.name);
    if (output?.type !== spec.type || !fits(output.shape, spec.shape) || (count > 1 && output.shape[0] !== count)) {
      const expected = `output ${spec.name} ${spec.type} [${spec.shape.map((n) => (n < 0 ? "?" : n)).join(", ")}] for a batch of ${count}`;
      const got = output === undefined ? outputs.map(({ name }) => name).join(", ") || "no output" : `${output.type} [${output.shape.join(", ")}]`;
      throw new VedetteError("E_ENGINE_MODEL", { engine, model, expected, got });
    }
    return output;
  });
  if (count === 1) {
    return [ordered];
  }
  return Array.from({ length: count }, (_, i) =>
    ordered.map((output) => {
      const length = output.data.length / count;
      return { ...output, shape: [1, ...output.shape.slice(1)], data: output.data.slice(i * length, (i + 1) * length) };
    }),
  );
}

/** Replies for frames whose outputs have come. */
export function interpretAll(
  interpreter: Interpreter,
  frames: readonly (readonly Tensor[])[],
  geometries: readonly InputGeometry[],
  inferMs: number,
): readonly EngineReply[] {
  return frames.map((outputs, i) => {
    const startMs = performance.now();
    // One geometry was made for each frame.
    const finding = interpreter.interpret(outputs, geometries[i] as InputGeometry);
    return { finding, inferMs, interpretMs: performance.now() - startMs };
  });
}

/** Whether a shape is one of those declared: -1 there allows any; a rank that is declared as unknown (empty) too. */
function fits(shape: readonly number[], declared: readonly number[]): boolean {
  return declared.length === 0 || (shape.length === declared.length && declared.every((size, i) => size < 0 || size === shape[i]));
}

/** Runs work for each frame of a batch whose frames cannot travel together. */
export async function oneByOne(
  batch: readonly EngineRequest[],
  infer: (batch: readonly EngineRequest[]) => Promise<readonly EngineReply[]>,
): Promise<readonly EngineReply[]> {
  const replies = await Promise.all(batch.map((request) => infer([request])));
  return replies.flat();
}

/** Whether all frames have one size. */
export function haveOneSize(batch: readonly EngineRequest[]): boolean {
  const [first] = batch;
  return batch.every(({ pixels }) => pixels.width === first?.pixels.width && pixels.height === first.pixels.height);
}

/** Sizes of batches up to `max`: powers of two, and `max`. */
export function batchSizesUpTo(max: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size < max; size *= 2) {
    sizes.push(size);
  }
  return [...sizes, max];
}
