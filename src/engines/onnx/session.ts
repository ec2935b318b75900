import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { InputGeometry, InputSpec, Tensor, TensorData } from "../../domain/model.ts";
import type { FramePixels, ProviderName } from "./messages.ts";
import { batchSizes, planRuns } from "./batch-plan.ts";
import { inputArray, pixelWriter, type InputArray, type PixelWriter } from "./to-tensor.ts";

/** How a session is set up. */
export interface SessionOptions {
  readonly provider: ProviderName;
  readonly device: number;
  readonly threads: number;
  readonly maxBatch: number;
  /** New output arrays for every run, because somebody keeps them. */
  readonly freshOutputs: boolean;
}

/** Memory of one run: input and, where their shapes are known, outputs, used again for every run of this shape. */
interface Binding {
  readonly values: InputArray;
  readonly feeds: Record<string, OrtTensor>;
  readonly fetches: Record<string, OrtTensor | null>;
}

type OrtType = Exclude<OrtTensor.Type, "int4" | "uint4">;

/** One loaded network on the calling thread, which `run` blocks. Not for use by two callers at once. */
export class OnnxSession implements AsyncDisposable {
  /** Sizes that runs have, rising. */
  #sizes: readonly number[];
  readonly #session: InferenceSession;
  readonly #input: InputSpec;
  readonly #options: SessionOptions;
  readonly #write: PixelWriter;
  readonly #bindings = new Map<number, Binding>();
  readonly #owned = new WeakSet<ArrayBufferLike>();

  private constructor(session: InferenceSession, input: InputSpec, options: SessionOptions) {
    this.#session = session;
    this.#input = input;
    this.#options = options;
    this.#write = pixelWriter(input);
    const batch = this.#inputMetadata()?.shape[0];
    this.#sizes = typeof batch === "number" ? [batch] : batchSizes(options.maxBatch);
  }

  /** Loads the model. Throws what ONNX Runtime throws. */
  static async open(file: string, input: InputSpec, options: SessionOptions): Promise<OnnxSession> {
    settleFloat16();
    const session = await InferenceSession.create(file, {
      executionProviders: [options.provider === "cpu" ? "cpu" : { name: options.provider, deviceId: options.device }],
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      // Failures are thrown and reported; ONNX Runtime need not print them too.
      logSeverityLevel: 4,
      // Spinning threads take the processor from the other executors and from the decoder.
      extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
    });
    return new OnnxSession(session, input, options);
  }

  /** Batch sizes that callers may use: what is run, and one frame, which is padded where the model has a fixed batch. */
  get batchSizes(): readonly number[] {
    return this.#sizes[0] === 1 ? this.#sizes : [1, ...this.#sizes];
  }

