/** What a model's numbers mean. */
export type TaskName = "classify" | "detect" | "segment" | "pose" | "embed" | "image";

/** Element types of tensors, named as ONNX Runtime names them. */
export type TensorType =
  | "float32" | "float16" | "float64" | "uint8" | "int8" | "uint16" | "int16" | "int32" | "int64" | "uint32" | "uint64"
  | "bool" | "string";

/** The array that holds a tensor: float16 as raw bits in a Uint16Array, bool as bytes, string (BYTES) as byte strings. */
export type TensorData =
  | Float32Array | Float64Array | Uint8Array | Int8Array | Uint16Array | Int16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array | readonly Uint8Array[];

/** A named array of numbers going into or coming out of a network. */
export interface Tensor {
  readonly name: string;
  readonly type: TensorType;
  /** Row-major dimensions. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A declared input or output of a network. -1 marks a dimension that may vary. */
export interface TensorSpec {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
}

/** How a picture becomes a network's input. Everything is explicit: nothing is left to defaults after parsing. */
export interface InputSpec {
  /** Name of the input tensor. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly layout: "NCHW" | "NHWC";
  readonly color: "RGB" | "BGR" | "GRAY";
  readonly type: "float32" | "float16" | "uint8";
  /**
   * How the picture fills the input: `stretch` both axes; `letterbox` keeps the aspect ratio and pads with {@link pad};
   * `crop` keeps it and cuts the middle out; `none` sends the picture at its own size (remote servers that resize).
   */
  readonly fit: "stretch" | "letterbox" | "crop" | "none";
  /** Where a letterboxed picture lies. */
  readonly anchor: "center" | "top-left";
  /** Padding value, 0…255, in all channels. */
  readonly pad: number;
  /** `value = (pixel × scale − mean[c]) / std[c]`, pixel in 0…255, channels in the order of {@link color}. */
  readonly scale: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Weights plus everything needed to use them, complete and checked. What a `*.yaml` beside the weights says. */
export interface Model {
  readonly name: string;
  /** Absolute path of the weights, when they are embedded; a remote engine knows the model by its name alone. */
  readonly file: string | undefined;
  readonly task: TaskName;
  /** Output family: how to read the outputs (`yolox`, `ssd`, `softmax`, …). One of the task's families. */
  readonly family: string;
  readonly input: InputSpec;
  /** Largest batch: 1 when the batch dimension is fixed or batching is forbidden, else what the manifest allows. */
  readonly maxBatch: number;
  readonly labels: readonly string[];
  /** Lowest score reported, 0…1. */
  readonly threshold: number;
  /** Thresholds of single classes, by label; they override {@link threshold}. */
  readonly classThresholds: Readonly<Record<string, number>>;
  /** Overlap (intersection over union) above which the weaker of two boxes of one class goes. */
  readonly nmsIou: number;
  /** How many classes or objects at most. */
  readonly topK: number;
  /** What else the family needs (strides, anchors, keypoint names, palette …); checked by the family. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Where the model's input lies in the source picture: `source = input × scale + offset`, per axis, in pixels.
 * Made by the scaler, used by the task to report in source pixels.
 */
export interface InputGeometry {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly inputWidth: number;
  readonly inputHeight: number;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
}
