import { isMarkedAsUntransferable } from "node:worker_threads";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { InputGeometry, InputSpec, Tensor } from "../../domain/model.ts";
import type { FramePixels, ProviderName } from "./messages.ts";
import { batchSizes, planRuns } from "./batch-plan.ts";
import { settleFloat16 } from "./float16-tensors.ts";
import { inputArray, pixelWriter, type InputArray, type PixelWriter } from "../to-tensor.ts";

/** How a session is set up. */
export interface SessionOptions {
  readonly provider: ProviderName;
  readonly device: number;
  readonly threads: number;
  readonly maxBatch: number;
  /** Threads wait actively for work: faster with several threads, at the cost of whoever else needs the processor. */
  readonly spin: boolean;
}

/**
 * Memory of the input, used again for every run of one batch size. Outputs are not bound: onnxruntime-node 1.30 fills
 * bound ones and then copies them into new arrays nevertheless.
 */
interface Binding {
  readonly values: InputArray;
  readonly feeds: Record<string, OrtTensor>;
}

/** One loaded network on the calling thread, which `run` blocks. Not for use by two callers at once. */
export class OnnxSession implements AsyncDisposable {
  /** Sizes that runs have, rising. */
  #sizes: readonly number[];
  readonly #session: InferenceSession;
  readonly #input: InputSpec;
  readonly #options: SessionOptions;
  readonly #write: PixelWriter;
  readonly #bindings = new Map<number, Binding>();

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
      // Costs memory and brings no time here (measured); without the arena, runs are slower.
      enableMemPattern: false,
      // Failures are thrown and reported; ONNX Runtime need not print them too.
      logSeverityLevel: 4,
      extra: { session: { intra_op: { allow_spinning: options.spin ? "1" : "0" } } },
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

  /** Outputs per frame, in order, batch dimension 1. They belong to the caller, who frees them ({@link freeOutputs}). */
  async run(frames: readonly FramePixels[]): Promise<readonly (readonly Tensor[])[]> {
    const outputs: (readonly Tensor[])[] = [];
    for (const size of planRuns(frames.length, this.#sizes, this.#options.provider !== "cpu")) {
      const part = frames.slice(outputs.length, outputs.length + size);
      outputs.push(...(await this.#runBatch(part, size)));
    }
    return outputs;
  }

  /** Frees the network's memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }

  async #runBatch(frames: readonly FramePixels[], size: number): Promise<readonly (readonly Tensor[])[]> {
    const { values, feeds } = this.#bindings.get(size) ?? this.#bind(size);
    const length = values.length / size;
    frames.forEach(({ data }, index) => {
      if (data.length !== length) {
        throw new RangeError(`expected ${length} bytes of pixels, got ${data.length}`);
      }
      this.#write(data, values, index * length);
    });
    const results = await this.#session.run(feeds);
    const outputs = Object.entries(results);
    return frames.map((_, index) => outputs.map(([name, tensor]) => splitOutput(name, tensor, size, index)));
  }

  #bind(size: number): Binding {
    const { name, width, height, layout, type } = this.#input;
    const values = inputArray(type, size * width * height * this.#channels);
    const dims = layout === "NCHW" ? [size, this.#channels, height, width] : [size, height, width, this.#channels];
    const binding = { values, feeds: { [name]: new OrtTensor(type, values, dims) } };
    this.#bindings.set(size, binding);
    return binding;
  }

  get #channels(): 1 | 3 {
    return this.#input.color === "GRAY" ? 1 : 3;
  }

  #inputMetadata(): InferenceSession.TensorValueMetadata | undefined {
    const metadata = this.#session.inputMetadata.find(({ name }) => name === this.#input.name);
    return metadata?.isTensor === true ? metadata : undefined;
  }
}

function splitOutput(name: string, tensor: OrtTensor, size: number, index: number): Tensor {
  const { dims } = tensor;
  if (tensor.type === "int4" || tensor.type === "uint4") {
    throw new RangeError(`output ${name} is ${tensor.type}, which nothing here can read`);
  }
  if (size > 1 && dims[0] !== size) {
    throw new RangeError(`output ${name} [${dims.join(",")}] has no batch dimension of ${size}: set maxBatch to 1`);
  }
  const shape = size === 1 ? dims : [1, ...dims.slice(1)];
  const { data } = tensor;
  const length = data.length / size;
  const [from, to] = [index * length, (index + 1) * length];
  return {
    name,
    type: tensor.type,
    shape,
    data: Array.isArray(data) ? data.slice(from, to).map((text) => Buffer.from(text)) : size === 1 ? data : data.subarray(from, to),
  };
}

/**
 * Frees outputs that nobody took over. Every run makes new arrays, 1.2 MB for YOLOX-nano, which the garbage collector
 * lets pile up to 70 MB per thread; freed by hand the process stays 70 MB smaller, and runs are 5 % faster.
 */
export function freeOutputs(outputs: readonly (readonly Tensor[])[]): void {
  for (const { data } of outputs.flat()) {
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer && !data.buffer.detached && !isMarkedAsUntransferable(data.buffer)) {
      data.buffer.transfer(0);
    }
  }
}