  /** A picture that is the input itself: for warming up. */
  get plainGeometry(): InputGeometry {
    const { width, height } = this.#input;
    return { sourceWidth: width, sourceHeight: height, inputWidth: width, inputHeight: height, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  }

  /** Whether this memory is used again by the next run. */
  owns(buffer: ArrayBufferLike): boolean {
    return this.#owned.has(buffer);
  }

  /**
   * Runs the network once on grey, so that the first frame finds everything in place, and returns the outputs. Batches
   * are tried as well: a model that takes them but cannot be split by its outputs is run frame by frame.
   */
  async warmUp(): Promise<readonly Tensor[]> {
    const { width, height } = this.#input;
    const data = new Uint8Array(width * height * this.#channels).fill(114);
    const frame = { data, width, height, geometry: this.plainGeometry };
    if (this.#sizes[0] === 1 && this.#sizes[1] !== undefined) {
      try {
        await this.run(Array.from({ length: this.#sizes[1] }, () => frame));
      } catch {
        // Not every graph with an open batch dimension can use it; one frame at a time still works.
        this.#sizes = [1];
        this.#bindings.clear();
      }
    }
    const [outputs] = await this.run([frame]);
    return outputs ?? [];
  }

  /** Outputs per frame, in order, batch dimension 1. Valid until the next run, unless they are fresh. */
  async run(frames: readonly FramePixels[]): Promise<readonly (readonly Tensor[])[]> {
    const outputs: (readonly Tensor[])[] = [];
    for (const size of planRuns(frames.length, this.#sizes, this.#options.provider !== "cpu")) {
      const part = frames.slice(outputs.length, outputs.length + size);
      outputs.push(...(await this.#runBatch(part, size, outputs.length + part.length < frames.length)));
    }
    return outputs;
  }

  /** Frees the network's memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }

  async #runBatch(frames: readonly FramePixels[], size: number, moreFollows: boolean): Promise<readonly (readonly Tensor[])[]> {
    const binding = this.#bindings.get(size) ?? this.#bind(size);
    const length = binding.values.length / size;
    frames.forEach(({ data }, index) => {
      if (data.length !== length) {
        throw new RangeError(`expected ${length} bytes of pixels, got ${data.length}`);
      }
      this.#write(data, binding.values, index * length);
    });
    const results = await this.#session.run(binding.feeds, binding.fetches);
    // Outputs that the next run of this call would overwrite are copied: only calls larger than the largest batch.
    const keep = moreFollows && !this.#options.freshOutputs;
    return frames.map((_, index) =>
      this.#session.outputNames.map((name) => {
        const tensor = binding.fetches[name] ?? results[name];
        if (tensor === undefined) {
          throw new RangeError(`output ${name} did not come`);
        }
        return splitOutput(name, tensor, size, index, keep);
      }),
    );
  }

  #bind(size: number): Binding {
    const { name, width, height, layout, type } = this.#input;
    const channels = this.#channels;
    const values = inputArray(type, size * width * height * channels);
    const dims = layout === "NCHW" ? [size, channels, height, width] : [size, height, width, channels];
    const fetches = Object.fromEntries(
      this.#session.outputNames.map((output, index) => [output, this.#options.freshOutputs ? null : this.#outputTensor(index, size)]),
    );
    const binding = { values, feeds: { [name]: new OrtTensor(type, values, dims) }, fetches };
    this.#bindings.set(size, binding);
    return binding;
  }

  /** Memory for an output whose shape is known beforehand; null lets ONNX Runtime allocate it at every run. */
  #outputTensor(index: number, size: number): OrtTensor | null {
    const metadata = this.#session.outputMetadata[index];
    if (metadata?.isTensor !== true) {
      return null;
    }
    const batch = this.#inputMetadata()?.shape[0];
    const dims = metadata.shape.map((dim, axis) => (axis === 0 && typeof dim === "string" && dim === batch ? size : dim));
    const make = MAKE_ARRAY[metadata.type as OrtType];
    if (make === undefined || !dims.every((dim) => typeof dim === "number")) {
      return null;
    }
    const data = make(dims.reduce((product, dim) => product * dim, 1));
    this.#owned.add(data.buffer);
    // The array is the one that belongs to the type; the declared signature knows only pairs written out.
    return new OrtTensor(metadata.type, data as Float32Array, dims);
  }

  get #channels(): 1 | 3 {
    return this.#input.color === "GRAY" ? 1 : 3;
  }

  #inputMetadata(): InferenceSession.TensorValueMetadata | undefined {
    const metadata = this.#session.inputMetadata.find(({ name }) => name === this.#input.name);
    return metadata?.isTensor === true ? metadata : undefined;
  }
}

const MAKE_ARRAY: Partial<Record<OrtType, (length: number) => Exclude<TensorData, readonly Uint8Array[]>>> = {
  float32: (length) => new Float32Array(length),
  float64: (length) => new Float64Array(length),
  float16: (length) => new Uint16Array(length),
  uint8: (length) => new Uint8Array(length),
  int8: (length) => new Int8Array(length),
  int32: (length) => new Int32Array(length),
  int64: (length) => new BigInt64Array(length),
};

function splitOutput(name: string, tensor: OrtTensor, size: number, index: number, copy: boolean): Tensor {
  const type = tensor.type as OrtType;
  const dims = tensor.dims;
  const data: TensorData = type === "string" ? (tensor.data as string[]).map((text) => Buffer.from(text)) : (tensor.data as Exclude<TensorData, readonly Uint8Array[]>);
  if (size === 1) {
    return { name, type, shape: dims, data: copy ? data.slice() : data };
  }
  if (dims[0] !== size) {
    throw new RangeError(`output ${name} [${dims.join(",")}] has no batch dimension of ${size}: set maxBatch to 1`);
  }
  const length = data.length / size;
  const from = index * length;
  return { name, type, shape: [1, ...dims.slice(1)], data: copy || !("subarray" in data) ? data.slice(from, from + length) : data.subarray(from, from + length) };
}

/**
 * onnxruntime-common decides once, at its first tensor, how float16 is held. Where JavaScript has Float16Array it takes
 * that, and onnxruntime-node 1.30 then sees an empty tensor ("not enough space: expected 301056, got 0"). Deciding while
 * Float16Array is out of sight makes it raw bits in a Uint16Array, which works.
 */
function settleFloat16(): void {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "Float16Array");
  Reflect.deleteProperty(globalThis, "Float16Array");
  try {
    new OrtTensor("uint8", new Uint8Array(1), [1]);
  } finally {
    if (descriptor !== undefined) {
      Object.defineProperty(globalThis, "Float16Array", descriptor);
    }
  }
}
