// Models, tensors and geometries for tests of tasks.
import type { InputGeometry, Model, Tensor, TensorType } from "../../src/domain/model.ts";

/** A model of a family; whatever is not said is harmless. */
export function modelOf(family: string, more: Partial<Omit<Model, "input">> & { readonly width?: number; readonly height?: number } = {}): Model {
  const { width = 64, height = 64, ...rest } = more;
  return {
    name: "test", file: undefined, task: "detect", family, maxBatch: 1, labels: ["cat", "dog"], threshold: 0.5, classThresholds: {}, nmsIou: 0.5, topK: 100,
    options: {},
    input: {
      name: "x", width, height, layout: "NCHW", color: "RGB", type: "float32", fit: "stretch", anchor: "center", pad: 0,
      scale: 1, mean: [0, 0, 0], std: [1, 1, 1],
    },
    ...rest,
  };
}

/** A float32 tensor. */
export function floats(name: string, shape: readonly number[], values: Iterable<number>): Tensor {
  return { name, type: "float32", shape, data: Float32Array.from(values) };
}

/** A tensor of any type. */
export function tensor(name: string, type: TensorType, shape: readonly number[], data: Tensor["data"]): Tensor {
  return { name, type, shape, data };
}

/** Input of the source's own size, unless a map is given: source = input × scale + offset. */
export function geometryOf(width: number, height: number, map: Partial<InputGeometry> = {}): InputGeometry {
  return { sourceWidth: width, sourceHeight: height, inputWidth: width, inputHeight: height, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0, ...map };
}
